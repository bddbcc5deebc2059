"""What may start next."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

from jobstream import handler
from jobstream.contracts.jobs import Job
from jobstream.contracts.topics import Topics
from jobstream.handlers.declare import spec_of
from jobstream.ids import new_id
from jobstream.kafka.group import TopicPartition
from jobstream_worker.backlog import Backlog
from jobstream_worker.slots import Slot
from jobstream_worker.work import Work
from tests.unit.jobstream_worker.desk import PLACE


@handler("compute", run_in="process")
def compute(payload: dict) -> None: ...


@handler("wait")
async def wait(payload: dict) -> None: ...


DEFAULT, HIGH, LOW = PLACE.topic, "jobs.created.high", "jobs.created.low"
WEIGHTS = {DEFAULT: 4, HIGH: 8, LOW: 1}


def work(function: Any, key: str | None = None, topic: str = DEFAULT) -> Work:
    spec = spec_of(function)
    queue = Topics("").queue(topic)
    job = Job(id=new_id(), type=spec.type, queue=queue, key=key, payload={}, created_at=datetime.now(UTC))
    slot = Slot(TopicPartition(topic, 0), lambda: None)
    return Work(job, spec, slot, 0, size=10, announce_first=False)


def fill(backlog: Backlog, topic: str, number: int, function: Any = None) -> None:
    for _ in range(number):
        backlog.add(work(function or wait, topic=topic))


def taken(backlog: Backlog, number: int, *, run: bool = False) -> Counter[str]:
    found: Counter[str] = Counter()
    for _ in range(number):
        each = backlog.take()
        assert each is not None
        found[each.partition.topic] += 1
        if run:
            backlog.ran(each)
    return found


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


def test_places_are_given_in_proportion_to_the_weights():
    backlog = Backlog(process_slots=1, weights=WEIGHTS)
    for topic in WEIGHTS:
        fill(backlog, topic, 1000)
    assert taken(backlog, 1300) == {HIGH: 800, DEFAULT: 400, LOW: 100}


def test_work_of_a_queue_that_had_none_is_next_and_has_saved_nothing_up():
    backlog = Backlog(process_slots=1, weights=WEIGHTS)
    fill(backlog, LOW, 500)
    assert taken(backlog, 300) == {LOW: 300}
    fill(backlog, HIGH, 90)
    assert taken(backlog, 8) == {HIGH: 8}
    assert taken(backlog, 90)[LOW] == 10


def test_a_queue_that_is_never_empty_for_long_keeps_its_share_though_it_runs_dry_again_and_again():
    backlog = Backlog(process_slots=1, weights=WEIGHTS)
    fill(backlog, HIGH, 2000)
    found: Counter[str] = Counter()
    for _ in range(900):
        if not backlog.line(LOW).ready:
            fill(backlog, LOW, 1)
        found += taken(backlog, 1)
    assert found == {HIGH: 800, LOW: 100}


def test_free_child_processes_go_to_queues_by_weight_too():
    backlog = Backlog(process_slots=1, weights=WEIGHTS)
    fill(backlog, LOW, 200, compute)
    fill(backlog, HIGH, 200, compute)
    assert taken(backlog, 181, run=True)[LOW] in (20, 21, 22)


def test_of_a_paused_queue_nothing_is_taken_and_its_order_stays():
    backlog = Backlog(process_slots=1, weights=WEIGHTS)
    ours = [work(each, key, LOW) for each, key in ((wait, None), (compute, None), (compute, None), (wait, "k"))]
    for each in ours[:3]:
        backlog.add(each)
    backlog.pause({LOW})
    backlog.add(ours[3])
    assert (backlog.ready, backlog.take(), len(backlog)) == (0, None, 4)
    backlog.pause(())
    first = [backlog.take() for _ in range(4)]
    assert first == [ours[0], ours[3], ours[1], None]
    backlog.ran(ours[1])
    assert backlog.take() is ours[2]


def test_a_paused_queue_leaves_the_child_processes_to_the_others():
    backlog = Backlog(process_slots=2, weights=WEIGHTS)
    fill(backlog, LOW, 3, compute)
    fill(backlog, HIGH, 3, compute)
    running = backlog.take()
    assert running is not None
    assert running.partition.topic == LOW
    backlog.pause({LOW})
    assert taken(backlog, 1, run=True) == {HIGH: 1}
    backlog.ran(running)
    assert taken(backlog, 2, run=True) == {HIGH: 2}
    assert backlog.take() is None
    backlog.pause(())
    assert taken(backlog, 2) == {LOW: 2}


def test_paused_work_can_be_withdrawn():
    backlog = Backlog(process_slots=1, weights=WEIGHTS)
    everything = [work(compute, "k", LOW), work(compute, topic=LOW), work(wait, "k", LOW), work(wait, topic=LOW)]
    for each in everything:
        backlog.add(each)
    backlog.pause({LOW})
    for each in everything:
        backlog.withdraw(each)
    backlog.pause(())
    assert (len(backlog), backlog.ready, backlog.waiting_bytes, backlog.take()) == (0, 0, 0, None)
    fill(backlog, HIGH, 1, compute)
    assert taken(backlog, 1) == {HIGH: 1}
