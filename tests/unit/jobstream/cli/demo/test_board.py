"""The table, at the widths that terminals have."""

import io

import pytest
from rich.console import Console

from jobstream.cli.demo.board import Board, shown, took
from jobstream.cli.demo.program import program
from tests.unit.jobstream.cli.demo.test_program import SHIPPED

LONG = "the mail server 127.0.0.1:55271 refused the mail: refused@example.org: 550 5.1.1 no such mailbox here"


@pytest.fixture
def acts(place, job):
    """Jobs in every state, each with as much to tell as there can be."""
    made, _ = program(place, SHIPPED)
    for act in made:
        act.sent_at = 0.0
    text = "16,252,325 primes below 299,999,999"
    made[0].job = job("RUNNING", progress=0.45, progress_text=text)
    made[1].job = job("FAILED", last_error="line 700: it is torn")
    made[2].job = job("COMPLETED", result={"primes": 16_252_325})
    made[10].job = job("FAILED", last_error=LONG)
    made[11].job = job("RETRYING", attempt=2, last_error=LONG)
    made[12].trouble = LONG
    for act in made:
        act.job_id = act.job.id if act.job else None
    return made


def draw(board, width: int, height: int = 24, encoding: str = "utf-8") -> list[str]:
    """The lines of a terminal."""
    raw = io.BytesIO()
    with io.TextIOWrapper(raw, encoding=encoding, write_through=True) as file:
        Console(file=file, width=width, height=height, force_terminal=True, color_system=None).print(board)
        return raw.getvalue().decode(encoding).splitlines()


def row(lines: list[str], *words: str) -> str:
    """The line that has all these words."""
    (found,) = [line for line in lines if all(word in line for word in words)]
    return found.rstrip()


def test_at_80_by_24_all_fits_and_what_is_cut_is_the_least(acts, place):
    lines = draw(Board("a title", acts, place), 80)
    assert len(lines) < 24
    assert max(map(len, lines)) <= 80
    assert row(lines, "1 M rows") == "  data.pipeline   1 M rows    http  1/4 RUNNING" + row(lines, "1 M rows")[47:]
    assert "━━━━──────  45%  16,2" in row(lines, "1 M rows")
    assert row(lines, "torn CSV") == "✓ data.pipeline   torn CSV    kafka 1/4 FAILED    1.50s line 700: it is torn"
    assert row(lines, "COMPLETED").endswith("COMPLETED 1.50s 16,252,325 primes")
    assert row(lines, "refused@").endswith("FAILED    1.50s no such mailbox")
    assert row(lines, "2nd try").startswith("✗ flaky           2nd try     http      refused ")
    assert lines[-1].rstrip() == "4 of 17 ended   ✓ as foretold"


def test_at_160_there_are_ids_and_whole_words(acts, place):
    lines = draw(Board("a title", acts, place), 160)
    assert max(map(len, lines)) <= 160
    assert row(lines, "1 M rows").endswith(str(acts[0].job_id))
    assert f"{'━' * 11}{'─' * 13}  45%  16,252,325 primes below" in row(lines, "1 M rows")
    assert "the mail server 127.0.0.1:55271 refused the mail" in row(lines, "refused@", "email")


def test_a_low_terminal_shows_what_moves_and_says_what_is_left_out(acts, place):
    board = Board("a title", acts, place)
    lines = draw(board, 80, height=12)
    assert len(lines) < 12
    assert row(lines, "1 M rows")
    assert "10 more do not fit here" in lines[-1]
    board.whole = True
    assert len(draw(board, 80, height=12)) == 21


def test_of_many_the_running_ones_come_first_then_the_latest(acts):
    assert shown(acts, 20) == acts
    assert shown(acts, 1) == [acts[0]]
    assert acts[1] not in shown(acts, 13)  # it is over


def test_a_terminal_without_unicode_is_spared_it(acts, place):
    lines = draw(Board("a title", acts, place), 80, encoding="ascii")
    assert "####------  45%" in row(lines, "1 M rows")
    assert row(lines, "torn CSV").startswith("+ data.pipeline")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, ""),
        (0.0, "0.00s"),
        (9.994, "9.99s"),
        (9.996, "10.0s"),
        (99.96, "100s"),
        (1234, "1234s"),
        (9_999.6, "2.8h"),
        (3.6e6, "1000h"),
    ],
)
def test_times_stay_short(seconds, words):
    assert took(seconds) == words
