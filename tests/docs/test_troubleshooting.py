"""What the page quotes is what the code can say."""

import ast
import re
from functools import cache

from jobstream.telemetry import Event
from jobstream_api.routes.problems import STATUS_OF_CODE, STATUS_OF_ERROR
from tests.support.markdown import ROOT, rows

PAGE = ROOT / "docs" / "operations" / "troubleshooting.md"
DEAD_LETTERS = ROOT / "docs" / "howto" / "dead-letters.md"


@cache
def said_by_the_code() -> str:
    """Every text in the code, one a line; what is filled in is left out."""
    texts: list[str] = []
    for folder in ("shared/jobstream", "services/api/jobstream_api", "services/worker/jobstream_worker"):
        for path in (ROOT / folder).rglob("*.py"):
            nodes = ast.walk(ast.parse(path.read_text()))
            constants = [node.value for node in nodes if isinstance(node, ast.Constant)]
            texts += [" ".join(value.split()) for value in constants if isinstance(value, str)]
    return "\n".join(texts)


def tables(*headings: str) -> list[list[str]]:
    """The rows of the tables whose first column has one of these headings."""
    found, inside = [], False
    for row in rows(PAGE):
        if not row[0].startswith("`") and row[1] in ("cause", "meaning", "status", "if"):
            inside = row[0] in headings
        elif inside:
            found.append(row)
    return found


def test_quoted_messages_are_in_the_code() -> None:
    quoted = [text for row in tables("it says", "reason") for text in re.findall(r"`([^`]+)`", row[0])[:1]]
    assert len(quoted) > 20
    for text in quoted:
        for part in filter(None, (part.strip() for part in text.split("..."))):
            part = part.removeprefix("; ")
            assert part in said_by_the_code(), f"nothing says {part!r}, of {text!r}"


def test_problem_codes_have_the_status_that_the_page_says() -> None:
    by_code = {code: status for status, code in STATUS_OF_ERROR.values()} | STATUS_OF_CODE
    listed = tables("code")
    assert len(listed) >= 10
    for row in listed:
        for code in re.findall(r"`(\w+)`", row[0]):
            assert f"\n{code}\n" in said_by_the_code(), code
            assert int(row[1]) == by_code.get(code, 422), code


def test_error_codes_and_reasons_of_dead_letters_exist() -> None:
    codes = [code for row in tables("error") for code in re.findall(r"`(\w+)`", row[0])]
    codes += [code for row in rows(DEAD_LETTERS)[1:] for code in re.findall(r"`(\w+)`", row[0])]
    assert len(codes) > 20
    for code in codes:
        assert f"\n{code}\n" in said_by_the_code(), code


def test_quoted_events_exist() -> None:
    names = {event.label for event in Event}
    quoted = re.findall(r"`([a-z]+\.[a-z_]+)`", PAGE.read_text())
    assert {name for name in quoted if name.partition(".")[0] in {n.partition(".")[0] for n in names}} - names == set()
