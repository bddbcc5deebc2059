from datetime import UTC, datetime, timedelta

from jobstream.contracts.control import Gates
from jobstream_worker.gatekeeper import Gatekeeper

AT = datetime(2026, 1, 1, tzinfo=UTC)


def gates(version: int, after_s: float = 0.0, *paused: str) -> Gates:
    return Gates(version=version, at=AT + timedelta(seconds=after_s), paused=list(paused))


def test_what_was_overtaken_on_the_way_changes_nothing():
    keeper = Gatekeeper()
    assert keeper.learn(gates(3, 0, "low"))
    assert not keeper.learn(gates(2, 5))
    assert keeper.paused == {"low"}


def test_a_database_that_was_made_anew_is_heard():
    keeper = Gatekeeper()
    assert keeper.learn(gates(99, 0, "low"))
    assert keeper.learn(gates(1, 3600))
    assert keeper.paused == frozenset()


def test_what_is_said_again_is_taken_for_known_or_taken_again():
    keeper = Gatekeeper()
    assert keeper.learn(gates(3, 0, "low"))
    assert not keeper.learn(gates(3, 1, "low"))
    keeper.learn(gates(3, 300, "low"))
    assert keeper.paused == {"low"}
