"""What a worker remembers of work, and for how long."""

from jobstream_worker.ledger import Ledger
from tests.unit.jobstream_worker.desk import PLACE


def test_memory_is_bounded_and_the_oldest_goes_first():
    ledger = Ledger(remembered=3)
    identities = [(n, 1, 1) for n in range(20)]
    for number, identity in enumerate(identities):
        ledger.remember(identity)
        known = [ledger.known(seen) for seen in identities[: number + 1]]
        assert all(known[-3:])
        assert sum(known) <= 6
        assert known == sorted(known), "what is forgotten came before what is known"


def test_what_is_seen_again_stays():
    ledger = Ledger(remembered=2)
    for n in range(10):
        ledger.remember((0, 1, 1))
        ledger.remember((n, 1, 2))
    assert ledger.known((0, 1, 1))
    assert not ledger.known((0, 1, 2))


async def test_keyed_work_with_a_lease_is_known_by_partition_until_it_ends(desk):
    desk.direct(key="k")
    desk.direct()
    await desk.settle()
    assert desk.ledger.keyed(PLACE) == []
    desk.clock.at += 0.2
    desk.leases.sweep()
    desk.outbound.acknowledge(partition=4)
    (work,) = desk.ledger.keyed(PLACE)
    assert work.beat == (4, 100)
    desk.gate.open.set()
    await desk.settle()
    assert desk.ledger.keyed(PLACE) == [work], "its outcome is not acknowledged yet"
    desk.outbound.acknowledge()
    assert desk.ledger.keyed(PLACE) == []
