"""The programs of the pages about publishing, as they stand, against a real broker."""

import asyncio
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer

from jobstream.contracts.jobs import DirectRecord
from tests.docs.shell import Shell, need, write_files
from tests.support.eventually import eventually
from tests.support.markdown import ROOT, Block, blocks, rows
from tests.support.space import Space

HOWTO = ROOT / "docs" / "howto"
KEY = b"customer-7"
AWAY = re.compile(
    r"no such host|name resolution|ENOTFOUND|EAI_AGAIN|connection re(fused|set)|ECONNRE(FUSED|SET)"
    r"|unreachable|ENETUNREACH|time(d |-)?out|ETIMEDOUT|not done within|ENOTCACHED|GOPROXY=off"
    r"|(?<![\w.])(403|502|503|504)(?![\w.])",
    re.IGNORECASE,
)
"""What is said of a registry that is out of reach. A page that names what is not there fails its test."""


def test_the_page_names_every_field_of_a_record() -> None:
    on_page = {row[0].strip("`") for row in rows(HOWTO / "publish.md")} - {"field"}
    assert on_page == set(DirectRecord.model_fields)


@pytest.mark.integration
async def test_python(space: Space) -> None:
    await publish(space, HOWTO / "publish-from-python.md", {"example": 3})


@pytest.mark.integration
@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_node(space: Space) -> None:
    need("node", "npm")
    await publish(space, HOWTO / "publish-from-node.md", {"example": 1})


@pytest.mark.integration
@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_go(space: Space) -> None:
    need("go")
    version = await asyncio.to_thread(subprocess.check_output, ["go", "version"], text=True, timeout=30)
    if (old := re.search(r"go1\.(1?\d|20)\b", version)) is not None:
        pytest.skip(f"publish-from-go.md IS NOT TESTED: {old[0]} is too old for the client, 1.21 would do")
    await publish(space, HOWTO / "publish-from-go.md", {"example": 1})


@pytest.mark.integration
async def test_kcat(space: Space) -> None:
    need("kcat")
    await publish(space, HOWTO / "publish-with-kcat.md", {"example": 5})


async def publish(space: Space, page: Path, jobs: dict[str, int]) -> None:
    """Install what a page installs, run its programs, and look at what came of them."""
    api, _ = await space.start_all(workers=1)
    shell = Shell(space, api)
    for name in write_files(page, space.folder):
        file = space.folder / name
        file.write_text(shell.right(file.read_text()))
    await install(shell, page)
    assert await shell.follow(page, word="program") > 0
    found = await eventually(lambda: ended(space, jobs), what=f"{jobs} are COMPLETED")
    assert all(row["last_error"] is None for row in found)
    assert await partitions_of_the_key(space) == {await partition_by_the_api(space)}


async def install(shell: Shell, page: Path) -> None:
    """What comes from a registry; where there is none the test cannot be run."""
    for block in installs(page):
        try:
            await shell.run(block.text, where=str(block))
        except AssertionError as error:
            if AWAY.search(str(error)) is None:
                raise
            pytest.skip(f"{page.name} IS NOT TESTED: its client cannot be had here: {error}")


def installs(page: Path) -> list[Block]:
    return [block for block in blocks(page) if "install" in block.words]


async def ended(space: Space, jobs: dict[str, int]) -> list[Any]:
    rows = await space.fetch("SELECT type, status, last_error FROM jobs")
    assert all(row["status"] == "COMPLETED" for row in rows), rows
    counts: dict[str, int] = {}
    for row in rows:
        counts[row["type"]] = counts.get(row["type"], 0) + 1
    assert counts == jobs
    return rows


async def partition_by_the_api(space: Space) -> int:
    """Where the api's own producer puts the key."""
    [(partition, _)] = await space.produce([{"type": "example", "payload": {}, "key": KEY.decode()}], key=KEY)
    return partition


async def partitions_of_the_key(space: Space) -> set[int]:
    """Where the records of the key lie that the page's programs wrote."""
    consumer = AIOKafkaConsumer(
        space.topics.jobs(),
        bootstrap_servers=space.cluster.env["JOBSTREAM_KAFKA_BOOTSTRAP_SERVERS"],
        auto_offset_reset="earliest",
    )
    await consumer.start()
    found: set[int] = set()
    try:

        async def seen() -> set[int]:
            for records in (await consumer.getmany(timeout_ms=500)).values():
                found.update(record.partition for record in records if record.key == KEY)
            return found

        return set(await eventually(seen, what="a record with the key is on the topic"))
    finally:
        await asyncio.wait_for(consumer.stop(), 10)
