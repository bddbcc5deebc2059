from bisect import bisect_left
from collections import defaultdict
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobstream.contracts.flow import Limit, LimitKind
from jobstream_api.domain.flow import EffectiveLimit, FlowRules, Lane, QueueRules
from jobstream_api.domain.gates import Cells, Shares, Sight, Waiting, pass_gates, rooms

NOW = 1_000_000.0


def rate(limit: int, period_s: float = 1.0, burst: int | None = None) -> Limit:
    return Limit(name="r", kind=LimitKind.RATE, limit=limit, period_s=period_s, burst=burst)


LATE_S = 0.008
GATHER_S = 0.05
STEP_S = 400.0


def rules(*limits: Limit, queues: dict[str, QueueRules] | None = None, paused: tuple[str, ...] = ()) -> FlowRules:
    found = {limit.name or "": EffectiveLimit(limit, frozenset({"t"}), True, False) for limit in limits}
    return FlowRules(limits=found, queues=queues or {}, paused=frozenset(paused))


def jobs(count: int, *, first: int = 0, rank_at: float = NOW - 10) -> list[Waiting]:
    return [Waiting(UUID(int=first + place), rank_at, first + place) for place in range(count)]


def sight(waiting, *, permitted=None, arrivals=None, windows=None, now: float = NOW) -> Sight:
    return Sight(now, waiting, permitted or {}, arrivals or {}, windows or {}, GATHER_S)


def passed(which: FlowRules, what: Sight, most: int = 500) -> list[int]:
    return [job.int for job in pass_gates(which, what, Shares(), most).permits]


@settings(max_examples=100)
@given(
    limit=st.integers(1, 500),
    period_s=st.sampled_from([0.5, 1.0, 10.0, 60.0, 3600.0]),
    burst=st.integers(1, 500),
    turns=st.lists(st.floats(0.0, 0.4), min_size=20, max_size=120),
    lateness=st.lists(st.floats(0.0, 1.0), min_size=1, max_size=20),
)
def test_no_window_of_a_period_holds_more_starts_than_limit_and_burst(limit, period_s, burst, turns, lateness):
    rule = rate(limit, period_s, burst)
    cells = Cells.of(rule)
    now, tat, starts, place = 0.0, 0.0, [], 0
    for step in turns:
        now += step * period_s
        permits = cells.permits(tat, now)
        tat = cells.spend(tat, now, permits) if permits else tat
        for _ in range(permits):
            place += 1
            starts.append(now + cells.slack_s * lateness[place % len(lateness)])
    starts.sort()
    for place, start in enumerate(starts):
        assert bisect_left(starts, start + period_s - 1e-9) - place <= limit + burst


@pytest.mark.parametrize(
    ("limit", "period_s", "burst"),
    [
        (1, 1.0, 1),
        (10, 1.0, 10),
        (100, 1.0, 1),
        (100, 1.0, 5),
        (200, 1.0, 1),
        (500, 1.0, 5),
        (600, 60.0, 1),
        (1000, 1.0, 1),
        (1000, 1.0, 1000),
    ],
)
@pytest.mark.parametrize("gather_s", [0.05, 0.25])
def test_with_a_backlog_nearly_all_of_a_rate_is_used(limit, period_s, burst, gather_s):
    cells = Cells.of(rate(limit, period_s, burst))
    now, tat, given_out = 0.0, 0.0, 0
    for _ in range(10_000):
        # No look comes at the moment that was asked for.
        now += min(max(cells.rest_s(tat, now, gather_s), 0.002), gather_s) + LATE_S
        permits = cells.permits(tat, now)
        given_out += permits
        tat = cells.spend(tat, now, permits)
    assert given_out >= 0.95 * limit / period_s * now


def test_permits_gather_where_none_is_lost_by_that():
    gathering, strict = Cells.of(rate(1000, 1.0, 1000)), Cells.of(rate(10, 1.0, 1))
    empty = gathering.spend(0.0, 0.0, gathering.permits(0.0, 0.0))
    assert gathering.permits(empty, gathering.rest_s(empty, 0.0, GATHER_S)) == pytest.approx(50, abs=2)
    empty = strict.spend(0.0, 0.0, strict.permits(0.0, 0.0))
    assert strict.wait_s(empty, 0.0) <= strict.rest_s(empty, 0.0, GATHER_S) < strict.interval_s


