"""How fast it goes: jobs one at a time, then a burst through each door."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from jobstream.cli.demo.acts import Door
from jobstream.cli.latency import kept_within
from jobstream.client import Client, JobNotFound, JobSnapshot, KafkaClient, StillRunning
from jobstream.contracts.status import JobStatus
from jobstream.errors import JobstreamError
from jobstream.ids import new_id

TYPE = "example"
SINGLES = 50
BURST = 2_000
BATCH = 500
SINGLE_S = 10.0
BURST_S = 90.0
POLL_S = 0.1


@dataclass(slots=True)
class Rate:
    """What one series of jobs gave.

    Attributes:
        jobs: those taken.
        ended: those that ended, by status; and RETRYING, once for each attempt that was tried again.
        latencies: seconds, one for each job that completed; singles: from submit to the answer that it is done,
            bursts: from submit to the handler's end.
        taken_s: until all were submitted, seconds. 0 for singles.
        took_s: from the first submit to the last end, seconds. 0 for singles.
        surprises: what was not as foretold.
    """

    title: str
    door: Door
    jobs: int = 0
    ended: Counter[JobStatus] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    taken_s: float = 0.0
    took_s: float = 0.0
    surprises: list[str] = field(default_factory=list)

    def latency(self, share: float) -> float | None:
        """The latency that so large a share of the jobs kept within, seconds; None: no job completed."""
        return kept_within(self.latencies, share) if self.latencies else None

    @property
    def name(self) -> str:
        return f"{self.title} over {self.door}"

    def note(self, job: JobSnapshot) -> None:
        """Count a job that has ended, and what it went through."""
        self.ended[job.status] += 1
        self.ended[JobStatus.RETRYING] += job.retries
        if job.status is not JobStatus.COMPLETED:
            self.surprises.append(f"{self.name}: {job.id} ended {job.status}: {job.last_error}")

    @property
    def per_s(self) -> float | None:
        """Jobs done a second."""
        return len(self.latencies) / self.took_s if self.took_s else None


async def measure(http: Client, kafka: KafkaClient, tag: str, *, begin: Callable[[Rate], None]) -> list[Rate]:
    """Run all series, one after another.

    Args:
        begin: called with each series when it starts.
    """
    rates = []
    for door in Door:
        rate = Rate("one at a time", door)
        begin(rate)
        await _singles(rate, http, kafka, tag)
        rates.append(rate)
    for door in Door:
        rate = Rate("burst", door)
        begin(rate)
        await _burst(rate, http, kafka, f"{tag}-{door.value}")
        rates.append(rate)
    return rates


async def _singles(rate: Rate, http: Client, kafka: KafkaClient, tag: str) -> None:
    for number in range(SINGLES):
        began = time.monotonic()
        try:
            if rate.door is Door.HTTP:
                job = await http.submit({"n": number}, type=TYPE, tags=[tag])
                rate.jobs += 1
                job = await http.wait(job.id, SINGLE_S)
            else:
                job_id = await kafka.publish({"n": number}, type=TYPE, tags=[tag])
                rate.jobs += 1
                job = await _ended(http, job_id, began + SINGLE_S)
        except JobstreamError as error:
            rate.surprises.append(f"{rate.name}: {error}")
            continue
        rate.note(job)
        if job.status is JobStatus.COMPLETED:
            rate.latencies.append(time.monotonic() - began)


async def _ended(http: Client, job_id: UUID, until: float) -> JobSnapshot:
    """A job that came over Kafka, so that the api may not know of it yet, once it has ended."""
    while True:
        try:
            return await http.wait(job_id, max(until - time.monotonic(), 0.0))
        except JobNotFound:
            if time.monotonic() > until:
                raise StillRunning(f"the api does not know job {job_id} after {SINGLE_S:g} s") from None
            await asyncio.sleep(0.003)


async def _burst(rate: Rate, http: Client, kafka: KafkaClient, tag: str) -> None:
    began = time.monotonic()
    until = began + BURST_S
    ids = await (_by_batch(rate, http, tag) if rate.door is Door.HTTP else _by_record(rate, kafka, tag))
    rate.taken_s = time.monotonic() - began
    rate.jobs = len(ids)
    jobs = [job for job in await _all_ended(http, tag, len(ids), until) if job.done]
    for job in jobs:
        rate.note(job)
    if missing := len(ids - {job.id for job in jobs}):
        rate.surprises.append(f"{rate.name}: {missing} of {len(ids)} jobs had not ended after {BURST_S:g} s")
    if strangers := len({job.id for job in jobs} - ids):
        rate.surprises.append(f"{rate.name}: {strangers} jobs that nobody submitted")
    ends = [job.finished_at for job in jobs if job.finished_at is not None]
    if ends:
        rate.latencies = [_seconds(job) for job in jobs if job.status is JobStatus.COMPLETED]
        rate.took_s = max((max(ends) - min(job.created_at for job in jobs)).total_seconds(), 0.001)


async def _by_batch(rate: Rate, http: Client, tag: str) -> set[UUID]:
    ids: set[UUID] = set()
    for start in range(0, BURST, BATCH):
        jobs = [{"type": TYPE, "payload": {"n": start + n}, "tags": [tag]} for n in range(BATCH)]
        for verdict in await http.submit_batch(jobs):
            if verdict.job is None:
                rate.surprises.append(f"{rate.name}: a job was refused with {verdict.status}")
            else:
                ids.add(verdict.job.id)
    return ids


async def _by_record(rate: Rate, kafka: KafkaClient, tag: str) -> set[UUID]:
    ids: set[UUID] = set()
    for start in range(0, BURST, BATCH):
        chosen = [new_id() for _ in range(BATCH)]
        sent = await asyncio.gather(
            *(kafka.publish({"n": start + n}, job_id=job_id, type=TYPE, tags=[tag]) for n, job_id in enumerate(chosen)),
            return_exceptions=True,
        )
        for job_id, answer in zip(chosen, sent, strict=True):
            if isinstance(answer, BaseException):
                rate.surprises.append(f"{rate.name}: a record was not taken: {answer}")
            else:
                ids.add(job_id)
    return ids


async def _all_ended(http: Client, tag: str, count: int, until: float) -> Sequence[JobSnapshot]:
    """All jobs with that tag, once ``count`` have ended or time is up."""
    while True:
        jobs: list[JobSnapshot] = []
        over = True
        async for job in http.iterate(tag=tag, limit=200):
            jobs.append(job)
            over = over and job.done
            if not over and time.monotonic() < until:
                break  # the rest can wait as well
        if (over and len(jobs) >= count) or time.monotonic() >= until:
            return jobs
        await asyncio.sleep(POLL_S)


def _seconds(job: JobSnapshot) -> float:
    return max(((job.finished_at or job.created_at) - job.created_at).total_seconds(), 0.0)
