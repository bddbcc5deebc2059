"""docs/howto/write-a-handler.md and the README's handlers work as they stand."""

from typing import Any

import pytest

from jobstream import JobContext
from jobstream.handlers.outcomes import Failed
from jobstream.testing import run_handler
from tests.docs.shell import Shell, marked, need, write_files
from tests.support.eventually import eventually
from tests.support.markdown import ROOT, blocks, rows
from tests.support.space import Space

HOWTO = ROOT / "docs" / "howto" / "write-a-handler.md"
README = ROOT / "README.md"


@pytest.mark.integration
async def test_the_page_works_from_its_first_command_to_its_last(space: Space):
    need("bash")
    assert write_files(HOWTO, space.folder) == ["parcels.py", "points.py", "primes.py", "test_parcels.py"]
    modules = f"{space.env['JOBSTREAM_HANDLERS']},parcels,points,primes"
    api, _ = await space.start_all(workers=1, JOBSTREAM_HANDLERS=modules)
    async with space.http(api) as client:

        async def known() -> bool:
            types = {item["type"] for item in (await client.get("/job-types")).json()["items"]}
            return types >= {"parcel.track", "points.add", "primes.count"}

        await eventually(known, what="the api knows the handlers of the page")
    assert await Shell(space, api).follow(HOWTO) == len(marked(HOWTO)) == 6


def test_the_page_names_all_of_the_context():
    told = " ".join(row[0] for row in rows(HOWTO))
    for name in (name for name in dir(JobContext) if not name.startswith("_")):
        assert f"ctx.{name}" in told, name


async def test_the_readmes_handler_does_what_it_shows():
    (block,) = [block for block in blocks(README) if block.language == "python"]
    opened, sent = False, []

    async def mailbox_is_open() -> bool:
        return opened

    async def send(payload: Any, *, idempotency_key: str) -> str:
        sent.append((payload.to, idempotency_key))
        return "<1@example.org>"

    names: dict[str, Any] = {"mailbox_is_open": mailbox_is_open, "send": send, "__name__": "readme"}
    exec(compile(block.text, str(block), "exec"), names)
    mail = {"to": "ann@example.org", "subject": "Hello"}
    closed = await run_handler(names["send_email"], mail)
    assert isinstance(closed.outcome, Failed)
    assert closed.outcome.retry_after_s == 60
    opened = True
    ran = await run_handler(names["send_email"], mail)
    assert ran.result == {"message_id": "<1@example.org>"}
    assert sent == [("ann@example.org", str(ran.job.id))]
