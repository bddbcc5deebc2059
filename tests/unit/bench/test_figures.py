"""Figures against their targets, and rates out of samples."""

import pytest

from bench.figures import Figure, Target, number
from bench.progress import rate


def test_a_target_is_a_least_or_a_most():
    assert Target(20_000).met(20_000)
    assert not Target(20_000).met(19_999)
    assert Target(8, least=False).met(8)
    assert not Target(8, least=False).met(8.1)
    assert (Target(20_000).text("jobs/s"), Target(0.1, least=False).text("s")) == (
        "at least 20,000 jobs/s",
        "at most 0.1 s",
    )


def test_a_figure_without_a_target_is_neither_met_nor_missed():
    assert Figure("batch", "rate", 1.0, "jobs/s").met is None
    assert Figure("batch", "rate", 1.0, "jobs/s", Target(2)).document()["met"] is False


@pytest.mark.parametrize(
    ("value", "text"), [(20412.4, "20,412"), (99.94, "99.9"), (8, "8"), (4.567, "4.57"), (0.0971, "0.097"), (0, "0")]
)
def test_numbers_keep_three_digits(value, text):
    assert number(value) == text


def test_a_rate_leaves_out_start_and_tail():
    # A second of nothing, 100 a second for ten seconds, and ten seconds for the last 50.
    samples = [(0.0, 0), (1.0, 0), *((1.0 + at, at * 100) for at in range(1, 11)), (21.0, 1050)]
    assert rate(samples, 0.2, 0.8) == pytest.approx(100)