def test_a_lane_has_as_much_room_as_the_narrowest_of_its_gates():
    both = rules(rate(5), Limit(name="c", kind=LimitKind.CONCURRENCY, limit=3), queues={"q": QueueRules(managed=True)})
    lane, free, managed = Lane("default", "t", (("c", ""), ("r", ""))), Lane("default", "u"), Lane("q", "v")
    other = Lane("q", "w")
    seen = sight({}, permitted={lane: 1, other: 4}, windows={"q": 6})
    assert rooms(both, seen, [lane, free, managed], 500) == ({lane: 2, free: 500, managed: 2}, {})
    assert rooms(rules(paused=("t",)), sight({}), [lane], 500) == ({}, {})


def test_when_to_look_again_is_known_of_closed_lanes_and_of_those_that_were_emptied():
    slow, lane, cells = rules(rate(10, 1.0, 1)), Lane("default", "t", (("r", ""),)), Cells.of(rate(10, 1.0, 1))
    emptied = pass_gates(slow, sight({lane: jobs(1)}), Shares(), 500)
    room, rests = rooms(slow, sight({}, arrivals={("r", ""): cells.spend(NOW, NOW, 1)}), [lane], 500)
    assert (len(emptied.permits), room) == (1, {})
    assert emptied.again_s == rests[lane] == pytest.approx(cells.wait_s(NOW + cells.interval_s, NOW))


def test_a_quiet_time_saves_up_no_more_than_the_burst():
    cells = Cells.of(rate(60, 60.0, burst=5))
    assert cells.permits(tat=0.0, now=10_000.0) == 5
    assert cells.permits(cells.spend(0.0, 10_000.0, 5), 10_000.0) == 0


def test_a_job_passes_when_each_of_its_limits_has_room():
    both = rules(rate(2), Limit(name="c", kind=LimitKind.CONCURRENCY, limit=3))
    lane = Lane("default", "t", (("c", ""), ("r", "")))
    assert passed(both, sight({lane: jobs(5)})) == [0, 1]
    assert passed(both, sight({lane: jobs(5)}, permitted={lane: 2})) == [0]
    assert passed(both, sight({lane: jobs(5)}, permitted={lane: 3})) == []


def test_a_limit_is_shared_by_types_and_apart_by_keys():
    shared = rules(Limit(name="c", kind=LimitKind.CONCURRENCY, limit=1))
    one, other = Lane("default", "a", (("c", "x"),)), Lane("default", "b", (("c", "x"),))
    apart = Lane("default", "a", (("c", "y"),))
    found = passed(shared, sight({one: jobs(2), other: jobs(2, first=10), apart: jobs(2, first=20)}))
    assert sorted(found) == [0, 20]


def test_a_limit_that_is_gone_holds_nobody_up():
    assert len(passed(rules(), sight({Lane("default", "t", (("gone", ""),)): jobs(5)}))) == 5


def test_a_full_lane_holds_up_no_other():
    limited = rules(Limit(name="c", kind=LimitKind.CONCURRENCY, limit=1))
    full, free = Lane("default", "t", (("c", ""),)), Lane("default", "u")
    found = passed(limited, sight({full: jobs(9, rank_at=NOW - 100), free: jobs(3, first=50)}, permitted={full: 1}))
    assert found == [50, 51, 52]


def test_only_a_lane_that_a_rate_has_closed_is_left_alone_for_a_time():
    lane = Lane("default", "t", (("c", ""), ("r", "")))
    both = rules(Limit(name="c", kind=LimitKind.CONCURRENCY, limit=1), rate(100, 60.0, 100))
    tat = Cells.of(rate(100, 60.0, 100)).spend(NOW, NOW, 10)
    taken = sight({}, permitted={lane: 1}, arrivals={("r", ""): tat})
    assert rooms(both, taken, [lane], 10) == ({}, {})
    used_up = sight({}, arrivals={("r", ""): tat + 3600})
    room, rests = rooms(both, used_up, [lane], 10)
    assert (room, list(rests)) == ({}, [lane])


def test_when_a_rate_is_waited_for_the_time_is_told():
    lane = Lane("default", "t", (("r", ""),))
    cells = Cells.of(rate(10, 1.0, 1))
    tat = cells.spend(NOW, NOW, 1)
    result = pass_gates(rules(rate(10, 1.0, 1)), sight({lane: jobs(1)}, arrivals={("r", ""): tat}), Shares(), 10)
    assert not result.permits
    assert result.again_s == pytest.approx(cells.rest_s(tat, NOW, GATHER_S))


def test_permits_of_a_rate_are_good_for_a_while_and_others_for_ever():
    limited, free = Lane("default", "t", (("r", ""),)), Lane("default", "u")
    result = pass_gates(rules(rate(10)), sight({limited: jobs(1), free: jobs(1, first=9)}), Shares(), 10)
    assert result.permits == {UUID(int=0): Cells.of(rate(10)).good_for_s, UUID(int=9): None}
    assert result.spent == {("r", ""): 1}


