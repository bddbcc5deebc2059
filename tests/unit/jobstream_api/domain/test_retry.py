import random

from hypothesis import given
from hypothesis import strategies as st

from jobstream.backoff import Backoff
from jobstream_api.domain.retry import RetryPolicy

RNG = random.Random(7)


def test_three_retries_mean_four_attempts():
    policy = RetryPolicy(max_retries=3)
    waits = [policy.delay(attempt, retryable=True, retry_after_s=None, rng=RNG) for attempt in (1, 2, 3, 4)]
    assert [wait is not None for wait in waits] == [True, True, True, False]


def test_what_must_not_be_retried_is_not():
    assert RetryPolicy(max_retries=9).delay(1, retryable=False, retry_after_s=5.0, rng=RNG) is None


def test_the_handlers_wish_replaces_the_backoff():
    assert RetryPolicy().delay(1, retryable=True, retry_after_s=42.0, rng=RNG) == 42.0


def test_no_retries_means_none():
    assert RetryPolicy(max_retries=0).delay(1, retryable=True, retry_after_s=None, rng=RNG) is None


@given(
    attempt=st.integers(1, 2**31 - 1),
    base=st.floats(0.001, 1000),
    factor=st.floats(1, 100),
    cap=st.floats(0.001, 10_000),
    seed=st.integers(0, 2**32),
)
def test_every_wait_lies_between_zero_and_the_cap(attempt, base, factor, cap, seed):
    backoff = Backoff(base, factor, cap)
    assert 0.0 <= backoff.delay(attempt, random.Random(seed)) <= backoff.ceiling(attempt) <= cap


@given(st.integers(1, 60))
def test_ceilings_never_shrink(attempt):
    backoff = Backoff()
    assert backoff.ceiling(attempt) <= backoff.ceiling(attempt + 1)


def test_jitter_spreads_over_the_whole_range():
    backoff = Backoff(base_s=8.0)
    waits = [backoff.delay(1, random.Random(seed)) for seed in range(500)]
    assert min(waits) < 0.5
    assert max(waits) > 7.5
    assert 3.5 < sum(waits) / len(waits) < 4.5
