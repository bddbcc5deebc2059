"""How much is fetched ahead at which pace."""

from jobstream_worker.pace import MOST_AHEAD, Pace


def test_slow_work_is_not_hoarded():
    pace = Pace(least=4)
    pace.look(0, 100.0)
    pace.look(5, 101.0)
    assert pace.ahead == 4


def test_more_is_fetched_ahead_the_faster_work_ends_up_to_a_limit():
    pace = Pace(least=4)
    pace.look(0, 100.0)
    pace.look(200, 100.1)
    assert pace.ahead == 40
    pace.look(10_200, 100.2)
    assert pace.ahead == MOST_AHEAD


def test_the_pace_of_long_ago_is_forgotten():
    pace = Pace(least=4)
    pace.look(0, 100.0)
    pace.look(1_000, 100.1)
    assert pace.ahead > 4
    pace.look(1_001, 101.0)
    assert pace.ahead == 4
