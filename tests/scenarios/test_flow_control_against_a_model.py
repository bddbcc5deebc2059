"""Flow control, driven at random while processes are killed, never does what a model of it forbids."""

import asyncio
import os
import random
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

import pytest

from tests.support.eventually import eventually
from tests.support.flow_driver import PERIOD_S, TENANTS, Driver
from tests.support.flow_model import CHANGE_S, History, Run
from tests.support.space import Space

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

SEEDS = [int(seed) for seed in os.environ.get("JOBSTREAM_FLOW_SEEDS", "7").split(",")]
SECONDS = float(os.environ.get("JOBSTREAM_FLOW_SECONDS", "22"))
DRAIN_S = 60.0
OVER = {"COMPLETED", "FAILED", "CANCELLED"}
FREE_S = 20.0
"""How soon a job without a limit begins when it is due, also if its worker was killed: session, lease and grace."""


@pytest.mark.parametrize("seed", SEEDS)
async def test_flow_control_driven_at_random_while_processes_die_keeps_every_promise(space: Space, seed: int):
    await space.prepare(JOBSTREAM_RELAY_SWEEP_AFTER_S="1")
    driver = Driver(space, random.Random(seed))
    changed: list[str] = []
    watch = asyncio.create_task(watch_endings(space, changed), name="watch endings")
    try:
        await driver.begin()
        await driver.drive(SECONDS)
        rows = await all_over(space, len(driver.history.jobs))
    finally:
        watch.cancel()
        with suppress(asyncio.CancelledError):
            await watch
        await driver.close()
    runs = driver.history.runs(space.runs())
    broken = changed + verdict(driver.history, runs, rows)
    assert not broken, f"seed {seed}: {len(broken)} broken\n" + "\n".join(broken[:40])
    print(f"seed {seed}: {len(rows)} jobs, {len(runs)} runs, {len(driver.history.killed)} processes killed")


async def watch_endings(space: Space, changed: list[str]) -> None:
    """Look at the rows all the time: what is over stays as it is."""
    ended: dict[Any, str] = {}
    while True:
        for row in await space.fetch("SELECT id, status FROM jobs"):
            before = ended.get(row["id"])
            if before is not None and row["status"] != before:
                changed.append(f"{row['id']}: {before} became {row['status']}")
            if row["status"] in OVER:
                ended[row["id"]] = row["status"]
        await asyncio.sleep(0.25)


async def all_over(space: Space, jobs: int) -> dict[str, Any]:
    """Wait until every job that was submitted has a row, and is over; returns the rows."""

    async def over() -> bool:
        statuses = await space.statuses()
        assert set(statuses) <= OVER, f"{statuses}"
        assert sum(statuses.values()) == jobs, f"{statuses}, {jobs} were submitted"
        return True

    await eventually(over, timeout=DRAIN_S, every=0.2, what="every job is over")
    rows = await space.fetch(
        "SELECT id, status, errors, extract(epoch FROM finished_at)::float8 AS ended, "
        "extract(epoch FROM coalesce(run_at, created_at))::float8 AS due FROM jobs"
    )
    return {str(row["id"]): row for row in rows}


def by(runs: Iterable[Run], what: Callable[[Run], str]) -> defaultdict[str, list[Run]]:
    """Runs in groups, each in the order of their beginnings."""
    groups: defaultdict[str, list[Run]] = defaultdict(list)
    for run in runs:
        groups[what(run)].append(run)
    return groups


def verdict(history: History, runs: list[Run], rows: dict[str, Any]) -> list[str]:
    """All that is not as the model has it."""
    of = by(runs, lambda run: run.job.type)
    limited = of["model.few"] + of["model.tenants"]
    broken = history.early(runs)
    broken += history.beyond_rate("rate", of["model.rated"], PERIOD_S)
    broken += history.beyond_concurrency("few", of["model.few"])
    broken += history.beyond_concurrency("shared", sorted(limited, key=lambda run: run.begin))
    for tenant in TENANTS:
        broken += history.beyond_concurrency("each", [run for run in of["model.tenants"] if run.job.tenant == tenant])
    strict = History({job.id: job for job in history.jobs.values() if job.type == "model.strict"})
    broken += strict.out_of_order(of["model.strict"], {job_id: row["ended"] for job_id, row in rows.items()})
    broken += history.in_a_pause(runs)
    broken += history.after_cancel(runs)
    return broken + endings(history, runs, rows) + starved(history, runs, rows)


def endings(history: History, runs: list[Run], rows: dict[str, Any]) -> list[str]:
    """Jobs whose end is not one that was asked for."""
    broken = []
    of = by(runs, lambda run: run.job.id)
    for job in history.jobs.values():
        row = rows[job.id]
        what = f"job {job.n} ({job.type}, {job.id}): {row['status']}"
        if (row["status"] == "CANCELLED") != (job.cancelled_at is not None):
            broken.append(f"{what}, its cancellation was answered: {job.cancelled_at}")
        if row["status"] == "COMPLETED" and job.id not in of:
            broken.append(f"{what}, and never ran")
        # One whose start died with its worker before it was told of may be too late for another.
        started = any(run.end != history.killed.get(run.pid) for run in of.get(job.id, []))
        if row["status"] == "FAILED" and (job.start_within_s is None or started):
            broken.append(f"{what}, {row['errors']}")
    return broken


def starved(history: History, runs: list[Run], rows: dict[str, Any]) -> list[str]:
    """Jobs without a limit that began long after nothing held them any more."""
    first: dict[str, float] = {}
    for run in runs:
        first.setdefault(run.job.id, run.begin)
    broken = []
    for job in history.jobs.values():
        if job.type != "model.free" or job.id not in first:
            continue
        free_at = rows[job.id]["due"]
        for (kind, which), setting in history.paused.items():
            if getattr(job, kind) == which:
                free_at = max([free_at, *(end + CHANGE_S for begin, end in setting.pauses() if begin < first[job.id])])
        if first[job.id] > free_at + FREE_S:
            broken.append(f"job {job.n} ({job.type} in {job.queue}) began {first[job.id] - free_at:.1f} s late")
    return broken
