"""The floor: below it, no event of ours can still appear on the status topic."""

from jobstream.kafka.batches import Outgoing
from jobstream_worker.publisher import Publisher
from tests.unit.jobstream_worker.desk import HeldOutbound


def post(publisher: Publisher) -> None:
    publisher.post(Outgoing(b"k", b"v", []), lambda _partition, _offset: None)


def test_an_acknowledge_raises_the_floor_of_its_partition_only():
    outbound = HeldOutbound()
    publisher = Publisher(outbound, "jobs.status")  # type: ignore[arg-type]
    post(publisher)
    outbound.acknowledge(partition=2)
    assert publisher.floor == [0, 0, 101]


def test_ends_raise_all_floors_once_what_was_posted_before_is_acknowledged():
    outbound = HeldOutbound()
    publisher = Publisher(outbound, "jobs.status")  # type: ignore[arg-type]
    publisher.ends_read([10, 20], publisher.sequence)
    assert publisher.floor == [10, 20]
    post(publisher)
    asked = publisher.sequence
    # The event that is on its way may have been appended before the ends were read.
    publisher.ends_read([15, 200], asked)
    assert publisher.floor == [10, 20]
    outbound.acknowledge(partition=1)
    assert publisher.floor == [15, 200]


def test_an_event_posted_after_the_question_does_not_hold_the_floor_down():
    outbound = HeldOutbound()
    publisher = Publisher(outbound, "jobs.status")  # type: ignore[arg-type]
    asked = publisher.sequence
    post(publisher)
    publisher.ends_read([5], asked)
    assert publisher.floor == [5]


def test_floors_never_go_down():
    outbound = HeldOutbound()
    publisher = Publisher(outbound, "jobs.status")  # type: ignore[arg-type]
    publisher.ends_read([500], 0)
    publisher.ends_read([400], 0)
    post(publisher)
    outbound.acknowledge(partition=0)
    assert publisher.floor == [500]
