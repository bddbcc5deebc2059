"""What a change of the rules means for jobs that wait, and for workers. Pure."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from jobstream.contracts.control import Gates
from jobstream_api.domain.flow import FlowRules

ALL = "*"


def same(before: FlowRules, after: FlowRules) -> bool:
    """True if nothing but the version differs."""
    return _all(before) == _all(after)


def relaned(before: FlowRules, after: FlowRules) -> list[str]:
    """Types whose waiting jobs may belong in other lanes now, sorted; ``*`` alone for all types.

    Other numbers of a limit change no lane.
    """
    if _shapes_of_queues(before) != _shapes_of_queues(after):
        return [ALL]
    types: Iterable[str] = {*before.gated_types, *after.gated_types}
    return sorted(name for name in types if _shape(before, name) != _shape(after, name))


def gates(rules: FlowRules, at: datetime) -> Gates:
    """What workers have to know."""
    return Gates(
        version=rules.version,
        at=at,
        types=rules.gated_types,
        managed=rules.managed_queues,
        paused=rules.paused_queues,
        paused_types=sorted(rules.paused),
    )


def _all(rules: FlowRules) -> tuple[Any, ...]:
    return rules.limits, rules.strict, rules.paused, rules.queues


def _shape(rules: FlowRules, job_type: str) -> tuple[Any, ...]:
    limits = [(limit.name, limit.rule.key) for limit in rules.by_type.get(job_type, ())]
    strict = job_type in rules.strict
    # A pause gives lanes to jobs that had none, and changes no other.
    return limits, strict, bool(limits or strict or job_type in rules.paused)


def _shapes_of_queues(rules: FlowRules) -> dict[str, str | None]:
    return {name: queue.fair_by for name, queue in rules.queues.items() if queue.managed}