def test_a_managed_queue_lets_out_what_its_window_holds_the_first_by_rank():
    managed = rules(queues={"q": QueueRules(managed=True)})
    low, top = Lane("q", "t"), Lane("q", "u")
    what = {low: jobs(10), top: jobs(2, first=50, rank_at=NOW - 9 * STEP_S)}
    assert passed(managed, sight(what, windows={"q": 5}, permitted={low: 2})) == [50, 51, 0]
    assert passed(managed, sight(what, windows={"q": 2}, permitted={low: 2})) == []


def test_what_has_waited_long_enough_goes_before_a_new_job_of_the_top():
    managed = rules(queues={"q": QueueRules(managed=True)})
    old, top = Lane("q", "t"), Lane("q", "u")
    waited = NOW - 9 * STEP_S
    what = {old: jobs(1, rank_at=waited - 1), top: jobs(1, first=50, rank_at=waited)}
    assert passed(managed, sight(what, windows={"q": 1})) == [0]


@pytest.mark.parametrize(
    "closed", [rules(paused=("t",)), rules(queues={"default": QueueRules(paused=True)})], ids=["type", "queue"]
)
def test_nothing_passes_that_is_paused(closed):
    assert passed(closed, sight({Lane("default", "t"): jobs(3)})) == []


@settings(max_examples=30)
@given(weights=st.dictionaries(st.sampled_from("abcdef"), st.sampled_from([0.5, 1.0, 2.0, 3.0, 5.0]), min_size=2))
def test_tenants_have_their_shares_by_weight(weights):
    fair = rules(queues={"q": QueueRules(managed=True, fair_by="$.tenant", weights=weights)})
    lanes = {tenant: Lane("q", "t", tenant=tenant) for tenant in sorted(weights)}
    owner = {}
    waiting = {}
    for place, (tenant, lane) in enumerate(lanes.items()):
        waiting[lane] = jobs(2_000, first=place * 10_000)
        owner |= {job.id: tenant for job in waiting[lane]}
    shares, had = Shares(), defaultdict(int)
    for _ in range(20):
        found = pass_gates(fair, sight(waiting, windows={"q": 50}), shares, 50).permits
        for job in found:
            had[owner[job]] += 1
        waiting = {lane: [job for job in some if job.id not in found] for lane, some in waiting.items()}
    total = sum(had.values())
    for tenant, weight in weights.items():
        assert had[tenant] / total == pytest.approx(weight / sum(weights.values()), rel=0.1, abs=0.01)


def test_a_tenant_with_an_old_backlog_has_its_share_and_no_more():
    fair = rules(queues={"q": QueueRules(managed=True, fair_by="$.tenant")})
    old, young = Lane("q", "t", tenant="old"), Lane("q", "t", tenant="young")
    both = sight({old: jobs(50, rank_at=NOW - 86_400), young: jobs(50, first=5000)}, windows={"q": 20})
    assert sum(number >= 5000 for number in passed(fair, both)) == 10


@pytest.mark.parametrize("weight", [1.0, 0.1])
def test_a_tenant_whose_jobs_come_one_at_a_time_has_its_share_and_no_more(weight):
    fair = rules(queues={"q": QueueRules(managed=True, fair_by="$.tenant", weights={"slow": weight})})
    lanes = {tenant: Lane("q", "t", tenant=tenant) for tenant in ("a", "b", "slow")}
    shares, had = Shares(), defaultdict(int)
    for turn in range(3_000):
        waiting = {lane: jobs(1, first=place) for place, (tenant, lane) in enumerate(lanes.items()) if tenant != "slow"}
        if turn % 2:  # the next one comes only once the one before has gone
            waiting[lanes["slow"]] = jobs(1, first=2, rank_at=NOW - 20)
        for job_id in pass_gates(fair, sight(waiting, windows={"q": 1}), shares, 1).permits:
            had[job_id.int] += 1
    assert had[2] / sum(had.values()) == pytest.approx(weight / (2 + weight), rel=0.1)


def test_a_tenant_that_was_away_has_saved_nothing_up():
    fair = rules(queues={"q": QueueRules(managed=True, fair_by="$.tenant")})
    here, late = Lane("q", "t", tenant="here"), Lane("q", "t", tenant="late")
    shares = Shares()
    pass_gates(fair, sight({here: jobs(400)}, windows={"q": 400}), shares, 400)
    both = sight({here: jobs(50, first=1000), late: jobs(50, first=5000)}, windows={"q": 20})
    found = [job.int for job in pass_gates(fair, both, shares, 20).permits]
    assert sum(number >= 5000 for number in found) == 10
