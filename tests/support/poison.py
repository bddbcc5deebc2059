"""Every kind of input that must be refused at both doors, and never hurt a neighbour."""

import pickle
from dataclasses import dataclass

_OK = b'{"payload": {"task": "example"}'


@dataclass(frozen=True)
class Poison:
    """One kind.

    Attributes:
        body: the record's value, or the request's body; None is a record without a value.
        code: the reason with which it is refused.
        http: False where it cannot be sent over HTTP.
    """

    name: str
    body: bytes | None
    code: str
    http: bool = True


POISON = [
    Poison("null value", None, "null_value", http=False),
    Poison("empty", b"", "invalid_json"),
    Poison("blank", b"  \n", "invalid_json"),
    Poison("invalid utf-8", b'{"payload": {"task": "\xff\xfe"}}', "invalid_json"),
    Poison("truncated json", b'{"payload": {"task": "exam', "invalid_json"),
    Poison("trailing garbage", _OK + b"}}", "invalid_json"),
    Poison("scalar", b"42", "not_an_object"),
    Poison("string", b'"job"', "not_an_object"),
    Poison("array", b"[1, 2]", "not_an_object"),
    Poison("null", b"null", "not_an_object"),
    Poison("missing payload", b'{"type": "example"}', "missing_field"),
    Poison("payload is a number", b'{"type": "example", "payload": 1}', "invalid_field"),
    Poison("payload is an array", b'{"type": "example", "payload": []}', "invalid_field"),
    Poison("payload is null", b'{"type": "example", "payload": null}', "invalid_field"),
    Poison("no type", b'{"payload": {"value": 1}}', "missing_field"),
    Poison("type is a number", b'{"type": 7, "payload": {}}', "invalid_field"),
    Poison("type has a slash", b'{"type": "../../etc", "payload": {}}', "invalid_field"),
    Poison("type is too long", b'{"type": "' + b"a" * 101 + b'", "payload": {}}', "invalid_field"),
    Poison("retries as a string", _OK + b', "max_retries": "3"}', "invalid_field"),
    Poison("retries below zero", _OK + b', "max_retries": -1}', "invalid_field"),
    Poison("retries are a boolean", _OK + b', "max_retries": true}', "invalid_field"),
    Poison("retries 2^63", _OK + b', "max_retries": 9223372036854775808}', "invalid_number"),
    Poison("timeout zero", _OK + b', "timeout_s": 0}', "invalid_field"),
    Poison("timeout negative", _OK + b', "timeout_s": -1}', "invalid_field"),
    Poison("year 9999", _OK + b', "run_at": "9999-12-31T23:59:59Z"}', "invalid_field"),
    Poison("year 99999", _OK + b', "run_at": "99999-01-01T00:00:00Z"}', "invalid_field"),
    Poison("time without a zone", _OK + b', "run_at": "2026-12-24T18:00:00"}', "invalid_field"),
    Poison("time as a number", _OK + b', "run_at": 1790000000}', "invalid_field"),
    Poison("delay negative", _OK + b', "delay_s": -1}', "invalid_field"),
    Poison("delay of a thousand years", _OK + b', "delay_s": 31536000000}', "invalid_field"),
    Poison("tags are no list", _OK + b', "tags": "a"}', "invalid_field"),
    Poison("key is empty", _OK + b', "key": ""}', "invalid_field"),
    Poison("nul in a string", b'{"payload": {"task": "example", "a": "x\\u0000y"}}', "invalid_string"),
    Poison("nul in a key", b'{"payload": {"task": "example", "a\\u0000": 1}}', "invalid_string"),
    Poison("lone surrogate", b'{"payload": {"task": "example", "a": "\\ud800"}}', "invalid_string"),
    Poison("lone surrogate in a key", b'{"payload": {"task": "example", "\\udfff": 1}}', "invalid_string"),
    Poison("NaN", b'{"payload": {"task": "example", "a": NaN}}', "invalid_number"),
    Poison("Infinity", b'{"payload": {"task": "example", "a": -Infinity}}', "invalid_number"),
    Poison("beyond a double", b'{"payload": {"task": "example", "a": 1e400}}', "invalid_number"),
    Poison("integer of 5,000 digits", b'{"payload": {"task": "example", "a": ' + b"9" * 5000 + b"}}", "invalid_number"),
    Poison("integer 2^53", b'{"payload": {"task": "example", "a": 9007199254740992}}', "invalid_number"),
    Poison("200,000 deep", b"[" * 200_000 + b"]" * 200_000, "too_deep"),
    Poison("65 deep", b'{"payload": {"task": "example", "a": ' + b"[" * 65 + b"]" * 65 + b"}}", "too_deep"),
    Poison("duplicate keys", b'{"payload": {"task": "example"}, "payload": {"task": "example"}}', "duplicate_key"),
    Poison("duplicate keys inside", b'{"payload": {"task": "example", "a": 1, "a": 2}}', "duplicate_key"),
    Poison("large payload", b'{"payload": {"task": "example", "a": "' + b"x" * 300_000 + b'"}}', "payload_too_large"),
    Poison(
        "over the size limit", b'{"payload": {"task": "example", "a": "' + b"x" * 1_100_000 + b'"}}', "body_too_large"
    ),
    Poison("pickle", pickle.dumps({"payload": {"task": "example"}}), "invalid_json"),
    Poison("yaml", b"payload:\n  task: example\n", "invalid_json"),
    Poison("python tag", b"!!python/object/apply:os.system ['true']", "invalid_json"),
]

DIRECT_ONLY = [
    Poison("id is no uuid", _OK + b', "id": "7"}', "invalid_field", http=False),
    Poison("id is a number", _OK + b', "id": 7}', "invalid_field", http=False),
    Poison(
        "id and idempotency key",
        _OK + b', "id": "0199c82c-c000-7527-91fe-c6434424ec9c", "idempotency_key": "a"}',
        "invalid_field",
        http=False,
    ),
]
