"""How much of each queue may be fetched."""

from types import SimpleNamespace

import pytest

from jobstream_worker.backlog import Backlog
from jobstream_worker.room import MAX_WAITING, Room
from tests.unit.jobstream_worker.desk import HandClock
from tests.unit.jobstream_worker.test_backlog import DEFAULT, HIGH, LOW, WEIGHTS, compute, fill, wait, work

AHEAD = 10


@pytest.fixture
def stand():
    """The room of a worker with a hundred places."""
    backlog = Backlog(process_slots=1, weights=WEIGHTS)
    room = Room(backlog, SimpleNamespace(waiting_bytes=0), HandClock(), 100)  # type: ignore[arg-type]

    def of(topic: str, active: int = 0) -> int:
        return room.of(topic, active=active, ended=0, unsettled=0)

    return SimpleNamespace(backlog=backlog, of=of)


def test_one_queue_may_fill_all_places_and_a_few_more(stand):
    assert stand.of(DEFAULT) == 100 + AHEAD
    fill(stand.backlog, DEFAULT, 60)
    assert stand.of(DEFAULT) == 40 + AHEAD
    fill(stand.backlog, DEFAULT, 50)
    assert stand.of(DEFAULT) == 0
    assert stand.of(DEFAULT, active=100) == 0


def test_a_queue_that_has_filled_its_room_takes_none_of_the_others(stand):
    fill(stand.backlog, LOW, AHEAD)
    assert stand.of(LOW, active=100) == 0
    assert stand.of(HIGH, active=100) == AHEAD
    fill(stand.backlog, HIGH, AHEAD)
    assert stand.of(HIGH, active=100) == 0
    assert stand.of(DEFAULT, active=100) == AHEAD


def test_a_few_count_as_none(stand):
    fill(stand.backlog, DEFAULT, 6)
    assert stand.of(DEFAULT, active=100) == 0


@pytest.mark.parametrize("key", [None, "k"])
def test_what_waits_for_a_key_or_a_process_fills_its_queue_and_leaves_others_a_part(stand, key):
    for _ in range(MAX_WAITING + 2):
        stand.backlog.add(work(wait if key else compute, key, LOW))
    assert stand.of(LOW) == 0
    assert stand.of(HIGH) > 0
    for _ in range(MAX_WAITING // 3 + 2):
        stand.backlog.add(work(wait if key else compute, key, HIGH))
    assert stand.of(HIGH) == 0
    assert stand.of(DEFAULT) > 0
