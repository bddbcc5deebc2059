"""Which gates a job has to pass, from what handlers declare and operators set. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import orjson

from jobstream.contracts.flow import Limit, LimitKind, bounded, value_at

STRICT = "!"


@dataclass(frozen=True, slots=True)
class EffectiveLimit:
    """A limit as it holds now.

    Attributes:
        rule: with its name.
        types: whose jobs it counts.
        declared: handlers name it; an operator's setting may override its numbers.
        overridden: an operator has set it.
    """

    rule: Limit
    types: frozenset[str]
    declared: bool
    overridden: bool

    @property
    def name(self) -> str:
        """Its name."""
        assert self.rule.name is not None
        return self.rule.name


@dataclass(frozen=True, slots=True)
class QueueRules:
    """How the jobs of a queue are handed out.

    Attributes:
        managed: they wait as rows, and go to Kafka about a second ahead; else they go at once.
        fair_by: path into the payload that tells tenants apart.
        weights: of tenants; those not named have 1.
    """

    managed: bool = False
    paused: bool = False
    fair_by: str | None = None
    weights: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Lane:
    """What decides on a job: jobs of one lane are alike in all of it.

    Attributes:
        limits: (name of a limit, value of its key), of each limit of the type.
        order: the job's key, if its type asks for strict order.
        tenant: whom it belongs to in a queue that is shared fairly.
        made_by: tells rules apart that look elsewhere for all of that; empty: they look nowhere.
    """

    queue: str
    type: str
    limits: tuple[tuple[str, str], ...] = ()
    order: str | None = None
    tenant: str | None = None
    made_by: str = ""

    @property
    def keyed(self) -> tuple[str, str | None]:
        """Of a type with strict order: jobs that go one after another."""
        return (self.type, self.order)

    def to_text(self) -> str:
        """As the column has it. Those with strict order are found by their first letter."""
        made_by = [self.made_by] if self.made_by else []
        text = orjson.dumps([self.queue, self.type, self.limits, self.order, self.tenant, *made_by]).decode()
        return text if self.order is None else f"{STRICT}{text}"

    @classmethod
    def of_text(cls, text: str) -> "Lane":
        """Read the column."""
        queue, job_type, limits, order, tenant, *made_by = orjson.loads(text.removeprefix(STRICT))
        return cls(queue, job_type, tuple((name, key) for name, key in limits), order, tenant, *made_by)


@dataclass(frozen=True, slots=True)
class FlowRules:
    """All that decides on gates, at one version.

    Attributes:
        limits: by name.
        strict: types with strict order.
        paused: types of which nothing is started.
        queues: by name; those that are missing have no rules.
        by_type: limits of each type.
        rates: names of limits of starts in a period.
        capped: most jobs that may wait, by name of a limit that has a say in that.
    """

    version: int = 0
    limits: Mapping[str, EffectiveLimit] = field(default_factory=dict)
    strict: frozenset[str] = frozenset()
    paused: frozenset[str] = frozenset()
    queues: Mapping[str, QueueRules] = field(default_factory=dict)
    by_type: Mapping[str, tuple[EffectiveLimit, ...]] = field(init=False)
    rates: frozenset[str] = field(init=False)
    capped: Mapping[str, int] = field(init=False)
    _made: dict[tuple[str, str], str] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        by_type: dict[str, list[EffectiveLimit]] = {}
        for name in sorted(self.limits):
            for job_type in self.limits[name].types:
                by_type.setdefault(job_type, []).append(self.limits[name])
        object.__setattr__(self, "by_type", {name: tuple(found) for name, found in by_type.items()})
        object.__setattr__(self, "rates", frozenset(name for name, limit in self.limits.items() if is_rate(limit)))
        caps = {name: limit.rule.max_waiting for name, limit in self.limits.items() if limit.rule.max_waiting}
        object.__setattr__(self, "capped", caps)

    @property
    def gated_types(self) -> list[str]:
        """Types whose jobs need a permit, sorted."""
        return sorted({*self.by_type, *self.strict, *self.paused})

    def lets_others_pass(self, job_type: str) -> bool:
        """True if others may start once a job of the type is over. At a rate they may not."""
        counted = any(not is_rate(limit) for limit in self.by_type.get(job_type, ()))
        return counted or job_type in self.strict or bool(self.managed_queues)

    @property
    def managed_queues(self) -> list[str]:
        """Queues whose jobs need a permit, sorted."""
        return sorted(name for name, rules in self.queues.items() if rules.managed)

    @property
    def paused_queues(self) -> list[str]:
        """Queues of which nothing is started, sorted."""
        return sorted(name for name, rules in self.queues.items() if rules.paused)

    def lane(self, job_type: str, queue: str, key: str | None, payload: Mapping[str, Any]) -> Lane | None:
        """The lane of a job, or None if it has no gate to pass."""
        limits = self.by_type.get(job_type, ())
        rules = self.queues.get(queue)
        managed = rules is not None and rules.managed
        strict = job_type in self.strict
        if not (limits or managed or strict or job_type in self.paused):
            return None
        document = dict(payload)
        return Lane(
            queue,
            job_type,
            tuple((limit.name, value_at(limit.rule.key, document) if limit.rule.key else "") for limit in limits),
            bounded(key) if strict and key is not None else None,
            value_at(rules.fair_by, document) if rules is not None and managed and rules.fair_by else None,
            self._made_by(job_type, queue),
        )

    def fits(self, lane: Lane) -> bool:
        """False if ``lane`` was made by other rules than these: its job would pass by a limit, or out of turn."""
        names = [limit.name for limit in self.by_type.get(lane.type, ())]
        return [name for name, _ in lane.limits] == names and lane.made_by == self._made_by(lane.type, lane.queue)

    def _made_by(self, job_type: str, queue: str) -> str:
        known = self._made.get((job_type, queue))
        if known is None:
            known = self._made[job_type, queue] = self._digest(job_type, queue)
        return known

    def _digest(self, job_type: str, queue: str) -> str:
        rules = self.queues.get(queue)
        keys = [limit.rule.key for limit in self.by_type.get(job_type, ())]
        strict, fair_by = job_type in self.strict, rules.fair_by if rules is not None and rules.managed else None
        if not (any(keys) or strict or fair_by):
            return ""
        return sha256(orjson.dumps([keys, strict, fair_by])).hexdigest()[:8]


def effective_limits(
    declared: Mapping[str, list[Limit]], overrides: Mapping[str, tuple[Limit, list[str]]]
) -> dict[str, EffectiveLimit]:
    """Declared limits with operators' settings laid over them, by name.

    Args:
        declared: by type. Where types declare one name differently, the type that sorts first decides.
        overrides: by name: the rule, and types besides those that declare it.
    """
    rules: dict[str, Limit] = {}
    types: dict[str, set[str]] = {}
    for job_type in sorted(declared):
        for limit in declared[job_type]:
            name = limit.named(job_type)
            rules.setdefault(name, limit.model_copy(update={"name": name}))
            types.setdefault(name, set()).add(job_type)
    found = set(rules)
    for name, (rule, more) in overrides.items():
        rules[name] = rule
        types.setdefault(name, set()).update(more)
    return {
        name: EffectiveLimit(rule, frozenset(types[name]), name in found, name in overrides)
        for name, rule in rules.items()
    }


def is_rate(limit: EffectiveLimit) -> bool:
    """True for a limit of starts in a period."""
    return limit.rule.kind is LimitKind.RATE
