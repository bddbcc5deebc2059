"""Which gates hold, and whom they stop."""

from datetime import UTC, datetime
from typing import Any

from jobstream.contracts.control import Gates
from jobstream.contracts.jobs import Job
from jobstream.ids import new_id
from jobstream_worker.gatekeeper import Gatekeeper


def gates(version: int, **fields: Any) -> Gates:
    return Gates(version=version, at=datetime.now(UTC), **fields)


def job(**fields: Any) -> Job:
    made = {"id": new_id(), "type": "mail", "queue": "default", "payload": {}, "created_at": datetime.now(UTC)}
    return Job(**made | fields)


def test_a_type_or_a_queue_with_a_gate_needs_a_permit():
    keeper = Gatekeeper()
    assert not keeper.stops(job())
    assert not keeper.shut
    keeper.learn(gates(1, types=["mail"], managed=["slow"]))
    assert keeper.shut
    assert keeper.stops(job())
    assert keeper.stops(job(type="other", queue="slow"))
    assert not keeper.stops(job(type="other"))
    assert not keeper.stops(job(queue="slow", permit=True))


def test_only_newer_gates_are_learned():
    keeper = Gatekeeper()
    assert keeper.learn(gates(5, types=["mail"], paused=["low"]))
    assert not keeper.learn(gates(5)), "the leader says it again every few minutes"
    assert not keeper.learn(gates(4))
    assert (keeper.stops(job()), keeper.paused) == (True, {"low"})
    assert keeper.learn(gates(6))
    assert (keeper.stops(job()), keeper.paused, keeper.shut) == (False, frozenset(), False)
