"""How long a patient follower lets the broker hold an empty fetch."""

import pytest

from jobstream.kafka.follower import held_longer_ms


@pytest.mark.parametrize(("usual_ms", "held_ms"), [(20, 200), (500, 5000), (1000, 5000), (8000, 8000)])
def test_it_is_ten_times_the_usual_but_no_more_than_five_seconds(usual_ms: int, held_ms: int):
    assert held_longer_ms(usual_ms) == held_ms
