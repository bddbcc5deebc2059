"""Limits and queues as they stand, with how many jobs wait and run."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from jobstream_api.domain.errors import LimitNotFound, QueueNotFound
from jobstream_api.domain.flow import EffectiveLimit, FlowRules, QueueRules
from jobstream_api.infrastructure.database import Database
from jobstream_api.repositories import flow, flow_figures
from jobstream_api.repositories.flow import QueueDefaults
from jobstream_api.repositories.flow_figures import LaneFigures, QueueRows
from jobstream_api.services.lag import Lag
from jobstream_api.services.trouble import store_errors

FULLEST = 10


@dataclass(slots=True)
class Count:
    """Jobs at a gate.

    Attributes:
        capped: there are more than were counted.
    """

    running: int = 0
    waiting: int = 0
    capped: bool = False

    def add(self, figures: LaneFigures) -> None:
        """Count a lane in."""
        self.running += figures.running
        self.waiting += figures.waiting
        self.capped |= figures.capped


@dataclass(frozen=True, slots=True)
class LimitState:
    """A limit, and the jobs at it.

    Attributes:
        keys: the fullest of a limit with a key, fullest first.
    """

    limit: EffectiveLimit
    count: Count
    keys: Sequence[tuple[str, Count]]


@dataclass(frozen=True, slots=True)
class QueueState:
    """A queue, and its jobs.

    Attributes:
        oldest_age_s: of the jobs at a gate; None if there are none.
        lag: records that no worker has started; None if Kafka does not answer.
    """

    name: str
    rules: QueueRules
    waiting: int
    oldest_age_s: float | None
    lag: int | None
    running: int
    capped: bool


@dataclass(slots=True)
class _Gate:
    whole: Count = field(default_factory=Count)
    keys: dict[str, Count] = field(default_factory=dict)


class FlowFigures:
    """Answers questions about limits and queues, from the database and Kafka as they are now."""

    def __init__(self, database: Database, defaults: QueueDefaults, lag: Lag) -> None:
        self._database = database
        self._defaults = defaults
        self._lag = lag

    async def limits(self) -> list[LimitState]:
        """All limits, by name.

        Raises:
            StoreUnavailable.
        """
        async with store_errors("limits"), self._database.transaction() as connection:
            rules = await flow.load(connection, self._defaults)
            lanes = await flow_figures.lanes(connection) if rules.limits else []
        return _limits(rules, lanes)

    async def limit(self, name: str) -> LimitState:
        """One limit.

        Raises:
            LimitNotFound, StoreUnavailable.
        """
        for state in await self.limits():
            if state.limit.name == name:
                return state
        raise LimitNotFound(name)

    async def queues(self) -> list[QueueState]:
        """All configured queues, in the order of the setting.

        Raises:
            StoreUnavailable.
        """
        async with store_errors("queues"), self._database.transaction() as connection:
            rules = await flow.load(connection, self._defaults)
            lanes = await flow_figures.lanes(connection)
            rows = await flow_figures.queues(connection)
        return _queues(rules, lanes, rows, await self._lag.by_queue())

    async def queue(self, name: str) -> QueueState:
        """One queue.

        Raises:
            QueueNotFound, StoreUnavailable.
        """
        if name not in self._defaults.names:
            raise QueueNotFound(name, self._defaults.names)
        [state] = [state for state in await self.queues() if state.name == name]
        return state


def _limits(rules: FlowRules, lanes: Iterable[LaneFigures]) -> list[LimitState]:
    gates = {name: _Gate() for name in rules.limits}
    for figures in lanes:
        for name, key in figures.lane.limits:
            if name in gates:
                gates[name].whole.add(figures)
                gates[name].keys.setdefault(key, Count()).add(figures)
    return [LimitState(limit, gates[name].whole, _fullest(limit, gates[name])) for name, limit in _sorted(rules)]


def _sorted(rules: FlowRules) -> list[tuple[str, EffectiveLimit]]:
    return sorted(rules.limits.items())


def _fullest(limit: EffectiveLimit, gate: _Gate) -> list[tuple[str, Count]]:
    if limit.rule.key is None:
        return []
    ordered = sorted(gate.keys.items(), key=lambda each: (-each[1].waiting, -each[1].running, each[0]))
    return ordered[:FULLEST]


def _queues(
    rules: FlowRules,
    lanes: Sequence[LaneFigures],
    rows: Mapping[str, QueueRows],
    lag: Mapping[str, int] | None,
) -> list[QueueState]:
    states = []
    for name, queue in rules.queues.items():
        own = [figures for figures in lanes if figures.lane.queue == name and figures.waiting]
        held = rows.get(name, QueueRows())
        states.append(
            QueueState(
                name=name,
                rules=queue,
                waiting=sum(figures.waiting for figures in own) + held.held,
                oldest_age_s=max((figures.age_s for figures in own), default=None),
                lag=None if lag is None else lag.get(name, 0),
                running=held.running,
                capped=any(figures.capped for figures in own) or held.held >= flow_figures.MAX_HEAP_ROWS,
            )
        )
    return states
