"""docs/howto/limits.md and queues.md work from their first command to their last."""

import pytest

from tests.docs.shell import Shell, marked, need, write_files
from tests.support.eventually import eventually
from tests.support.markdown import ROOT
from tests.support.space import Space

LIMITS = ROOT / "docs" / "howto" / "limits.md"
QUEUES = ROOT / "docs" / "howto" / "queues.md"


@pytest.mark.integration
async def test_the_page_about_limits_works(space: Space) -> None:
    need("bash", "curl")
    assert write_files(LIMITS, space.folder) == ["mails.py"]
    api, _ = await space.start_all(JOBSTREAM_HANDLERS=f"{space.env['JOBSTREAM_HANDLERS']},mails")
    async with space.http(api) as client:

        async def declared() -> bool:
            return (await client.get("/limits/mail")).status_code == 200

        await eventually(declared, what="the api knows the handler of the page")
    assert await Shell(space, api).follow(LIMITS) == len(marked(LIMITS)) == 7
    assert await space.count("limits") == 0


@pytest.mark.integration
async def test_the_page_about_queues_works(space: Space) -> None:
    need("bash", "curl")
    api, _ = await space.start_all()
    assert await Shell(space, api).follow(QUEUES) == len(marked(QUEUES)) == 6
