"""What a change of the rules means for lanes and for workers."""

from datetime import UTC, datetime

import pytest

from jobstream.contracts.flow import Limit
from jobstream_api.domain.flow import FlowRules, QueueRules, effective_limits
from jobstream_api.domain.flow_changes import gates, relaned, same


def rules(
    declared: dict[str, list[Limit]] | None = None,
    overrides: dict[str, tuple[Limit, list[str]]] | None = None,
    **fields: object,
) -> FlowRules:
    limits = effective_limits(declared or {}, overrides or {})
    return FlowRules(limits=limits, **fields)  # type: ignore[arg-type]


def rate(limit: int = 1, **fields: object) -> Limit:
    return Limit(limit=limit, **{"name": "mail", "kind": "rate", **fields})  # type: ignore[arg-type]


MAIL = rules({"a": [rate()], "b": [rate()]})


@pytest.mark.parametrize(
    ("before", "after", "types"),
    [
        (MAIL, MAIL, []),
        (
            MAIL,
            rules({"a": [rate()], "b": [rate()]}, {"mail": (rate(9, period_s=5.0, burst=3, max_waiting=7), [])}),
            [],
        ),
        (MAIL, rules({"a": [rate()], "b": [rate()]}, {"mail": (rate(kind="concurrency"), [])}), []),
        (MAIL, rules({"a": [rate()], "b": [rate()]}, {"mail": (rate(key="$.x"), [])}), ["a", "b"]),
        (MAIL, rules({"a": [rate()], "b": [rate()]}, {"mail": (rate(), ["c"])}), ["c"]),
        (MAIL, rules({"a": [rate()]}), ["b"]),
        (MAIL, rules(), ["a", "b"]),
        (rules(), rules(strict=frozenset({"a"})), ["a"]),
        (rules(paused=frozenset({"a", "b"})), rules(paused=frozenset({"b"})), ["a"]),
        (MAIL, rules({"a": [rate()], "b": [rate()]}, paused=frozenset({"a"})), []),
        (rules(strict=frozenset({"a"})), rules(strict=frozenset({"a"}), paused=frozenset({"a"})), []),
        (rules(), rules(queues={"high": QueueRules(paused=True)}), []),
        (rules(), rules(queues={"high": QueueRules(fair_by="$.x", weights={"a": 2})}), []),
        (rules(), rules(queues={"high": QueueRules(managed=True)}), ["*"]),
        (
            rules(queues={"high": QueueRules(managed=True)}),
            rules(queues={"high": QueueRules(managed=True, fair_by="$.x")}),
            ["*"],
        ),
        (
            rules(queues={"high": QueueRules(managed=True)}),
            rules(queues={"high": QueueRules(managed=True, weights={"a": 2})}),
            [],
        ),
    ],
)
def test_only_types_whose_lanes_look_otherwise_are_named(before, after, types):
    # A limit may also turn from a rate into a concurrency: its lanes are the same ones.
    assert relaned(before, after) == types
    assert relaned(after, before) == types


def test_another_version_alone_is_no_change():
    assert same(MAIL, rules({"a": [rate()], "b": [rate()]}, version=7))
    assert not same(MAIL, rules({"a": [rate(2)], "b": [rate()]}))
    assert not same(rules(), rules(queues={"high": QueueRules(weights={"a": 2})}))


def test_workers_are_told_what_needs_a_permit():
    at = datetime(2026, 1, 2, tzinfo=UTC)
    told = gates(
        rules(
            {"b": [rate()]},
            version=4,
            strict=frozenset({"c"}),
            paused=frozenset({"a"}),
            queues={"low": QueueRules(managed=True), "high": QueueRules(managed=True, paused=True)},
        ),
        at,
    )
    assert (told.version, told.at, told.types) == (4, at, ["a", "b", "c"])
    assert (told.managed, told.paused) == (["high", "low"], ["high"])
    assert told.paused_types == ["a"]
