"""The api behind PgBouncer in transaction mode, set up as docs/operations/production.md says."""

import asyncio
import os
import pwd
import re
import shutil
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest

from jobstream.local.ports import free_port
from jobstream.local.processes import Command
from tests.support.eventually import eventually
from tests.support.markdown import ROOT, blocks
from tests.support.space import Space

pytestmark = pytest.mark.integration

PAGE = ROOT / "docs" / "operations" / "production.md"
LISTS = ("/jobs?limit=3", "/jobs?type=example&status=COMPLETED&limit=2", "/workers", "/dead-letters")


def settings_of_the_page() -> str:
    """What the page tells its reader to write into pgbouncer.ini."""
    [ini] = [block.text for block in blocks(PAGE) if block.options.get("file") == "pgbouncer.ini"]
    assert "pool_mode = transaction" in ini
    return ini


@pytest.fixture
async def pooled(space: Space, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """The address of the space's database through a pooler."""
    program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        pytest.skip("PGBOUNCER IS NOT TESTED: it is not installed")
    server = urlsplit(space.cluster.database_url)
    name, port = server.path.strip("/"), free_port()
    folder = Path("/tmp") / f"pgbouncer-{space.schema}"  # a folder that the user below can enter
    folder.mkdir()
    nobody = pwd.getpwnam("nobody") if os.getuid() == 0 else None  # it refuses to run as root
    target = f"host={server.hostname} port={server.port} user={server.username} password={server.password}"
    ini = re.sub(r"(?m)^(host|listen|auth|\[databases\]|jobstream).*\n", "", settings_of_the_page())
    (folder / "pgbouncer.ini").write_text(
        f"[databases]\n{name} = {target}\n{ini}\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n"
        "auth_type = any\nunix_socket_dir =\n"
    )
    command = Command(
        name="pgbouncer",
        argv=[program, str(folder / "pgbouncer.ini")],
        user=nobody.pw_uid if nobody else None,
        group=nobody.pw_gid if nobody else None,
        log=tmp_path_factory.mktemp("pgbouncer") / "log",
    )
    process = space.cluster.family.spawn(command)
    try:

        async def open_() -> bool:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return True

        await eventually(open_, timeout=15, what=f"pgbouncer listens; it said {command.log}")
        yield f"postgresql://anybody@127.0.0.1:{port}/{name}"
    finally:
        await process.stop(5.0)
        shutil.rmtree(folder)


async def test_submits_reads_and_lists_work_behind_a_pooler(space: Space, pooled: str) -> None:
    # The pooler drops what a client sets at connect, so the role has to bring it.
    await space.execute(f"ALTER ROLE CURRENT_USER SET search_path TO {space.schema}")
    try:
        api, _ = await space.start_all(workers=1, JOBSTREAM_DATABASE_URL=pooled, JOBSTREAM_DATABASE_STATEMENT_CACHE="0")
        answers: Counter[tuple[str, object]] = Counter()
        async with space.http(api) as client:
            for _ in range(3):
                await asyncio.gather(*(use(client, answers) for _ in range(20)))
    finally:
        await space.execute("ALTER ROLE CURRENT_USER RESET search_path")
    wanted = {("submit", 201): 60, ("ended", "COMPLETED"): 60} | {(path, 200): 60 for path in LISTS}
    assert answers == wanted, api.log_text()[-2000:]


async def use(client: httpx2.AsyncClient, answers: Counter[tuple[str, object]]) -> None:
    submitted = await client.post("/jobs", json={"payload": {"task": "example"}})
    answers["submit", submitted.status_code] += 1
    ended = await client.get(submitted.headers["location"], params={"wait": 20})
    answers["ended", ended.json()["status"]] += 1
    for path in LISTS:
        answers[path, (await client.get(path)).status_code] += 1
