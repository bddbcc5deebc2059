"""Gatekeeper: lets jobs pass their gates, cluster-wide and exactly.

One transaction looks at what waits, what is out and what the rates allow, and hands out permits;
an advisory lock keeps a second leader from doing the same meanwhile.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from jobstream.contracts.topics import Topics
from jobstream_api.domain.flow import FlowRules, Lane
from jobstream_api.domain.gates import Bucket, Cells, Passed, Shares, Sight, Waiting, pass_gates, rooms
from jobstream_api.infrastructure.database import Connection
from jobstream_api.repositories import backlogs, flow, gates
from jobstream_api.repositories.flow import QueueDefaults
from jobstream_api.repositories.held import Outlook, Released
from jobstream_api.services.backlog_caps import capped_places
from jobstream_api.settings import ApiSettings

T = TypeVar("T")

_BATCH = 500
_RELANE_BATCH = 1_000
_LOOKED_AT = 2_000
"""Jobs that are read in one round, of all lanes together."""
_WORKERS_EVERY_S = 1.0
_WORKER_SEEN_WITHIN_S = 30.0
_LANES_SHARE = 0.1
"""Of its time, what looking for new lanes may take; more when jobs are known to have come."""
_ANEW_AFTER = 2.0
_CLOSED_AT_MOST_S = 5.0
"""A permit of a rate that is given back is seen so late at most."""
_AHEAD_S = 0.4
"""Of a managed queue, what its workers do in so many seconds is in Kafka beyond what could start at once."""
_PACE_S = 1.0
BLOCKED_S = 0.05
"""How soon to look again where permits come back in other processes."""
_GATHER_SHARE = 0.1
"""Of its time, what handing out the permits of rates may take: the busier everybody is, the more go together."""
_GATHER_AT_MOST_S = 0.25
_SHORTEST_S = 0.002
_ROUNDING_S = 0.001
_MANY_LANES = 1_000
CLOSED_S = 0.5
"""How soon to look again where everything that waits is paused."""


@dataclass(slots=True)
class Pace:
    """How fast the jobs of a queue come back, by what was handed out and what is out."""

    out: int = 0
    per_s: float = 0.0
    at: float = 0.0
    ended: int = 0

    def look(self, out: int, now: float) -> None:
        """``out`` are out at ``now``, monotonic seconds."""
        self.ended += max(self.out - out, 0)
        self.out = out
        passed = now - self.at
        if passed >= _PACE_S / 4:
            rate = self.ended / passed
            weight = min(passed / _PACE_S, 1.0)
            self.per_s += (rate - self.per_s) * weight
            self.ended, self.at = 0, now


@dataclass(slots=True)
class Known:
    """What the gatekeeper remembers from one round to the next; a new leader finds it out anew.

    Attributes:
        waiting: lanes in which jobs were seen waiting.
        searched: the last lanes that a search found which was full: the next one goes on behind them.
        just_came: lanes to which jobs came since this round began: it may not have seen them.
        order: lanes of each (type, key) with strict order that were seen.
        fit: lanes that were found to be as the rules of version ``fit_by`` make them.
        looked_through: all of those that wait were.
        closed_until: lanes that rates have closed, and until when they are not looked at; seconds since 1970.
    """

    waiting: set[str] = field(default_factory=set)
    searched: tuple[str, str] = ("", "")
    just_came: set[str] = field(default_factory=set)
    order: defaultdict[tuple[str, str | None], set[str]] = field(default_factory=lambda: defaultdict(set))
    lanes: dict[str, Lane] = field(default_factory=dict)
    fit: set[str] = field(default_factory=set)
    fit_by: int = -1
    looked_through: bool = False
    closed_until: dict[str, float] = field(default_factory=dict)
    looked_at: float = 0.0
    look_cost_s: float = 0.0
    look_again_at: float = 0.0

    def lane(self, text: str) -> Lane:
        """The lane of a column's text."""
        found = self.lanes.get(text)
        if found is None:
            found = self.lanes[text] = Lane.of_text(text)
            if found.order is not None:
                self.order[found.keyed].add(text)
        return found


