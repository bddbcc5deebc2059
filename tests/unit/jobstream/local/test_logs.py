"""Log lines of many processes on one terminal."""

import io

from jobstream.local.logs import Printer


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_names_stand_before_lines():
    stream = io.StringIO()
    printer = Printer(stream)
    printer.line("api", "ready")
    printer.line("worker-1", "ready")
    assert stream.getvalue() == "api        | ready\nworker-1   | ready\n"


def test_a_terminal_shows_each_name_in_its_colour(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    stream = Terminal()
    printer = Printer(stream)
    for name in ("api", "worker-1", "api"):
        printer.line(name, "x")
    first, second, third = stream.getvalue().splitlines()
    assert first == third
    assert first.split("m")[0] != second.split("m")[0]


def test_no_color_is_honoured(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    stream = Terminal()
    Printer(stream).line("api", "x")
    assert "\x1b" not in stream.getvalue()


def test_a_closed_terminal_is_no_error():
    stream = io.StringIO()
    printer = Printer(stream)
    stream.close()
    printer.line("api", "nobody reads this")
