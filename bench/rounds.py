"""One run of a load from its first submit to its last durable outcome, and the median of several."""

import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bench.load import EXAMPLE, Load
from bench.load.closed import post_many
from bench.load.records import write_records
from bench.place import Place
from bench.watch import Watch, Wrong

PATIENCE_S = 120.0
BATCH = 1000
BATCH_CONNECTIONS = 2  # more at once gain nothing: the api stores one batch while it reads the next
SINGLE_CONNECTIONS = 64


@dataclass(frozen=True, slots=True)
class Round:
    """What one run gave.

    Attributes:
        taken_s: until the last submit was answered, seconds.
        done_s: until the last outcome stood in PostgreSQL, seconds.
        cpu: CPU seconds by part of the system; empty if its processes are out of reach.
    """

    jobs: int
    taken_s: float
    done_s: float
    cpu: dict[str, float]
    load: Load

    @property
    def rate(self) -> float:
        """Jobs a second, end to end."""
        return self.jobs / self.done_s

    @property
    def cpu_s(self) -> float:
        """CPU seconds of all processes, the load's among them, per 1,000 jobs."""
        return sum(self.cpu.values()) / self.jobs * 1000

    def us_per_job(self) -> dict[str, float]:
        """CPU microseconds a job, by part."""
        return {part: round(spent / self.jobs * 1e6, 1) for part, spent in self.cpu.items()}


async def run(place: Place, watch: Watch, jobs: int, submit: Callable[[], Awaitable[Load]]) -> Round:
    """Submit, wait until every job is recorded, and check that each is right.

    Raises:
        Wrong: a submit was refused, a job is missing, doubled or not as it should be.
    """
    floor, applied, cpu = await watch.floor(), await watch.applied(), place.cpu()
    began = time.perf_counter()
    load = await submit()
    taken = time.perf_counter()
    if load.refused:
        raise Wrong(f"{load.refused} submits were refused")
    done = await watch.until_done(floor, jobs, applied_before=applied, patience_s=PATIENCE_S)
    spent = cpu.spent() if place.family is not None else {}
    await watch.check(floor, jobs)
    return Round(jobs, taken - began, done - began, spent, load)


async def singles(place: Place, watch: Watch, jobs: int) -> Round:
    """``POST /jobs`` over 64 connections."""
    return await run(
        place,
        watch,
        jobs,
        lambda: post_many(place.host, place.port, "/jobs", EXAMPLE, requests=jobs, connections=SINGLE_CONNECTIONS),
    )


async def batches(place: Place, watch: Watch, jobs: int) -> Round:
    """``POST /jobs/batch`` of 1,000 each; ``jobs`` is a multiple of that."""
    return await run(place, watch, jobs, lambda: submit_batches(place, jobs))


async def submit_batches(place: Place, jobs: int, job: bytes = EXAMPLE) -> Load:
    """Only submit."""
    body = b'{"jobs":[' + b",".join([job] * BATCH) + b"]}"
    return await post_many(
        place.host, place.port, "/jobs/batch", body, requests=jobs // BATCH, connections=BATCH_CONNECTIONS
    )


async def records(place: Place, watch: Watch, jobs: int) -> Round:
    """Direct records."""
    return await run(place, watch, jobs, lambda: write_records(place.settings, jobs))


async def several(count: int, one: Callable[[], Awaitable[Round]]) -> list[Round]:
    """The same a few times."""
    return [await one() for _ in range(count)]


def median(rounds: list[Round]) -> Round:
    """The round with the median rate."""
    return sorted(rounds, key=lambda one: one.rate)[(len(rounds) - 1) // 2]


def rate(rounds: list[Round]) -> float:
    """The median rate."""
    return statistics.median(one.rate for one in rounds)


async def warm_up(place: Place, watch: Watch, scale: float) -> None:
    """Let every part connect, fill its caches and, in Kafka's case, compile."""
    await singles(place, watch, thousands(10_000 * scale))
    await batches(place, watch, thousands(30_000 * scale))
    await records(place, watch, thousands(30_000 * scale))


def thousands(jobs: float) -> int:
    """A number of jobs as whole batches."""
    return max(round(jobs / BATCH), 1) * BATCH
