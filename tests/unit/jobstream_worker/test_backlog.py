"""What may start next."""

from datetime import UTC, datetime
from typing import Any

from jobstream import handler
from jobstream.contracts.jobs import Job
from jobstream.handlers.declare import spec_of
from jobstream.ids import new_id
from jobstream_worker.backlog import Backlog
from jobstream_worker.slots import Slot
from jobstream_worker.work import Work
from tests.unit.jobstream_worker.desk import PLACE


@handler("compute", run_in="process")
def compute(payload: dict) -> None: ...


@handler("wait")
async def wait(payload: dict) -> None: ...


def work(function: Any, key: str | None = None) -> Work:
    spec = spec_of(function)
    job = Job(id=new_id(), type=spec.type, queue="default", key=key, payload={}, created_at=datetime.now(UTC))
    return Work(job, spec, Slot(PLACE, lambda: None), 0, size=10, announce_first=False)


def test_work_for_child_processes_takes_no_more_places_than_there_are_processes():
    backlog = Backlog(process_slots=2)
    computing = [work(compute) for _ in range(5)]
    for each in computing:
        backlog.add(each)
    waiting = work(wait)
    backlog.add(waiting)
    assert [backlog.take() for _ in range(4)] == [computing[0], computing[1], waiting, None]
    assert (backlog.ready, backlog.waiting, backlog.waiting_bytes) == (0, 3, 30)
    backlog.ran(waiting)
    assert backlog.take() is None
    backlog.ran(computing[0])
    assert backlog.take() is computing[2]
    assert (backlog.ready, backlog.waiting, backlog.waiting_bytes) == (0, 2, 20)


def test_a_lane_moves_on_when_the_outcome_stands_not_when_the_handler_ends():
    backlog = Backlog(process_slots=1)
    first, second = work(wait, "k"), work(wait, "k")
    backlog.add(first)
    backlog.add(second)
    assert backlog.take() is first
    backlog.ran(first)
    assert backlog.take() is None
    backlog.settled(first)
    assert backlog.take() is second


def test_withdrawn_work_leaves_nothing_behind_wherever_it_waited():
    backlog = Backlog(process_slots=1)
    everything = [work(compute, "k"), work(compute, "k"), work(compute), work(compute), work(wait, "k"), work(wait)]
    for each in everything:
        backlog.add(each)
    for each in everything:
        backlog.withdraw(each)
    assert len(backlog) == backlog.waiting_bytes == 0
    assert backlog.take() is None
    again = [work(compute), work(wait, "k")]
    for each in again:
        backlog.add(each)
    assert [backlog.take(), backlog.take()] == again, "neither the process nor the key is still taken"
