"""Submits go at the relay's pace while Kafka takes records, and at their own while it is away."""

import asyncio
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from jobstream_api.infrastructure.ids import new_id
from jobstream_api.repositories.outbox import OutboxRow
from jobstream_api.services import relay as module
from jobstream_api.services.relay import EASE, Relay

AT = datetime(2026, 1, 1, tzinfo=UTC)


class Kafka:
    """Takes records and acknowledges none; was heard of a moment ago, or long ago."""

    quiet = 0.0

    def quiet_for(self) -> float:
        return self.quiet

    async def send_many(self, topic, records, *, apart=False):
        return []

    async def stop(self) -> None:
        pass


@pytest.fixture
async def kafka():
    return Kafka()


@pytest.fixture
async def relay(kafka):
    made = Relay(SimpleNamespace(), kafka, dead_topic="jobs.dead")  # type: ignore[arg-type]
    yield made
    await made.teardown()


def rows(count: int) -> list[OutboxRow]:
    return [OutboxRow(new_id(), None, "t", b"k", [], b"{}", AT) for _ in range(count)]


async def test_below_the_mark_nobody_waits(relay):
    relay.hand_over(rows(EASE - 1))
    async with asyncio.timeout(0.1):
        await relay.ease()


async def test_above_it_everybody_waits_until_enough_has_gone_out(relay):
    held = rows(EASE + 10)
    relay.hand_over(held)
    waiting = [asyncio.create_task(relay.ease()) for _ in range(3)]
    await asyncio.sleep(0)
    relay._drop(row.id for row in held[:10])
    await asyncio.sleep(0)
    assert not any(task.done() for task in waiting)
    relay._drop([held[10].id])
    async with asyncio.timeout(0.1):
        await asyncio.gather(*waiting)


async def test_while_kafka_is_away_nobody_waits(relay, kafka):
    kafka.quiet = module.EASE_QUIET_S + 1
    relay.hand_over(rows(EASE))
    async with asyncio.timeout(0.1):
        await relay.ease()


async def test_nobody_waits_longer_than_a_second(relay, monkeypatch):
    monkeypatch.setattr(module, "EASE_MOST_S", 0.05)
    monkeypatch.setattr(module, "EASE_QUIET_S", 0.04)
    relay.hand_over(rows(EASE))
    async with asyncio.timeout(1):
        await relay.ease()
    assert relay.held == EASE
