"""What becomes of each kind of record."""

from datetime import timedelta

import pytest

from tests.support.poison import POISON


@pytest.mark.parametrize("poison", POISON, ids=lambda poison: poison.name)
async def test_poison_is_done_at_once_and_nothing_is_said_of_it(desk, poison):
    desk.raw(poison.body)
    await desk.settle()
    assert desk.slot.tracker.low_water == 1
    assert desk.counts.poison == 1
    assert desk.outbound.posted == []


async def test_a_record_stamped_in_the_future_is_done_at_once_too(desk):
    desk.raw(b'{"type": "gated", "payload": {}}', timestamp=150_000_000_000_000)
    await desk.settle()
    assert (desk.slot.tracker.low_water, desk.counts.poison, desk.gate.started) == (1, 1, [])


async def test_an_unknown_type_is_reported_as_failed_for_good(desk):
    desk.direct(type="nobody")
    event = desk.outbound.events()[0]
    assert (event.event.value, event.retryable, event.error.code) == ("failed", False, "unknown_type")
    assert "gated" in event.error.message
    assert event.job is not None
    assert desk.slot.tracker.low_water == 0
    desk.outbound.acknowledge()
    assert desk.slot.tracker.low_water == 1


async def test_a_direct_job_before_its_time_is_deferred(desk):
    desk.direct(run_at=(desk.clock.now() + timedelta(seconds=90)).isoformat())
    event = desk.outbound.events()[0]
    assert (event.event.value, event.reason, event.delay_s) == ("deferred", "early", 90)
    assert event.job.run_at == desk.clock.now() + timedelta(seconds=90)
    assert desk.gate.started == []


async def test_the_api_has_decided_that_its_jobs_are_due(desk):
    """By the database's clock; ours may be behind."""
    desk.from_api(run_at=desk.clock.now() + timedelta(seconds=1))
    await desk.settle()
    assert len(desk.gate.started) == 1


async def test_a_deferred_key_holds_no_lane(desk):
    desk.direct(key="k", run_at=(desk.clock.now() + timedelta(seconds=90)).isoformat())
    desk.direct(key="k")
    await desk.settle()
    assert len(desk.gate.started) == 1
