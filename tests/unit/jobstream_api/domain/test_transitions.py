"""The transition table against the lifecycle's promises, and against its drawing."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobstream.contracts.status import TERMINAL, JobStatus
from jobstream_api.domain.transitions import TRANSITIONS, Cause, next_status, sources

LIFECYCLE = Path(__file__).parents[4] / "docs" / "concepts" / "lifecycle.md"


def table_edges() -> set[tuple[str, str, str]]:
    return {
        (before.value, cause.value, after.value)
        for cause, moves in TRANSITIONS.items()
        for before, after in moves.items()
    }


def test_drawing_and_table_agree():
    drawn = re.findall(r"^\s+([A-Z]+) --> ([A-Z]+): ([a-z ]+)$", LIFECYCLE.read_text(), re.MULTILINE)
    assert {(before, cause, after) for before, after, cause in drawn} == table_edges()


def test_every_cause_has_moves():
    assert set(TRANSITIONS) == set(Cause)


@pytest.mark.parametrize("status", sorted(TERMINAL))
def test_only_an_operator_leaves_a_terminal_state(status):
    leaving = {cause for cause in Cause if next_status(status, cause) is not None}
    assert leaving <= {Cause.REOPEN}


def test_completed_is_never_left():
    assert all(next_status(JobStatus.COMPLETED, cause) is None for cause in Cause)


@given(st.lists(st.sampled_from(list(Cause))))
def test_any_walk_stays_inside_the_lifecycle_and_terminal_is_sticky(causes):
    status = JobStatus.PENDING
    for cause in causes:
        after = next_status(status, cause)
        if after is None:
            continue
        assert status.value in sources(cause)
        if status.terminal:
            assert (cause, after) == (Cause.REOPEN, JobStatus.PENDING)
        status = after


def test_from_every_open_state_a_terminal_one_can_be_reached():
    reached = set(TERMINAL)
    while True:
        more = {
            before for moves in TRANSITIONS.values() for before, after in moves.items() if after in reached
        } - reached
        if not more:
            break
        reached |= more
    assert reached == set(JobStatus)
