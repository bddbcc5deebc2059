"""How long an empty fetch is held, and how often the fetching task looks, by what was read."""

from types import SimpleNamespace

import pytest

from jobstream.kafka import pace
from jobstream.kafka.pace import BUSY_FOR_S, BUSY_LOOK_S, BUSY_MS, IDLE_LOOK_S, FetchPace


@pytest.fixture
def at(monkeypatch):
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr(pace.time, "monotonic", lambda: clock.now)
    return clock


def consumer():
    return SimpleNamespace(_fetcher=SimpleNamespace(_fetch_max_wait_ms=500, _fetcher_timeout=0.2))


def test_fetches_are_short_while_records_come_and_long_again_when_it_is_quiet(at):
    reader = consumer()
    pacing = FetchPace(reader, 500)
    pacing.read(True)
    assert reader._fetcher._fetch_max_wait_ms == BUSY_MS
    at.now += BUSY_FOR_S * 0.9
    pacing.read(False)
    assert reader._fetcher._fetch_max_wait_ms == BUSY_MS
    at.now += BUSY_FOR_S * 0.2
    pacing.read(False)
    assert reader._fetcher._fetch_max_wait_ms == 500


def test_the_fetching_task_looks_often_while_records_come_and_seldom_when_it_is_quiet(at):
    reader = consumer()
    pacing = FetchPace(reader, 500)
    pacing.read(True)
    assert reader._fetcher._fetcher_timeout == BUSY_LOOK_S
    at.now += BUSY_FOR_S
    pacing.read(False)
    assert reader._fetcher._fetcher_timeout == IDLE_LOOK_S


def test_a_wait_that_was_set_shorter_stays(at):
    reader = consumer()
    FetchPace(reader, 3).read(True)
    assert reader._fetcher._fetch_max_wait_ms == 3


def test_before_the_consumer_has_started_nothing_is_set(at):
    FetchPace(SimpleNamespace(_fetcher=None), 500).read(True)
