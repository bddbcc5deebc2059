"""Which scenarios a command line asks for."""

import pytest

from bench.__main__ import chosen, options
from bench.scenarios import ALL


def names(*arguments: str) -> list[str]:
    return [scenario.name for scenario in chosen(options().parse_args(arguments))]


def test_the_quick_ones_by_default_and_all_if_asked():
    assert "single" in names()
    assert "rows10m" not in names()
    assert names("--all") == [scenario.name for scenario in ALL]


def test_by_name_in_the_order_in_which_they_run():
    assert names("--only", "rows10m,batch") == ["batch", "rows10m"]


def test_a_name_that_is_none_is_told_with_those_that_are():
    with pytest.raises(SystemExit, match=r"'fast'.*single, batch"):
        names("--only", "fast")
