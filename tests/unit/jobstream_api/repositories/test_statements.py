"""Columns for unnest."""

import pytest

from jobstream_api.repositories.statements import column


@pytest.mark.parametrize("values", [[1, 2], [None, 1], [1, None], [0, None], ["", None], []])
def test_a_column_with_a_value_travels_as_it_is(values):
    assert column(values) is values


def test_a_column_of_nulls_travels_empty():
    assert column([None] * 3) == []
