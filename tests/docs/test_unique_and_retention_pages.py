"""The pages on unique jobs and on retention work from their first command to their last."""

import pytest

from tests.docs.shell import Shell, marked, need
from tests.support.markdown import ROOT
from tests.support.space import Space

HOWTO = ROOT / "docs" / "howto"


@pytest.mark.integration
async def test_the_pages_work_from_their_first_command_to_their_last(space: Space) -> None:
    need("bash", "curl")
    api, _ = await space.start_all(workers=1)
    shell = Shell(space, api)
    assert await shell.follow(HOWTO / "unique.md") == len(marked(HOWTO / "unique.md")) == 4
    assert await space.statuses() == {"PENDING": 1}
    assert await shell.follow(HOWTO / "retention.md") == len(marked(HOWTO / "retention.md")) == 2
