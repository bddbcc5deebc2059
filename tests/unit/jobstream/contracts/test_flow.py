"""Where in a payload a limit's key lies."""

import pytest

from jobstream.contracts.flow import value_at


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
        ("$.long", "y" * 200),
    ],
)
def test_values_are_texts_and_what_is_missing_is_empty(path, value):
    assert value_at(path, {"a": "x", "b": {"c": 7}, "list": [1, True], "none": None, "long": "y" * 999}) == value
