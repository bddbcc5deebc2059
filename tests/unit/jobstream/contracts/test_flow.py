"""Where in a payload a limit's key lies."""

import orjson
import pytest

from jobstream.contracts.flow import bounded, value_at


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("$.a", "x"),
        ("$.b.c", "7"),
        ("$.list[1]", "true"),
        ("$.list[9]", ""),
        ("$.a.b", ""),
        ("$.b", ""),
        ("$.none", ""),
        ("$.long", "y" * 120),
    ],
)
def test_values_are_texts_and_what_is_missing_is_empty(path, value):
    assert value_at(path, {"a": "x", "b": {"c": 7}, "list": [1, True], "none": None, "long": "y" * 120}) == value


def test_a_text_that_is_long_as_stored_is_told_by_its_beginning_and_a_hash():
    for letter in ("y", "\U0001f600", "\x01"):
        one, other = bounded(letter * 121), bounded(letter * 122)
        assert one != other
        assert one.startswith(letter * 16)
        assert len(orjson.dumps(one)) <= 125
