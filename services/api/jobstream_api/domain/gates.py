"""Who may pass the gates now: limits, order, pauses, shares. Pure.

Rates follow the generic cell rate algorithm (ITU-T I.371): one time for each bucket, the
theoretical arrival time, tells all about it.
"""

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from math import floor
from sys import maxsize
from uuid import UUID

from jobstream.contracts.flow import Limit
from jobstream_api.domain.flow import FlowRules, Lane, is_rate

Bucket = tuple[str, str]
"""A limit's name, and the value of its key."""

_USED = 0.98
"""Of a rate so much is handed out at most: what starts late moves into the next window, which may then hold more."""
_LOOK = 0.7
_LEAST_CREDIT = 0.3
_USUAL_LATENESS_S = 0.02
"""So many permits, or those of so long, are kept beyond the first: a look comes a little late, and would lose them."""
_USUAL_SLACK_S = 0.25
_LEAST_SLACK_S = 0.03
_MOST_SLACK_S = 5.0


@dataclass(frozen=True, slots=True)
class Cells:
    """A rate limit as cells.

    A window of one period may hold ``limit + burst`` starts. Permits are given at instants, but used up to
    ``slack_s`` later, so a window holds the permits of ``period + slack_s``: what that adds is taken off the rate
    and the burst here.

    Attributes:
        interval_s: between permits.
        burst: permits at once after a quiet time.
        slack_s: how long after its permit a job may start at the latest.
    """

    interval_s: float
    burst: float
    slack_s: float

    @classmethod
    def of(cls, rule: Limit) -> "Cells":
        """The cells of a rate limit."""
        return _cells(rule.limit, rule.period_s, rule.limit if rule.burst is None else rule.burst)

    @property
    def good_for_s(self) -> float:
        """For how long a worker takes a permit for good; the rest is for what lies between its look and the start."""
        return _LOOK * self.slack_s

    def permits(self, tat: float, now: float) -> int:
        """How many may start at ``now``, seconds."""
        return max(floor(self.burst - max(tat - now, 0.0) / self.interval_s + 1e-9), 0)

    def wait_s(self, tat: float, now: float) -> float:
        """Seconds until one may start."""
        return max(tat - now - (self.burst - 1.0) * self.interval_s, 0.0)

    def rest_s(self, tat: float, now: float, gather_s: float) -> float:
        """Seconds until it is worth to look again: one may start, and more if the bucket is not full long after.

        Args:
            gather_s: for so long permits may gather.
        """
        return max(self.wait_s(tat, now), min(gather_s, (tat - now) / 2))

    @property
    def debt_s(self) -> float:
        """How far ahead of the time the theoretical arrival time is at most; further ahead it is by another rule."""
        return self.burst * self.interval_s

    def spend(self, tat: float, now: float, permits: int) -> float:
        """The theoretical arrival time after ``permits`` were given."""
        return max(tat, now) + permits * self.interval_s


