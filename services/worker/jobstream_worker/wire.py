"""What a worker and its child processes say to each other: one JSON document a line, over a socket.

To the child: ``setup`` once, then ``run`` for each job, and ``stop`` while it runs.
From the child: ``ready`` once, ``started``, ``progress``, ``log``, and in the end ``outcome``.
"""

from typing import Any

import orjson

from jobstream.contracts.events import ErrorInfo
from jobstream.handlers.outcomes import Cancelled, Completed, Failed, Outcome, Released, Snoozed

MAX_LINE = 4 * 1024 * 1024
"""Bytes; a job, a result and an error with its traceback each fit several times."""


def line(kind: str, **fields: Any) -> bytes:
    """One message, ready to send."""
    return orjson.dumps({"kind": kind, **fields}, option=orjson.OPT_APPEND_NEWLINE)


def read_line(raw: bytes) -> dict[str, Any]:
    """One message as received.

    Raises:
        ValueError: it is no message; what wrote it is out of step.
    """
    message = orjson.loads(raw)
    if not isinstance(message, dict) or "kind" not in message:
        raise ValueError("not a message")
    return message


def outcome_fields(outcome: Outcome) -> dict[str, Any]:
    """The fields of an ``outcome`` message."""
    match outcome:
        case Completed(result_json):
            return {"outcome": "completed", "result": orjson.Fragment(result_json)}
        case Failed(error, retryable, retry_after_s):
            return {
                "outcome": "failed",
                "error": error.model_dump(),
                "retryable": retryable,
                "retry_after_s": retry_after_s,
            }
        case Snoozed(delay_s):
            return {"outcome": "snoozed", "delay_s": delay_s}
        case Cancelled(reason):
            return {"outcome": "cancelled", "reason": reason}
        case Released():
            return {"outcome": "released"}


def outcome_of(fields: dict[str, Any]) -> Outcome:
    """The outcome in an ``outcome`` message.

    Raises:
        ValueError: there is none.
    """
    match fields:
        case {"outcome": "completed", "result": result}:
            return Completed(orjson.dumps(result))
        case {"outcome": "failed", "error": error, "retryable": retryable, "retry_after_s": retry_after_s}:
            return Failed(ErrorInfo.model_validate(error), retryable, retry_after_s)
        case {"outcome": "snoozed", "delay_s": delay_s}:
            return Snoozed(delay_s)
        case {"outcome": "cancelled", "reason": reason}:
            return Cancelled(reason)
        case {"outcome": "released"}:
            return Released()
        case _:
            raise ValueError("not an outcome")
