"""Limits and queues as HTTP answers show them."""

from typing import Any

from pydantic import BaseModel, Field

from jobstream.contracts.flow import LimitKind
from jobstream_api.services.flow_figures import Count, LimitState, QueueState
from jobstream_api.services.flow_specs import QueueMode

SETTING: dict[str, Any] = {
    "kind": "rate",
    "limit": 100,
    "period_s": 60.0,
    "burst": 10,
    "key": "$.customer",
    "max_waiting": 10_000,
    "types": ["email.send"],
}
LIMIT: dict[str, Any] = SETTING | {
    "name": "mail",
    "declared": True,
    "overridden": True,
    "running": 2,
    "waiting": 8,
    "capped": False,
    "keys": [{"key": "acme", "running": 1, "waiting": 6}, {"key": "bolt", "running": 1, "waiting": 2}],
}
QUEUE: dict[str, Any] = {
    "name": "default",
    "mode": "managed",
    "paused": False,
    "fair_by": "$.tenant",
    "weights": {"acme": 3.0},
    "depth": 120,
    "waiting": 100,
    "oldest_age_s": 4.2,
    "lag": 20,
    "running": 16,
    "capped": False,
}
JOB_TYPE: dict[str, Any] = {
    "type": "email.send",
    "description": "Send a mail.",
    "payload_schema": None,
    "max_retries": 3,
    "timeout_s": None,
    "run_in": "loop",
    "limits": [
        {
            "name": "mail",
            "kind": "rate",
            "limit": 50,
            "period_s": 60.0,
            "burst": None,
            "key": "$.customer",
            "max_waiting": None,
        }
    ],
    "strict_order": False,
    "paused": True,
    "announced_at": "2026-10-01T09:30:00.000000Z",
}
EXAMPLES: dict[str, Any] = {
    "limit": LIMIT,
    "limits": {"items": [LIMIT], "next_cursor": None},
    "queue": QUEUE,
    "queues": {"items": [QUEUE], "next_cursor": None},
    "job_type": JOB_TYPE,
}
"""Example answers by the name that routes give them."""


class KeyView(BaseModel):
    """Jobs of one value of a limit's key."""

    key: str = Field(description="The value, as text; empty for jobs whose payload has none.")
    running: int = Field(ge=0)
    waiting: int = Field(ge=0)


class LimitView(BaseModel):
    """A limit as it holds now, and the jobs at it."""

    name: str
    kind: LimitKind
    limit: int = Field(description="Starts in a period, or jobs under way at once.")
    period_s: float | None = Field(description="Of a rate: seconds.")
    burst: int | None = Field(description="Of a rate: starts at once after a quiet time; null: `limit`.")
    key: str | None = Field(description="A limit for each value of this path into the payload.")
    max_waiting: int | None = Field(description="Most jobs that may wait, for each key.")
    types: list[str] = Field(description="Types whose jobs it counts.")
    declared: bool = Field(description="Handlers declare it.")
    overridden: bool = Field(description="An operator has set it.")
    running: int = Field(ge=0, description="Permits out: jobs that were handed to the workers and are not over.")
    waiting: int = Field(ge=0, description="Jobs at the gate.")
    capped: bool = Field(description="There are more than were counted: 100,000 jobs in 2,000 lanes at most.")
    keys: list[KeyView] = Field(description="Of a limit with a key: the 10 values with most jobs waiting.")


class LimitList(BaseModel):
    """All limits, by name."""

    items: list[LimitView]
    next_cursor: str | None = None


class QueueView(BaseModel):
    """A queue as it is handed out, and its jobs."""

    name: str
    mode: QueueMode
    paused: bool
    fair_by: str | None = Field(description="Path into the payload that tells tenants apart.")
    weights: dict[str, float] = Field(description="Shares of tenants; those not named have 1.")
    depth: int = Field(ge=0, description="Jobs that have not started: `waiting` and `lag`.")
    waiting: int = Field(ge=0, description="Jobs that wait in the database: at a gate, or until their time.")
    oldest_age_s: float | None = Field(description="How long the next ones of those at a gate have waited at most.")
    lag: int | None = Field(description="Records in Kafka that no worker has started; null: Kafka does not answer.")
    running: int = Field(ge=0, description="Runs with a lease; what ends within about 100 ms never has one.")
    capped: bool = Field(description="There are more than were counted: 100,000 jobs at gates, 20,000 others.")


class QueueList(BaseModel):
    """All configured queues."""

    items: list[QueueView]
    next_cursor: str | None = None


def limit_view(state: LimitState) -> dict[str, Any]:
    """A limit as its JSON document."""
    rule, limit = state.limit.rule, state.limit
    return {
        "name": limit.name,
        "kind": rule.kind.value,
        "limit": rule.limit,
        "period_s": rule.period_s if rule.kind is LimitKind.RATE else None,
        "burst": rule.burst,
        "key": rule.key,
        "max_waiting": rule.max_waiting,
        "types": sorted(limit.types),
        "declared": limit.declared,
        "overridden": limit.overridden,
        "running": state.count.running,
        "waiting": state.count.waiting,
        "capped": state.count.capped,
        "keys": [_key_view(key, count) for key, count in state.keys],
    }


def queue_view(state: QueueState) -> dict[str, Any]:
    """A queue as its JSON document."""
    mode = QueueMode.MANAGED if state.rules.managed else QueueMode.STREAM
    return {
        "name": state.name,
        "mode": mode.value,
        "paused": state.rules.paused,
        "fair_by": state.rules.fair_by,
        "weights": state.rules.weights,
        "depth": state.waiting + (state.lag or 0),
        "waiting": state.waiting,
        "oldest_age_s": None if state.oldest_age_s is None else round(state.oldest_age_s, 3),
        "lag": state.lag,
        "running": state.running,
        "capped": state.capped,
    }


def _key_view(key: str, count: Count) -> dict[str, Any]:
    return {"key": key, "running": count.running, "waiting": count.waiting}
