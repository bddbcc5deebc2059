"""docs/howto/cancel.md and docs/howto/delay.md work from their first command to their last."""

import pytest

from tests.docs.shell import Shell, marked, need
from tests.support.markdown import ROOT
from tests.support.space import Space

HOWTO = ROOT / "docs" / "howto"


@pytest.mark.integration
async def test_the_pages_work_from_their_first_command_to_their_last(space: Space) -> None:
    need("bash", "curl", "python3")
    api, _ = await space.start_all(workers=1)
    shell = Shell(space, api)
    for page, commands in (("cancel.md", 5), ("delay.md", 2)):
        assert await shell.follow(HOWTO / page) == len(marked(HOWTO / page)) == commands
    assert await space.statuses() == {"CANCELLED": 4, "COMPLETED": 2, "FAILED": 1}
