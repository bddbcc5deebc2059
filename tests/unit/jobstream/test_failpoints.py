"""Failpoints die at the named line, at the counted time, and nowhere else."""

import pytest

from jobstream.failpoints import arm


def test_unarmed_nothing_happens():
    arm(None, pytest.fail)("worker.before_commit")
    arm("", pytest.fail)("worker.before_commit")


def test_it_dies_at_its_name_only():
    deaths = []
    failpoint = arm("here", lambda: deaths.append(1))
    failpoint("there")
    assert deaths == []
    failpoint("here")
    assert deaths == [1]


def test_it_dies_at_the_nth_time():
    deaths = []
    failpoint = arm("here:3", lambda: deaths.append(1))
    failpoint("here")
    failpoint("here")
    assert deaths == []
    failpoint("here")
    failpoint("here")
    assert deaths == [1]


@pytest.mark.parametrize("setting", ["here:0", "here:-1", "here:x"])
def test_a_count_that_is_none_is_refused(setting):
    with pytest.raises(ValueError):
        arm(setting, lambda: None)
