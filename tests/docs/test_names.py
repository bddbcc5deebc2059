"""Settings, their defaults, and options of commands, as the pages name them."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from jobstream.cli.address import VARIABLE
from jobstream.cli.app import app
from jobstream.cli.up import UpSettings
from jobstream_api.settings import ApiSettings
from jobstream_worker.examples.settings import ExampleSettings
from jobstream_worker.settings import WorkerSettings
from tests.support.markdown import ROOT, blocks

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
FIELDS = {
    f"JOBSTREAM_{name.upper()}": field
    for model in (ApiSettings, WorkerSettings, ExampleSettings, UpSettings)
    for name, field in model.model_fields.items()
}
OF_TESTS_AND_COMMANDS = {VARIABLE, "JOBSTREAM_TEST_BACKEND"}


def by_page(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=by_page)
def test_settings_exist(page: Path) -> None:
    named = set(re.findall(r"\bJOBSTREAM_[A-Z_]*[A-Z]\b", page.read_text()))
    assert named - FIELDS.keys() - OF_TESTS_AND_COMMANDS == set()


@pytest.mark.parametrize("page", PAGES, ids=by_page)
def test_defaults_are_the_defaults(page: Path) -> None:
    for name, told in re.findall(r"`(JOBSTREAM_[A-Z_]+)`(?: \(|, )(\d+)\b", page.read_text()):
        assert float(told) == float(FIELDS[name].default), name


def options_of(words: list[str]) -> set[str] | None:
    """The options of the command that ``words`` call, or None if it is none of ours."""
    command: Any = get_command(app)
    for word in words:
        if not hasattr(command, "get_command") or word.startswith("-"):
            break
        command = command.get_command(None, word)
        if command is None:
            return None
    return {option for parameter in command.params for option in parameter.opts} | {"--help"}


@pytest.mark.parametrize("page", PAGES, ids=by_page)
def test_options_exist(page: Path) -> None:
    text = page.read_text()
    lines = [line.strip() for block in blocks(page) if block.language in ("", "sh") for line in block.text.splitlines()]
    calls = [line.partition("jobstream ")[2] for line in lines if re.match(r"(uv run )?jobstream ", line)]
    calls += [f"up {arguments}" for arguments in re.findall(r"make up ARGS='([^']*)'", text)]
    calls += [call for call in re.findall(r"`jobstream ([^`]+)`", text) if "--" in call]
    for call in calls:
        words = shlex.split(re.split(r" [|>]|\|\|", call)[0], comments=True)
        known = options_of(words)
        assert known is not None, f"jobstream {call}"
        given = {word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)}
        assert given - known == set(), f"jobstream {call}"
