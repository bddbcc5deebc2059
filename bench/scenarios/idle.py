"""What a system costs that has nothing to do."""

import asyncio
import re
import time
from collections import Counter
from pathlib import Path

from bench.figures import Figure, Target
from bench.scenario import Here, Line, Scenario
from bench.watch import Watch

SETTLE_S = 15.0
SECONDS = 60.0
_STATEMENT = re.compile(r"LOG:  (?:statement|execute [^:]*): (.*)")
_FRAME = re.compile(r"(BEGIN|COMMIT|ROLLBACK|END)\b", re.IGNORECASE)


async def _measure(here: Here, scenario: Scenario) -> list[Figure]:
    assert here.place.log is not None
    seconds = max(SECONDS * min(here.scale, 1.0), 10.0)
    await _log_statements(here.watch, "all")
    try:
        await asyncio.sleep(SETTLE_S)
        size, cpu, began = here.place.log.stat().st_size, here.place.cpu(), time.perf_counter()
        await asyncio.sleep(seconds)
        taken, spent = time.perf_counter() - began, cpu.spent()
        queries = await asyncio.to_thread(_statements, here.place.log, size)
    finally:
        await _log_statements(here.watch, "none")
    minute = {part: round(used * 60 / taken, 3) for part, used in spent.items()}
    return [
        scenario.figure("cpu", minute["api"] + minute["worker"], cpu_s=minute),
        scenario.figure("queries", queries.total() / taken, most=dict(queries.most_common(12))),
    ]


async def _log_statements(watch: Watch, which: str) -> None:
    """PostgreSQL writes down every statement, or none: the exact count, and what asks."""
    await watch.execute(f"ALTER SYSTEM SET log_statement = '{which}'")
    await watch.execute("SELECT pg_reload_conf()")


def _statements(log: Path, since: int) -> Counter[str]:
    """Statements in the log by their first words, without those that only frame a transaction."""
    with log.open("rb") as file:
        file.seek(since)
        text = file.read().decode(errors="replace")
    found = [match.strip() for match in _STATEMENT.findall(text)]
    return Counter(statement[:100] for statement in found if not _FRAME.match(statement))


IDLE = Scenario(
    "idle",
    {
        "cpu": Line("idle system, CPU of api and worker", "s per minute", Target(1.0, least=False)),
        "queries": Line("idle system, queries", "per s", Target(5.0, least=False)),
    },
    _measure,
    ours=True,
)
