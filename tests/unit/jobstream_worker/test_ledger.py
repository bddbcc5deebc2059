"""What a worker remembers of work, and for how long."""

from jobstream_worker.ledger import Ledger
from tests.unit.jobstream_worker.desk import PLACE


def test_memory_is_bounded_and_the_oldest_goes_first():
    ledger = Ledger(remembered=3)
    identities = [(None, 1, n) for n in range(5)]
    for identity in identities:
        ledger.remember(identity)
    assert [ledger.known(identity) for identity in identities] == [False, False, True, True, True]


def test_what_is_seen_again_stays():
    ledger = Ledger(remembered=2)
    ledger.remember(("a", 1, 1))
    ledger.remember(("b", 1, 1))
    ledger.remember(("a", 1, 1))
    ledger.remember(("c", 1, 1))
    assert ledger.known(("a", 1, 1))
    assert not ledger.known(("b", 1, 1))


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
