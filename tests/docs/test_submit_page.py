"""docs/howto/submit.md works from its first command to its last, and while a first request is under way."""

import pytest

from tests.docs.shell import Shell, marked, need
from tests.support.markdown import ROOT
from tests.support.space import Space

PAGE = ROOT / "docs" / "howto" / "submit.md"


@pytest.mark.integration
async def test_the_page_works_from_its_first_command_to_its_last(space: Space) -> None:
    need("bash", "curl", "python3")
    api, _ = await space.start_all(workers=1)
    shell = Shell(space, api)
    assert await shell.follow(PAGE) == len(marked(PAGE)) == 7
    # One for each new key, one of the batch, one without a key.
    await space.until_all("COMPLETED", 5)
    async with space.key_in_flight("order-4712"):
        assert await shell.follow(PAGE, "busy") == len(marked(PAGE, "busy")) == 1
    assert await space.count("jobs") == 5


@pytest.mark.integration
async def test_a_schedule_that_is_triggered_twice_with_one_key_fires_twice(space: Space) -> None:
    api, _ = await space.start_all(workers=1)
    async with space.http(api) as client:
        schedule = {"name": "nightly", "cron": "@yearly", "job": {"payload": {"task": "example"}}}
        assert (await client.post("/schedules", json=schedule)).status_code == 201
        for _ in range(2):
            fired = await client.post("/schedules/nightly/trigger", headers={"Idempotency-Key": "a"})
            assert fired.status_code == 201
    await space.until_all("COMPLETED", 2)
