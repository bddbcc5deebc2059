"""What tests read out of Markdown pages: fenced code blocks, links, headings, tables.

The words behind a fence's language say what a test does with the block; readers do not see them:

    ```sh run              a shell runs it
    ```json returns        what the block before it printed: an object may have further members, "..." is anything
    ```text returns        the same by lines: each stands in the output, in this order, ... is anything
    ```python file=jobs.py it is written to that file
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
ANYTHING = "..."

_FENCE = re.compile(r"^(`{3,})(.*)$")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} +(.+?) *$")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced code block.

    Attributes:
        language: empty if the fence names none.
        words: the bare words behind it.
        options: the words of the form name=value.
        line: of the opening fence, from 1.
    """

    page: Path
    line: int
    language: str
    words: frozenset[str]
    options: dict[str, str]
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(page: Path) -> list[Block]:
    """All fenced blocks of a page, in order.

    Raises:
        ValueError: a fence is not closed.
    """
    found = []
    lines = enumerate(page.read_text().splitlines(), 1)
    for number, line in lines:
        if (fence := _FENCE.match(line)) is None:
            continue
        inside: list[str] = []
        for _, text in lines:
            if text.rstrip() == fence[1]:
                break
            inside.append(text)
        else:
            raise ValueError(f"{page}:{number}: this fence is not closed")
        found.append(_block(page, number, fence[2].split(), "\n".join(inside) + "\n"))
    return found


def _block(page: Path, line: int, info: list[str], text: str) -> Block:
    language, *rest = info or [""]
    options = dict(word.split("=", 1) for word in rest if "=" in word)
    return Block(page, line, language, frozenset(word for word in rest if "=" not in word), options, text)


def prose(page: Path) -> Iterator[tuple[int, str]]:
    """The lines of a page outside its fenced blocks, with their numbers."""
    fence = None
    for number, line in enumerate(page.read_text().splitlines(), 1):
        if fence is not None:
            fence = None if line.rstrip() == fence else fence
        elif (opening := _FENCE.match(line)) is not None:
            fence = opening[1]
        else:
            yield number, line


def links(page: Path) -> list[tuple[int, str]]:
    """The targets of all links of a page, with their line numbers."""
    return [(number, target) for number, line in prose(page) for target in _LINK.findall(line)]


def anchors(page: Path) -> set[str]:
    """The anchors that a page's headings make, as GitHub forms them."""
    headings = [match[1] for _, line in prose(page) if (match := _HEADING.match(line))]
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def rows(page: Path) -> list[list[str]]:
    """The rows of all tables of a page, a text a cell, without their rulers."""
    lines = [line for _, line in prose(page) if line.startswith("|")]
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))] for line in lines]
    return [row for row in cells if not all(re.fullmatch(r":?-+:?", cell) for cell in row)]


def difference(wanted: Block, printed: str) -> str | None:
    """What a ``returns`` block asks for and ``printed`` lacks, or None."""
    if wanted.language != "json":
        return _missing_line(wanted.text, printed)
    try:
        got = json.loads(printed)
    except ValueError as error:
        return f"this is no JSON ({error}): {printed}"
    return _missing_member(json.loads(wanted.text), got, "")


def _missing_line(wanted: str, printed: str) -> str | None:
    left = printed.splitlines()
    for line in filter(None, (line.strip() for line in wanted.splitlines())):
        pattern = re.compile(".*".join(r"\s+".join(map(re.escape, part.split())) for part in line.split(ANYTHING)))
        place = next((number for number, text in enumerate(left) if pattern.search(text)), None)
        if place is None:
            return f"no line {line!r} in\n{printed}"
        left = left[place + 1 :]
    return None


def _missing_member(wanted: Any, got: Any, path: str) -> str | None:
    if wanted == ANYTHING:
        return None
    if isinstance(wanted, dict) and isinstance(got, dict):
        for name, value in wanted.items():
            if name not in got:
                return f"{path}/{name} is missing in {got}"
            if (found := _missing_member(value, got[name], f"{path}/{name}")) is not None:
                return found
        return None
    if isinstance(wanted, list) and isinstance(got, list) and len(wanted) == len(got):
        pairs = enumerate(zip(wanted, got, strict=True))
        return next((found for n, (a, b) in pairs if (found := _missing_member(a, b, f"{path}/{n}"))), None)
    return None if wanted == got else f"{path} is {got!r}, not {wanted!r}"
