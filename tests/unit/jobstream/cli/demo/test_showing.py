"""Lines, where no table can move."""

import io

from rich.console import Console

from jobstream.cli.demo.acts import Act, Door
from jobstream.cli.demo.foretold import Foretold
from jobstream.cli.demo.showing import showing


def test_each_change_of_a_state_is_one_line(place, job):
    act = Act("flaky", "2nd try", {}, Foretold(tells=lambda result: f"{result['n']} attempts"), Door.KAFKA)
    waiting = Act("example", "", {})
    stream = io.StringIO()
    with showing("a title", [act, waiting], place, Console(file=stream), moving=True) as show:
        show.refresh()
        act.sent_at = 0.0
        show.refresh()
        show.refresh()
        act.job = job("RETRYING", last_error="no luck")
        show.refresh()
        act.job = job("COMPLETED", attempt=2, result={"n": 2})
        show.refresh()
        waiting.sent_at = 0.0
        waiting.trouble = "not taken: no answer"
        show.refresh()
        show.refresh()
    title, *lines = stream.getvalue().splitlines()
    assert title == "a title"
    assert [line.split()[1:6] for line in lines] == [
        ["flaky", "2nd", "try", "kafka", "sent"],
        ["flaky", "2nd", "try", "kafka", "RETRYING"],
        ["flaky", "2nd", "try", "kafka", "COMPLETED"],
        ["example", "http", "refused", lines[3].split()[4], "not"],
    ]
    assert lines[1].endswith("no luck")
    assert lines[2].endswith("2/4    1.50s  2 attempts")


def test_a_terminal_keeps_the_whole_table_at_the_end(place, job):
    acts = [Act("example", str(number), {}) for number in range(30)]
    file = io.StringIO()
    console = Console(file=file, width=80, height=10, force_terminal=True, color_system=None)
    with showing("a title", acts, place, console, moving=True) as show:
        for act in acts:
            act.sent_at = 0.0
            act.job = job("COMPLETED")
        show.refresh()
    last = file.getvalue().rpartition("a title")[2]
    assert last.count("COMPLETED") == 30
    assert "30 of 30 ended" in last