@lru_cache(maxsize=10_000)
def _cells(limit: int, period_s: float, burst: float) -> Cells:
    most = limit + burst + 0.999  # in a window; starts are whole
    # Of many in a short time with hardly a burst, what comes late would not fit: then less is handed out.
    rate = min(_USED * limit / period_s, (most - 1.0) / (period_s + _LEAST_SLACK_S + _USUAL_LATENESS_S))
    spare = most - burst - rate * period_s
    slack = min(max(spare / rate, _USUAL_SLACK_S), _MOST_SLACK_S)
    credit = min(max(_LEAST_CREDIT, rate * _USUAL_LATENESS_S), spare + burst - rate * _LEAST_SLACK_S - 1.0)
    kept = max(1.0, 1.0 + credit, burst - max(rate * slack - spare, 0.0))
    slack = min(slack, max((spare + burst - kept) / rate, _LEAST_SLACK_S))
    return Cells(1.0 / rate, kept, slack)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A job at its gate.

    Attributes:
        rank_at: its place, seconds since 1970, see the column.
    """

    id: UUID
    rank_at: float
    seq: int


@dataclass(frozen=True, slots=True)
class Sight:
    """What the gates look at.

    Attributes:
        now: seconds since 1970, by the database.
        waiting: jobs at the gate, the first ones of each lane that is open, in their order. With strict order only
            the one that is next.
        permitted: jobs of each lane that hold a permit.
        arrivals: theoretical arrival times, seconds since 1970; a bucket without one is full.
        windows: most permits out at once, of each managed queue.
        gather_s: for so long permits of a rate may gather, unless the bucket would overflow.
    """

    now: float
    waiting: Mapping[Lane, Sequence[Waiting]]
    permitted: Mapping[Lane, int]
    arrivals: Mapping[Bucket, float]
    windows: Mapping[str, int]
    gather_s: float


@dataclass(slots=True)
class Passed:
    """Who may pass.

    Attributes:
        permits: for how long each is good, seconds; None: for ever. In the order in which they go.
        lanes: in which each was seen.
        spent: permits given by bucket of a rate.
        again_s: when to look for what rates let pass next, seconds from now; None: no rate is waited for.
    """

    permits: dict[UUID, float | None] = field(default_factory=dict)
    lanes: dict[UUID, Lane] = field(default_factory=dict)
    spent: dict[Bucket, int] = field(default_factory=dict)
    again_s: float | None = None


@dataclass(slots=True)
class Shares:
    """Who had how much of a queue that is shared by weight: start-time fair queueing.

    Attributes:
        times: virtual time up to which each tenant has had its share, by queue.
    """

    times: dict[str, dict[str, float]] = field(default_factory=dict)

    def begin(self, queue: str, tenants: Iterable[str]) -> None:
        """Tenants with something to do; who had nothing to do for a while has not saved that up."""
        known = self.times.get(queue, {})
        tenants = set(tenants)
        floor_time = min((known[tenant] for tenant in tenants if tenant in known), default=0.0)
        ahead = {tenant: time for tenant, time in known.items() if time > floor_time}  # it has had more than its share
        self.times[queue] = ahead | {tenant: max(known.get(tenant, floor_time), floor_time) for tenant in tenants}

    def of(self, queue: str, tenant: str) -> float:
        """Its virtual time."""
        return self.times[queue][tenant]

    def take(self, queue: str, tenant: str, weight: float) -> None:
        """One job of the tenant goes."""
        self.times[queue][tenant] += 1.0 / weight


def rooms(
    rules: FlowRules, sight: Sight, lanes: Iterable[Lane], most: int
) -> tuple[dict[Lane, int], dict[Lane, float]]:
    """How many jobs of each lane could go now if there were no others, at most ``most``; closed ones are left out.

    Also, of those that rates have closed, in how many seconds to look again.
    """
    look = _Round(rules, sight, Shares())
    found: dict[Lane, int] = {}
    rests: dict[Lane, float] = {}
    for lane in lanes:
        room = look.room(lane, most)
        if room > 0:
            found[lane] = room
        elif look.closed_by_rates(lane) and (rest := look.rest_s(lane)) is not None:
            rests[lane] = rest
    return found, rests


def pass_gates(rules: FlowRules, sight: Sight, shares: Shares, most: int) -> Passed:
    """Choose up to ``most`` jobs that may go now."""
    return _Round(rules, sight, shares).run(most)


class _Round:
    def __init__(self, rules: FlowRules, sight: Sight, shares: Shares) -> None:
        self._rules = rules
        self._sight = sight
        self._shares = shares
        self._passed = Passed()
        self._in_bucket: dict[Bucket, int] = {}
        self._in_queue: dict[str, int] = {}
        self._taken: dict[Lane, int] = {}
        # Of a limit: how many may be under way, or the cells of its rate.
        self._limits: dict[str, tuple[int, Cells | None]] = {
            name: (limit.rule.limit, Cells.of(limit.rule) if is_rate(limit) else None)
            for name, limit in rules.limits.items()
        }
        for lane, count in sight.permitted.items():
            self._in_queue[lane.queue] = self._in_queue.get(lane.queue, 0) + count
            for bucket in lane.limits:
                self._in_bucket[bucket] = self._in_bucket.get(bucket, 0) + count

    def run(self, most: int) -> Passed:
        queues: dict[str, list[tuple[tuple[float, ...], int, Lane]]] = {}
        lanes = [lane for lane, jobs in self._sight.waiting.items() if jobs and not self._stopped(lane)]
        for lane in lanes:
            queues.setdefault(lane.queue, [])
        for queue in queues:
            tenants = [lane.tenant for lane in lanes if lane.queue == queue and lane.tenant is not None]
            self._shares.begin(queue, tenants)
        for place, lane in enumerate(lanes):
            heapq.heappush(queues[lane.queue], (self._order(lane), place, lane))
        while queues and len(self._passed.permits) < most:
            for queue in list(queues):
                if not self._next_of(queues[queue]):
                    del queues[queue]
        rests = [rest for lane in lanes if (rest := self.rest_s(lane)) is not None]
        self._passed.again_s = min(rests, default=None)
        return self._passed

    def room(self, lane: Lane, most: int) -> int:
        if self._stopped(lane):
            return 0
        window = self._sight.windows.get(lane.queue)
        if window is not None:
            most = min(most, window - self._in_queue.get(lane.queue, 0))
        for bucket in lane.limits:
            most = min(most, self._left(bucket))
        return most

    def _next_of(self, heap: list[tuple[tuple[float, ...], int, Lane]]) -> bool:
        """Let the first one of a queue pass that may; False if none is left that could."""
        while heap:
            _, place, lane = heapq.heappop(heap)
            if not self._open(lane):
                continue  # nobody of this lane passes in this round
            self._let_pass(lane)
            if self._taken[lane] < len(self._sight.waiting[lane]):
                heapq.heappush(heap, (self._order(lane), place, lane))
            return True
        return False

    def _order(self, lane: Lane) -> tuple[float, ...]:
        """By rank; among tenants by their shares first: the rank decides among the jobs of one."""
        head = self._sight.waiting[lane][self._taken.get(lane, 0)]
        if lane.tenant is None:
            return (head.rank_at, float(head.seq))
        return (self._shares.of(lane.queue, lane.tenant), head.rank_at, float(head.seq))

    def _stopped(self, lane: Lane) -> bool:
        queue = self._rules.queues.get(lane.queue)
        return lane.type in self._rules.paused or (queue is not None and queue.paused)

    def _open(self, lane: Lane) -> bool:
        window = self._sight.windows.get(lane.queue)
        if window is not None and self._in_queue.get(lane.queue, 0) >= window:
            return False
        return all(self._left(bucket) > 0 for bucket in lane.limits)

    def _left(self, bucket: Bucket) -> int:
        """How many more a limit lets pass; one that is gone lets all."""
        most, cells = self._limits.get(bucket[0], (maxsize, None))
        if cells is None:
            return most - self._in_bucket.get(bucket, 0)
        return cells.permits(self._tat(cells, bucket), self._sight.now)

    def _tat(self, cells: Cells, bucket: Bucket) -> float:
        now = self._sight.now
        return cells.spend(self._sight.arrivals.get(bucket, now), now, self._passed.spent.get(bucket, 0))

    def closed_by_rates(self, lane: Lane) -> bool:
        """True if time opens it again, and the ends of other jobs do not."""
        return any(self._left(bucket) <= 0 for bucket, _ in self._rates(lane))

    def _rates(self, lane: Lane) -> list[tuple[Bucket, Cells]]:
        found = ((bucket, self._limits.get(bucket[0], (0, None))[1]) for bucket in lane.limits)
        return [(bucket, cells) for bucket, cells in found if cells is not None]

    def rest_s(self, lane: Lane) -> float | None:
        """When it is worth to look at a lane again that rates have closed."""
        now, gather_s = self._sight.now, self._sight.gather_s
        rests = [cells.rest_s(self._tat(cells, bucket), now, gather_s) for bucket, cells in self._rates(lane)]
        return max(rests, default=None)

    def _let_pass(self, lane: Lane) -> None:
        taken = self._taken.get(lane, 0)
        for bucket in lane.limits:
            self._in_bucket[bucket] = self._in_bucket.get(bucket, 0) + 1
        rates = self._rates(lane)
        for bucket, _ in rates:
            self._passed.spent[bucket] = self._passed.spent.get(bucket, 0) + 1
        good_for = min((cells.good_for_s for _, cells in rates), default=None)
        self._in_queue[lane.queue] = self._in_queue.get(lane.queue, 0) + 1
        self._taken[lane] = taken + 1
        if lane.tenant is not None:
            rules = self._rules.queues.get(lane.queue)
            weight = 1.0 if rules is None else rules.weights.get(lane.tenant, 1.0)
            self._shares.take(lane.queue, lane.tenant, weight)
        job_id = self._sight.waiting[lane][taken].id
        self._passed.permits[job_id] = good_for
        self._passed.lanes[job_id] = lane
