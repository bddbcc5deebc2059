"""Which batches of status events are tried as one statement."""

from collections.abc import Iterable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast
from uuid import uuid4

import pytest

from jobstream.contracts.events import Origin, StatusEvent
from jobstream.contracts.jobs import Job
from jobstream.contracts.status import JobStatus
from jobstream.ids import record_id
from jobstream_api.domain.decisions import Standing
from jobstream_api.domain.flow import FlowRules
from jobstream_api.domain.fold import Folded, fold
from jobstream_api.domain.retry import RetryPolicy
from jobstream_api.infrastructure.database import Database
from jobstream_api.repositories import runs
from jobstream_api.repositories.dead_letters import DeadLetter
from jobstream_api.services.applier import Applier, News
from jobstream_api.services.coverage import Coverage
from jobstream_api.services.ingest import Effects
from jobstream_api.settings import ApiSettings

AT = datetime(2026, 1, 1, tzinfo=UTC)
TOPIC = "jobs.created"
PLACE = (TOPIC, 0)


def told(event: str = "completed", offset: int | None = None, **fields: Any) -> StatusEvent:
    """An event, of a direct job if it has an offset."""
    job = uuid4() if offset is None else record_id(TOPIC, 0, offset, int(AT.timestamp() * 1000))
    run = {"event": event, "id": job, "run_id": uuid4(), "worker": "w", "at": AT, "type": "example"} | fields
    if offset is not None:
        whole = {
            "id": run["id"],
            "type": "example",
            "queue": "default",
            "payload": {},
            "created_at": AT,
            "direct": True,
        }
        run |= {"job": Job.read(whole), "origin": Origin(topic=TOPIC, partition=0, offset=offset)}
    return StatusEvent.read(run)


def news(events: Iterable[StatusEvent]) -> News:
    entries: list[Folded] = fold(enumerate(events))
    return News([], entries, {}, [])


@pytest.fixture
def coverage() -> Coverage:
    """Of an intake that took in the records before 5 and read those before 10."""
    coverage = Coverage()
    coverage.extend(PLACE, range(5))
    for offset in range(10):
        coverage.take_completed(PLACE, offset)
    return coverage


@pytest.fixture
def applier(coverage: Coverage) -> Applier:
    settings = ApiSettings(_env_file=None)
    ignored: Any = lambda *_: None  # noqa: E731
    return Applier(
        settings,
        Database(settings),
        policies=cast(Any, SimpleNamespace(of=lambda row: RetryPolicy(row.max_retries))),
        flow=cast(Any, SimpleNamespace(rules=FlowRules())),
        coverage=coverage,
        hand_over=ignored,
        notify=ignored,
        wake_dispatcher=ignored,
        permits_free=ignored,
    )


def tried(applier: Applier, *events: StatusEvent) -> str | None:
    chosen = applier.at_once(news(events))
    if chosen is None:
        return None
    way = cast(Any, chosen)
    return way.args[0].__name__ if way.func.__name__ == "_write_at_once" else way.func.__name__


def test_runs_that_go_on_or_are_completed_are_reported_at_once(applier: Applier):
    assert tried(applier, told(), told("running", lease_s=30), told("heartbeat", lease_s=30)) == "report_and_advance"
    assert tried(applier, told(), told(offset=4)) == "report_and_advance"
    assert tried(applier) is None


def test_other_outcomes_are_settled_at_once_unless_they_are_parked_too(applier: Applier):
    def failed(code: str) -> StatusEvent:
        error = {"code": code, "type": "E", "message": "m"}
        return told("failed", error=error, origin=Origin(topic=TOPIC, partition=0, offset=4))

    assert tried(applier, told(), failed("error")) == "_settle_at_once"
    assert tried(applier, told("deferred", reason="late"), told(offset=4)) == "_settle_at_once"
    assert tried(applier, told(), failed("unknown_type")) is None
    assert tried(applier, failed("error"), told(offset=10)) is None


async def test_what_is_settled_at_once_tells_of_all_that_it_did(applier: Applier, monkeypatch: pytest.MonkeyPatch):
    well, badly = told(offset=4), told("failed", retryable=False, error={"code": "error", "type": "E", "message": "m"})

    async def standings(connection: Any, ids: Any) -> dict[Any, Standing]:
        return {job: Standing(job, "example", JobStatus.PENDING, 1, 1, 0, 0) for job in ids}

    async def report_and_advance(connection: Any, entries: Any, *_: Any) -> Any:
        return [(entry, AT) for entry in entries]

    monkeypatch.setattr(runs, "standings", standings)
    monkeypatch.setattr(runs, "report_and_advance", report_and_advance)
    effects = Effects()
    chosen = applier.at_once(news([well, badly]))
    assert chosen is not None
    assert await chosen(cast(Any, None), [], effects)
    assert effects.facts == {"applied": 2, "direct": 1}
    assert effects.terminal == [well.id, badly.id]
    assert set(effects.ended) == {("example", JobStatus.COMPLETED), ("example", JobStatus.FAILED)}
    assert not effects.held


def test_direct_jobs_are_completed_at_once_where_the_intake_has_not_been(applier: Applier, coverage: Coverage):
    assert tried(applier, told(offset=10), told(offset=11)) == "insert_completed_and_advance"
    assert tried(applier, told(offset=9)) is None  # it was read, so there may be a row
    assert tried(applier, told(offset=10), told()) is None
    assert tried(applier, told(offset=10, attempt=2)) is None
    assert tried(applier, told("running", offset=10, lease_s=30)) is None
    coverage.clear()  # it has another partition now, as far as we know
    assert tried(applier, told(offset=10)) is None


def test_an_event_that_speaks_of_one_job_and_brings_another_completes_none(applier: Applier):
    stranger = told(offset=10).model_copy(update={"id": uuid4()})
    assert tried(applier, stranger) is None


def test_what_concerns_workers_or_is_no_event_is_not_done_at_once(applier: Applier):
    batch = news([told()])
    batch.workers["w"] = cast(Any, None)
    assert applier.at_once(batch) is None
    batch = news([told()])
    batch.letters.append(cast(DeadLetter, None))
    assert applier.at_once(batch) is None
