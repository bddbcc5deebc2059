"""``jobstream limits``, ``queues`` and ``types``: what they ask for, and what they print."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner

from jobstream.cli import job_types, limits, queues
from jobstream.client.calls import Call

LIMIT: dict[str, Any] = {
    "name": "mail",
    "kind": "rate",
    "limit": 100,
    "period_s": 60.0,
    "burst": 10,
    "key": "$.customer",
    "max_waiting": None,
    "types": ["email.digest", "email.send"],
    "declared": True,
    "overridden": True,
    "running": 2,
    "waiting": 8,
    "capped": False,
    "keys": [{"key": "acme", "running": 1, "waiting": 6}, {"key": "", "running": 1, "waiting": 2}],
}
SLOTS = LIMIT | {
    "name": "slots", "kind": "concurrency", "limit": 5, "period_s": None, "burst": None, "key": None,
    "overridden": False, "capped": True, "keys": [],
}  # fmt: skip
QUEUE: dict[str, Any] = {
    "name": "bulk",
    "mode": "managed",
    "paused": True,
    "fair_by": "$.tenant",
    "weights": {"acme": 3.0},
    "depth": 120,
    "waiting": 100,
    "oldest_age_s": 4.2,
    "lag": None,
    "running": 16,
    "capped": False,
}
TYPE: dict[str, Any] = {
    "type": "email.send",
    "description": "Sends.",
    "payload_schema": None,
    "max_retries": 3,
    "timeout_s": 30.0,
    "run_in": "loop",
    "limits": [LIMIT],
    "strict_order": True,
    "paused": False,
    "announced_at": "2026-10-01T09:30:00Z",
}


class Api:
    """Answers every call with ``answer``, and keeps the calls."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.answer: Any = None

    def send(self, call: Call) -> Any:
        self.calls.append(call)
        return self.answer


@pytest.fixture
def api(monkeypatch) -> Api:
    found = Api()

    @contextmanager
    def talking_to(address: str | None) -> Iterator[Api]:
        yield found

    for module in (limits, queues, job_types):
        monkeypatch.setattr(module, "talking_to", talking_to)
    monkeypatch.setenv("COLUMNS", "200")
    return found


def run(group: Any, *arguments: str) -> Any:
    return CliRunner().invoke(group, arguments, catch_exceptions=False)


def lines(result: Any) -> list[list[str]]:
    return [line.split() for line in result.stdout.splitlines()]


def test_limits_are_a_table(api):
    api.answer = {"items": [LIMIT, SLOTS], "next_cursor": None}
    head, mail, slots = lines(run(limits.limits, "list"))
    assert head == ["name", "limit", "for", "each", "running", "waiting", "by", "types"]
    assert (
        " ".join(mail) == "mail 100 in 60 s, 10 at once $.customer 2 8 operator, over handlers email.digest, email.send"
    )
    assert " ".join(slots) == "slots 5 at once 2+ 8+ handlers email.digest, email.send"
    api.answer = {"items": [], "next_cursor": None}
    assert run(limits.limits, "list").stderr == "no limits\n"


def test_a_limit_is_shown_with_its_fullest_keys(api):
    api.answer = LIMIT
    shown = run(limits.limits, "show", "mail").stdout
    assert "acme  1 running, 6 waiting" in shown
    assert "(none)  1 running, 2 waiting" in shown
    assert orjson.loads(run(limits.limits, "show", "mail", "-o", "json").stdout) == LIMIT


def test_a_limit_is_set_with_what_is_given(api):
    api.answer = LIMIT
    assert run(limits.limits, "set", "mail", "--limit", "5", "--per", "2", "--burst", "none").exit_code == 0
    given = (
        "--kind",
        "concurrency",
        "--limit",
        "7",
        "--key",
        "$.a",
        "--max-waiting",
        "9",
        "--type",
        "x",
        "--type",
        "y",
    )
    assert run(limits.limits, "set", "slots", *given).exit_code == 0
    assert [orjson.loads(call.body) for call in api.calls] == [
        {"limit": 5, "period_s": 2.0, "burst": None},
        {"kind": "concurrency", "limit": 7, "types": ["x", "y"], "key": "$.a", "max_waiting": 9},
    ]
    wrong = run(limits.limits, "set", "mail", "--burst", "many")
    assert (wrong.exit_code, len(api.calls)) == (2, 2)
    assert "--burst takes a whole number or `none`" in wrong.stderr


def test_what_was_set_is_taken_back(api):
    assert run(limits.limits, "remove", "mail").exit_code == 0
    assert (api.calls[0].method, api.calls[0].path) == ("DELETE", "/limits/mail")


def test_queues_are_a_table(api):
    api.answer = {"items": [QUEUE], "next_cursor": None}
    _, row = lines(run(queues.queues, "list"))
    assert row == ["bulk", "managed", "paused", "120", "100", "?", "16", "4.2", "s", "$.tenant"]


def test_queues_are_changed(api):
    api.answer = QUEUE
    assert "acme=3" in run(queues.queues, "pause", "bulk").stdout
    run(queues.queues, "resume", "bulk")
    run(queues.queues, "set", "bulk", "--mode", "default", "--fair-by", "none", "--weight", "a=b=2", "--weight", "c=1")
    run(queues.queues, "set", "bulk", "--mode", "managed", "--fair-by", "$.t")
    assert [orjson.loads(call.body) for call in api.calls] == [
        {"paused": True},
        {"paused": False},
        {"mode": None, "fair_by": None, "weights": {"a=b": 2.0, "c": 1.0}},
        {"mode": "managed", "fair_by": "$.t"},
    ]
    assert run(queues.queues, "set", "bulk", "--weight", "acme").exit_code == 2


def test_types_are_a_table_and_are_paused(api):
    api.answer = {"items": [TYPE], "next_cursor": None}
    _, row = lines(run(job_types.types, "list"))
    assert " ".join(row) == "email.send active loop 3 30 s 100 in 60 s, 10 at once strict Sends."
    api.answer = TYPE | {"paused": True}
    assert "paused" in run(job_types.types, "pause", "email.send").stdout
    run(job_types.types, "resume", "email.send")
    assert [orjson.loads(call.body) for call in api.calls[1:]] == [{"paused": True}, {"paused": False}]
