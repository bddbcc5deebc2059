"""docs/howto/schedules.md works from its first command to its last."""

import pytest

from tests.docs.shell import Shell, marked, need
from tests.support.markdown import ROOT
from tests.support.space import Space

HOWTO = ROOT / "docs" / "howto" / "schedules.md"


@pytest.mark.integration
async def test_the_page_works_from_its_first_command_to_its_last(space: Space) -> None:
    need("bash", "curl")
    api, _ = await space.start_all(workers=1)
    assert await Shell(space, api).follow(HOWTO) == len(marked(HOWTO)) == 10
    assert await space.count("schedules") == 0
