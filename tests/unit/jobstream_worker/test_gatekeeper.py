"""Which gates hold, and whom they stop."""

from datetime import UTC, datetime, timedelta
from typing import Any

from jobstream.contracts.control import Gates
from jobstream.contracts.jobs import Job
from jobstream.ids import new_id
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


def job(**fields: Any) -> Job:
    made = {"id": new_id(), "type": "mail", "queue": "default", "payload": {}, "created_at": AT}
    return Job(**made | fields)


def test_a_type_or_a_queue_with_a_gate_needs_a_permit():
    keeper = Gatekeeper()
    assert not keeper.stops(job())
    assert not keeper.shut
    keeper.learn(Gates(version=1, at=AT, types=["mail"], managed=["slow"]))
    assert keeper.shut
    assert keeper.stops(job())
    assert keeper.stops(job(type="other", queue="slow"))
    assert not keeper.stops(job(type="other"))
    assert not keeper.stops(job(queue="slow", permit=True))


def test_a_permit_is_none_while_its_type_is_paused():
    keeper = Gatekeeper()
    keeper.learn(Gates(version=1, at=AT, types=["mail", "other"], paused_types=["mail"]))
    assert keeper.stops(job(permit=True))
    assert not keeper.stops(job(type="other", permit=True))
    keeper.learn(Gates(version=2, at=AT, types=["mail"]))
    assert not keeper.stops(job(permit=True))
