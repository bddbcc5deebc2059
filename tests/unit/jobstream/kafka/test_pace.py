"""How long which fetch may be held, and how soon the fetching task looks again."""

from types import SimpleNamespace

import pytest
from aiokafka import TopicPartition

from jobstream.kafka import pace
from jobstream.kafka.pace import BUSY_FOR_S, BUSY_MS, LOOK_S, QUIET_AFTER_S, QUIET_LOOK_S, FetchPace

HERE, THERE = TopicPartition("jobs", 0), TopicPartition("jobs", 1)


@pytest.fixture
def at(monkeypatch):
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr(pace.time, "monotonic", lambda: clock.now)
    return clock


class Fetcher:
    """What a pace knows of aiokafka's: it is asked for the next fetch, and tells how long that may be held."""

    def __init__(self):
        self._records = {}
        self._in_flight = set()
        self._pending_tasks = []
        self._fetch_max_wait_ms = 500
        self._fetcher_timeout = 0.2
        self._get_actions_per_node = lambda assignment: (self._fetch_max_wait_ms, self._fetcher_timeout)
        self._select_read_replica = {HERE: 1, THERE: 1}.get
        self.paused = set()

    def asked(self):
        """Hold, in ms, and timer, in seconds, of the fetch that would be made now."""
        state = lambda place: SimpleNamespace(paused=place in self.paused)  # noqa: E731
        return self._get_actions_per_node(SimpleNamespace(tps={HERE, THERE}, state_value=state))


@pytest.fixture
def fetcher():
    return Fetcher()


@pytest.fixture
def pacing(at, fetcher):
    pacing = FetchPace(SimpleNamespace(_fetcher=fetcher), 500, quiet_ms=2000)
    pacing.start()
    return pacing


def test_a_fetch_with_all_partitions_may_be_held_also_while_records_come(pacing, fetcher):
    pacing.read()
    assert fetcher.asked() == (500, LOOK_S)


def test_when_it_has_been_quiet_for_long_it_is_held_longer_and_looked_after_less(at, pacing, fetcher):
    at.now += QUIET_AFTER_S
    assert fetcher.asked() == (2000, QUIET_LOOK_S)
    pacing.read()
    assert fetcher.asked() == (2000, QUIET_LOOK_S)
    pacing.stir()
    assert fetcher.asked() == (500, LOOK_S)


@pytest.mark.parametrize(("hold_ms", "quiet_ms"), [(20, 80), (500, 2000), (1000, 2000), (8000, 8000)])
def test_in_quiet_times_it_is_held_four_times_as_long_and_at_most_two_seconds(at, fetcher, hold_ms, quiet_ms):
    FetchPace(SimpleNamespace(_fetcher=fetcher), hold_ms).start()
    at.now += QUIET_AFTER_S
    assert fetcher.asked()[0] == quiet_ms


def test_a_fetch_without_a_partition_whose_records_wait_is_short_while_records_are_taken(at, pacing, fetcher):
    pacing.read()
    fetcher._records[THERE] = object()
    assert fetcher.asked()[0] == BUSY_MS
    at.now += BUSY_FOR_S
    assert fetcher.asked()[0] == 500


def test_and_never_as_long_as_in_quiet_times(at, pacing, fetcher):
    at.now += QUIET_AFTER_S
    fetcher._records[THERE] = object()
    assert fetcher.asked()[0] == 500
    fetcher._records.clear()
    fetcher.paused.add(HERE)
    assert fetcher.asked()[0] == 500
    fetcher.paused.clear()
    assert fetcher.asked()[0] == 2000
    fetcher._select_read_replica = {HERE: 1}.get  # the other one has no leader now
    assert fetcher.asked()[0] == 500


def test_a_hold_that_was_set_shorter_stays(at, fetcher):
    pacing = FetchPace(SimpleNamespace(_fetcher=fetcher), 3)
    pacing.start()
    pacing.read()
    fetcher._records[THERE] = object()
    assert fetcher.asked()[0] == 3


def test_a_fetch_that_has_ended_and_still_counts_as_under_way_is_looked_after_at_once(pacing, fetcher):
    fetcher._in_flight.add(1)
    fetcher._pending_tasks.append(SimpleNamespace(done=lambda: False))
    assert fetcher.asked()[1] == LOOK_S
    fetcher._pending_tasks = [SimpleNamespace(done=lambda: True)]
    assert fetcher.asked()[1] == 0.0
