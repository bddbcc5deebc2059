"""The messages between a worker and its child processes."""

import pytest

from jobstream.contracts.events import ErrorInfo
from jobstream.handlers.outcomes import Cancelled, Completed, Failed, Outcome, Released, Snoozed
from jobstream_worker import wire

ERROR = ErrorInfo(code="handler_error", type="ValueError", message="a\nb", traceback="Traceback ...")


@pytest.mark.parametrize(
    "outcome",
    [
        Completed(),
        Completed('{"a":[1,0.1,9007199254740991,null,"ä\\n"]}'.encode()),
        Failed(ERROR),
        Failed(ERROR, retryable=False, retry_after_s=1.5),
        Snoozed(3.0),
        Cancelled("not wanted"),
        Released(),
    ],
)
def test_every_outcome_passes_unchanged(outcome: Outcome) -> None:
    raw = wire.line("outcome", **wire.outcome_fields(outcome))
    assert raw.count(b"\n") == 1
    assert wire.outcome_of(wire.read_line(raw)) == outcome


@pytest.mark.parametrize("raw", [b"", b"{}", b"[]", b"null", b"\xff", b'{"kind":'])
def test_what_is_no_message_is_refused(raw: bytes) -> None:
    with pytest.raises(ValueError):
        wire.read_line(raw)


@pytest.mark.parametrize("fields", [{}, {"outcome": "won"}, {"outcome": "failed", "error": {}}, {"outcome": "snoozed"}])
def test_what_is_no_outcome_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        wire.outcome_of(fields)