@dataclass(frozen=True, slots=True)
class View:
    """One look.

    Attributes:
        waits: there are jobs at gates that nobody has paused.
        awaits_ends: some of them may pass once others have ended.
        more: more wait than were read, though they might pass too.
        again_s: when to look again for what rates have closed, seconds from now.
    """

    sight: Sight
    waits: bool
    awaits_ends: bool
    more: bool
    again_s: float | None


async def _apart(size: int, work: Callable[..., T], *arguments: Any) -> T:
    """Do what takes long for many lanes in a thread, so that nobody else in this process waits for it."""
    return await asyncio.to_thread(work, *arguments) if size > _MANY_LANES else work(*arguments)


def _last(lanes: Sequence[str]) -> str:
    """Behind what the next search begins: at the beginning, unless this one was full."""
    return lanes[-1] if len(lanes) >= gates.MOST_LANES else ""


class Gatekeeper:
    """Hands out permits. Part of the leader's dispatcher."""

    def __init__(self, settings: ApiSettings, defaults: QueueDefaults) -> None:
        self._topics = Topics(settings.topic_prefix)
        self._defaults = defaults
        self._rules = FlowRules(version=-1)
        self._known = Known()
        self._shares = Shares()
        self._paces: defaultdict[str, Pace] = defaultdict(Pace)
        self._slots: dict[str, int] = {}
        self._slots_at = 0.0
        self._gather_s = BLOCKED_S

    def look_at_once(self) -> None:
        """Jobs of a new lane may have come: look as soon as the last look lies some times its cost back."""
        known = self._known
        known.look_again_at = min(known.look_again_at, known.looked_at + _ANEW_AFTER * known.look_cost_s)

    def came(self, lanes: Collection[str]) -> None:
        """Jobs have come to the gates of ``lanes``: they are not searched for."""
        known = self._known
        for text in lanes:
            known.lane(text)
            known.waiting.add(text)
        known.just_came.update(lanes)
        known.looked_through &= known.fit.issuperset(lanes)

    def took(self, seconds: float) -> None:
        """So long handing out permits took, all in all."""
        self._gather_s = min(max(BLOCKED_S, seconds / _GATHER_SHARE), _GATHER_AT_MOST_S)

    async def relane(self, connection: Connection, outlook: Outlook) -> None:
        """Bring every job that is held into its lane, as the rules are now. In transactions of its own.

        If they change meanwhile it ends, and the next turn begins anew.
        """
        async with connection.transaction():
            await self._learn_rules(connection)
        after = None
        while True:
            async with connection.transaction():
                if await flow.keep(connection) != self._rules.version:
                    return
                found = await gates.parked(connection, outlook.relane, after, _RELANE_BATCH)
                lanes = {job.id: self._rules.lane(job.type, job.queue, job.key, job.payload) for job in found}
                texts = {job_id: None if lane is None else lane.to_text() for job_id, lane in lanes.items()}
                changed = {job.id: texts[job.id] for job in found if job.lane != texts[job.id]}
                if changed:
                    await gates.relane(connection, changed)
                    await backlogs.add(connection, capped_places(filter(None, changed.values()), self._rules.capped))
            if len(found) < _RELANE_BATCH:
                break
            after = found[-1].id
        await gates.relaned(connection, self._rules.version)
        self._known.look_again_at = 0.0

    async def _learn_rules(self, connection: Connection) -> None:
        self._rules = await flow.load(connection, self._defaults)
        self._known.closed_until.clear()

    async def open(self, connection: Connection, outlook: Outlook) -> tuple[list[Released], float]:
        """Let jobs pass, in the caller's transaction.

        Returns:
            Those that go, and after how many seconds to look again; 0 if more may go at once.
        """
        self._known.just_came.clear()
        now = await gates.alone(connection)
        if now is None:
            return [], BLOCKED_S
        if outlook.version != self._rules.version:
            await self._learn_rules(connection)
        # First who is out: one that comes back while we look is still counted, and none of its key goes.
        out = await gates.permitted(connection)
        await self._find_lanes(connection, out)
        await self._list_capped(connection)
        if strays := self._strays():
            await flow.ask_relane(connection, strays)
            return [], 0.0
        permitted = {self._known.lane(text): count for text, count in out.items()}
        view = await self._look(connection, now, permitted)
        passed = pass_gates(self._rules, view.sight, self._shares, _BATCH)
        released = await self._release(connection, passed, view.sight) if passed.permits else []
        if released and (view.more or len(passed.permits) >= _BATCH):
            return released, 0.0
        if not view.waits:
            return [], BLOCKED_S if self._known.order else CLOSED_S
        rates = [again_s for again_s in (view.again_s, passed.again_s) if again_s is not None]
        at_most_s = BLOCKED_S if view.awaits_ends else self._gather_s
        return released, max(min([at_most_s, *rates]), _SHORTEST_S)

    async def _find_lanes(self, connection: Connection, out: Mapping[str, int]) -> None:
        """See what lanes there are; as often as that is cheap."""
        began = time.monotonic()
        known = self._known
        if began < known.look_again_at:
            return
        behind, ordered_behind = known.searched
        waiting = await gates.waiting_lanes(connection, behind)
        ordered = await gates.ordered_lanes(connection, ordered_behind)
        known.searched = _last(waiting), _last(ordered)
        # Of more lanes than one search takes the others stay as they were known: who is empty is found to be.
        whole = not any((behind, ordered_behind, *known.searched))
        known.waiting = {*waiting, *known.just_came, *(() if whole else known.waiting)}
        if whole:
            alive = known.waiting.union(ordered, out)
            known.lanes = {text: lane for text, lane in known.lanes.items() if text in alive}
            known.order.clear()
        else:
            alive = {*waiting, *ordered}
        for text in alive:
            lane = known.lane(text)
            if lane.order is not None:
                known.order[lane.keyed].add(text)
        known.looked_through = False
        known.looked_at = time.monotonic()
        known.look_cost_s = known.looked_at - began
        known.look_again_at = known.looked_at + known.look_cost_s / _LANES_SHARE

    async def _list_capped(self, connection: Connection) -> None:
        """Let caps on backlogs find lanes that no submit has listed: of records, and from before there was a cap."""
        known, capped = self._known, self._rules.capped
        if capped and not (known.looked_through and known.fit_by == self._rules.version):
            fit = known.fit if known.fit_by == self._rules.version else set()
            await backlogs.add(connection, capped_places(known.waiting - fit, capped))

    def _strays(self) -> list[str]:
        """Types whose jobs came into a lane by older rules, from an api that had not heard of the newer ones yet."""
        known = self._known
        if known.fit_by != self._rules.version:
            known.fit, known.fit_by = set(), self._rules.version
        elif known.looked_through:
            return []
        lanes = [known.lane(text) for text in known.waiting - known.fit]
        strays = sorted({lane.type for lane in lanes if not self._rules.fits(lane)})
        if strays:
            known.look_again_at = 0.0
        else:
            known.fit, known.looked_through = set(known.waiting), True
        return strays

    async def _look(self, connection: Connection, now: float, permitted: Mapping[Lane, int]) -> View:
        """What waits at gates that are open. A closed lane costs no reading, however often it is looked at."""
        await self._count_slots(connection)
        known, rules = self._known, self._rules
        open_ = [text for text in known.waiting if known.closed_until.get(text, 0.0) <= now]
        lanes = {text: lane for text in open_ if not self._paused(lane := known.lane(text))}
        buckets = {bucket for lane in lanes.values() for bucket in lane.limits}
        rates = sorted(bucket for bucket in buckets if bucket[0] in rules.rates)
        arrivals = await self._arrivals(connection, rates, now) if rates else {}
        sight = Sight(now, {}, permitted, arrivals, self._windows(permitted), self._gather_s)
        free = {text: lane for text, lane in lanes.items() if lane.order is None}
        room, rests = await _apart(len(free), rooms, rules, sight, free.values(), _BATCH)
        again_s = self._close(free, rests, now)
        each = min(max(_LOOKED_AT // max(len(room), 1), 1), _BATCH)
        most = {text: min(room[lane], each) for text, lane in free.items() if lane in room}
        found = await gates.waiting(connection, most) if most else {}
        known.waiting.difference_update(most.keys() - found.keys() - known.just_came)
        waiting: dict[Lane, Sequence[Waiting]] = {lanes[text]: jobs for text, jobs in found.items()}
        strict = [lane for lane in lanes.values() if lane.order is not None]
        waiting |= await self._first_of_keys(connection, strict, permitted) if strict else {}
        more = any(len(jobs) == each < room[lanes[text]] for text, jobs in found.items())
        waits = bool(lanes) or len(open_) < len(known.waiting)
        awaits_ends = any(rules.lets_others_pass(job_type) for job_type in {lane.type for lane in lanes.values()})
        return View(replace(sight, waiting=waiting), waits, awaits_ends, more, again_s)

    async def _arrivals(self, connection: Connection, rates: Sequence[Bucket], now: float) -> dict[Bucket, float]:
        """Where the buckets of rates stand. What is owed by an older rule is cut to what the present one can owe."""
        arrivals = await gates.arrivals(connection, rates)
        most = {bucket: now + Cells.of(self._rules.limits[bucket[0]].rule).debt_s for bucket in arrivals}
        beyond = {bucket: most[bucket] for bucket, tat in arrivals.items() if tat > most[bucket] + _ROUNDING_S}
        if beyond:
            await gates.lower(connection, beyond)
        return arrivals | beyond

    def _close(self, lanes: Mapping[str, Lane], rests: Mapping[Lane, float], now: float) -> float | None:
        """Look past lanes that rates have closed for longer: there may be one for each of many keys.

        Returns:
            When the first of all that are closed is to be looked at again, seconds from now.
        """
        known = self._known
        known.closed_until = {text: until for text, until in known.closed_until.items() if until > now}
        for text, lane in lanes.items():
            rest = rests.get(lane, 0.0)
            if rest > BLOCKED_S:
                known.closed_until[text] = now + min(rest, _CLOSED_AT_MOST_S)
        soon = (until - now for until in known.closed_until.values())
        return min((*rests.values(), *soon), default=None)

    async def _first_of_keys(
        self, connection: Connection, lanes: list[Lane], permitted: Mapping[Lane, int]
    ) -> dict[Lane, list[Waiting]]:
        """Of types with strict order: the earliest job of each key, if it may go and none of its key is out."""
        out = {lane.keyed for lane in permitted}
        keys = {lane.keyed for lane in lanes} - out
        texts = sorted(text for key in keys for text in self._known.order[key])
        heads = await gates.ordered_heads(connection, texts)
        first: dict[tuple[str, str | None], tuple[Lane, Waiting, bool]] = {}
        for text, (job, at_gate) in heads.items():
            lane = self._known.lane(text)
            other = first.get(lane.keyed)
            if other is None or job.seq < other[1].seq:
                first[lane.keyed] = (lane, job, at_gate)
        return {lane: [job] for lane, job, at_gate in first.values() if at_gate}

    def _paused(self, lane: Lane) -> bool:
        queue = self._rules.queues.get(lane.queue)
        return lane.type in self._rules.paused or (queue is not None and queue.paused)

    async def _count_slots(self, connection: Connection) -> None:
        now = time.monotonic()
        if self._rules.managed_queues and now >= self._slots_at + _WORKERS_EVERY_S:
            self._slots = await gates.slots(connection, _WORKER_SEEN_WITHIN_S)
            self._slots_at = now

    def _windows(self, permitted: Mapping[Lane, int]) -> dict[str, int]:
        """How many may be out, of each managed queue."""
        out: defaultdict[str, int] = defaultdict(int)
        for lane, count in permitted.items():
            out[lane.queue] += count
        windows = {}
        for queue in self._rules.managed_queues:
            pace = self._paces[queue]
            pace.look(out[queue], time.monotonic())
            windows[queue] = max(self._slots.get(self._topics.jobs(queue), 0), 1) + int(pace.per_s * _AHEAD_S)
        return windows

    async def _release(self, connection: Connection, passed: Passed, sight: Sight) -> list[Released]:
        lanes = {job_id: lane.to_text() for job_id, lane in passed.lanes.items()}
        released = await gates.release(connection, passed.permits, lanes)
        spent: defaultdict[Bucket, float] = defaultdict(float)
        for _, lane in released:
            self._paces[lane.queue].out += 1
            for bucket in lane.limits:
                if bucket in passed.spent:
                    spent[bucket] += Cells.of(self._rules.limits[bucket[0]].rule).interval_s
        if spent:
            await gates.spend(connection, sight.now, spent)
        return [entry for entry, _ in released]
