"""A member that falls silent is expelled after its session timeout, and no other."""

import pytest

from jobstream.local.sessions import Sessions

ONE, TWO = ("workers", "one"), ("workers", "two")


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sessions(clock: Clock) -> Sessions:
    made = Sessions(clock)
    made.joined(ONE, 6.0)
    made.joined(TWO, 45.0)
    return made


def test_silence_up_to_the_timeout_is_fine(sessions, clock):
    clock.now += 6.0
    assert sessions.expired() == []
    clock.now += 0.1
    assert sessions.expired() == [ONE]


def test_a_sign_of_life_begins_the_time_anew(sessions, clock):
    clock.now += 5
    sessions.seen(ONE)
    clock.now += 5
    assert sessions.expired() == []


def test_who_waits_for_the_answer_to_a_join_is_alive(sessions, clock):
    sessions.joining(ONE)
    clock.now += 30
    assert sessions.expired() == []
    sessions.done_joining(ONE)
    assert sessions.expired() == []
    clock.now += 7
    assert sessions.expired() == [ONE]


def test_who_left_is_forgotten(sessions, clock):
    sessions.left(ONE)
    clock.now += 100
    assert sessions.expired() == [TWO]


def test_strangers_are_none_of_our_business(sessions, clock):
    for stranger in (sessions.seen, sessions.joining, sessions.done_joining, sessions.left):
        stranger(("others", "x"))
    assert sessions.expired() == []
