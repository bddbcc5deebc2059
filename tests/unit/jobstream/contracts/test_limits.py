"""Strict JSON: what is refused, with which code and place, and that nothing else is."""

import json
from datetime import UTC, datetime

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobstream.contracts import limits
from jobstream.contracts.jobs import DirectRecord
from jobstream.errors import InvalidInput
from tests.support.poison import DIRECT_ONLY, POISON

SAFE = st.integers(-limits.MAX_SAFE_INTEGER, limits.MAX_SAFE_INTEGER)
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
JSON = st.recursive(
    st.none() | st.booleans() | SAFE | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXT, inner, max_size=5),
    max_leaves=20,
)


def take(raw: bytes) -> None:
    """What a door does with a body."""
    record = DirectRecord.read(limits.parse_json(raw))
    record.resolved_type()
    record.checked_payload()
    record.due(datetime.now(UTC))


def refuse(raw: bytes) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        take(raw)
    return caught.value


@pytest.mark.parametrize("poison", [p for p in POISON + DIRECT_ONLY[:2] if p.body is not None], ids=lambda p: p.name)
def test_every_poison_is_refused_with_its_code(poison):
    assert refuse(poison.body).code == poison.code


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        (b'{"payload": {"a": {"b/c": [1, NaN]}}}', "/payload/a/b~1c/1"),
        (b'{"payload": {"a": 1, "a": 1}}', "/payload/a"),
        (b'{"payload": {"task": "e", "n": 9007199254740993}}', "/payload/n"),
        (b'{"payload": {"task": "e"}, "max_retries": 1000}', "/max_retries"),
        (b'{"payload": {"task": "e"}, "tags": ["a", 1]}', "/tags/1"),
    ],
)
def test_the_field_is_named(raw, field):
    assert refuse(raw).field == field


@pytest.mark.parametrize(
    ("number", "wrong", "instead"),
    [
        (
            b"9223372036854775808",
            "the integer is beyond +-(2^53 - 1), where JSON readers disagree (19 digits)",
            "string",
        ),
        (b"1e400", "the number is beyond a double", "string"),
        (b"NaN", "NaN is not JSON", "null or a string"),
    ],
)
def test_another_type_is_advised_only_where_it_fits(number, wrong, instead):
    for field in (b"delay_s", b"max_retries", b"key", b"payloads"):
        assert refuse(b'{"payload": {"task": "e"}, "%b": %b}' % (field, number)).detail == wrong
    assert refuse(b'{"payload": %b}' % number).detail == wrong
    for body in (
        b'{"payload": {"task": "e", "n": {"a": [%b]}}}',
        b'{"jobs": [{"payload": {"task": "e"}}, {"payload": {"n": %b}}]}',
        b'{"name": "a", "job": {"payload": {"n": %b}}}',
    ):
        assert refuse(body % number).detail.startswith(f"{wrong}; send ")
        assert refuse(body % number).detail.endswith(instead)
    assert refuse(b'{"jobs": [{"payload": {"task": "e"}, "delay_s": %b}]}' % number).detail == wrong


def test_a_result_may_hold_a_string_instead_of_a_large_number():
    for value, instead in ((2**60, "send it as a string"), ([float("inf")], "send null or a string")):
        with pytest.raises(InvalidInput, match=instead):
            limits.dump_json({"n": value}, what="result", field="/result", max_bytes=1000)


@pytest.mark.parametrize("value", [True, "type", ["type"], 1])
def test_unique_that_is_no_object_is_told_what_one_looks_like(value):
    problem = refuse(orjson.dumps({"payload": {"task": "e"}, "unique": value}))
    assert (problem.field, problem.detail) == ("/unique", 'must be an object like {"by": ["type", "$.order_id"]}')


def test_unique_may_be_null():
    take(b'{"payload": {"task": "e"}, "unique": null}')


def test_a_payload_that_is_no_object_is_told_so_in_the_words_of_json():
    assert refuse(b'{"type": "e", "payload": 1}').detail == "must be an object"


@given(JSON)
def test_every_other_document_is_read_as_it_was_written(document):
    raw = json.dumps(document).encode()
    assert limits.parse_json(raw) == document
    assert limits.parse_json(orjson.dumps(document)) == document


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_else(raw):
    try:
        limits.parse_json(raw)
    except InvalidInput:
        pass


@given(st.text(alphabet='{}[]",:\\u0019eE.-+ tfn', max_size=60))
def test_no_text_like_json_raises_anything_else(text):
    try:
        document = limits.parse_json(text.encode())
    except InvalidInput:
        return
    assert document == json.loads(text)


@given(st.lists(st.tuples(st.sampled_from(["a", "b", 'q"', "c:"]), st.integers(0, 9)), max_size=6), st.booleans())
def test_duplicate_keys_are_always_found(pairs, spaced):
    colon = " : " if spaced else ":"
    raw = "{" + ",".join(f"{json.dumps(key)}{colon}{value}" for key, value in pairs) + "}"
    keys = [key for key, _ in pairs]
    if len(set(keys)) == len(keys):
        assert limits.parse_json(raw.encode()) == dict(pairs)
    else:
        assert refuse(raw.encode()).code == "duplicate_key"


def test_the_deepest_allowed_is_allowed():
    document = json.loads("[" * limits.MAX_DEPTH + "]" * limits.MAX_DEPTH)
    assert limits.parse_json(orjson.dumps(document)) == document


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1: 2}, {"a": object()}, b"bytes", 2**70])
def test_results_that_are_no_json_are_refused(value):
    with pytest.raises(InvalidInput):
        limits.parse_json(limits.dump_json(value, what="result", field="/result", max_bytes=1000))


def test_results_that_are_too_large_are_refused():
    with pytest.raises(InvalidInput) as caught:
        limits.dump_json("x" * 1000, what="result", field="/result", max_bytes=100)
    assert caught.value.code == "result_too_large"
