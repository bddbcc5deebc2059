"""`jobstream new handler`: what it writes works as it is, and it harms nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from jobstream.cli.app import app


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder, empty."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def new(*arguments: str):
    """Run `jobstream new handler` with these."""
    return CliRunner().invoke(app, ["new", "handler", *arguments])


def run(*command: str) -> str:
    """What a program of this environment says; it must end well."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    done = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True, timeout=120, env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_each_kind_passes_its_tests_loads_in_a_worker_and_is_clean(folder):
    (folder / "shop").mkdir()
    (folder / "shop" / "__init__.py").touch()
    assert new("greet").exit_code == 0
    assert new("mail.send", "--kind", "thread", "--dir", "shop").exit_code == 0
    assert new("sum-up", "--kind", "process").exit_code == 0
    assert "7 passed" in run("pytest", "-q", "-p", "no:cacheprovider", "-p", "no:asyncio")
    run("jobstream.handlers.check", "greet", "shop.mail_send", "sum_up", "jobstream_worker.examples")
    run("ruff", "check", "--isolated", "--select", "E,F,I,B,UP,W", ".")
    run("ruff", "format", "--isolated", "--check", ".")


def test_it_tells_what_to_do_next(folder):
    said = new("greet").output
    assert said.splitlines()[0] == "wrote greet.py and test_greet.py"
    assert [line.strip() for line in said.splitlines()[3:6]] == [
        "pytest test_greet.py",
        "jobstream up --handlers greet --reload",
        'jobstream submit greet \'{"name": "Ann"}\' --wait 10',
    ]


def test_the_way_to_a_module_elsewhere_is_told(folder):
    (folder / "shop" / "jobs").mkdir(parents=True)
    assert "cd shop/jobs && jobstream up --handlers greet --reload" in new("greet", "--dir", "shop/jobs").output
    (folder / "shop" / "__init__.py").touch()
    (folder / "shop" / "jobs" / "__init__.py").touch()
    said = new("mail", "--dir", "shop/jobs").output
    assert "  jobstream up --handlers shop.jobs.mail --reload" in said
    assert "from shop.jobs.mail import mail" in Path("shop/jobs/test_mail.py").read_text()


@pytest.mark.parametrize("existing", ["greet.py", "test_greet.py"])
def test_nothing_is_overwritten(folder, existing):
    (folder / existing).write_text("mine\n")
    answer = new("greet")
    assert answer.exit_code == 1
    assert f"{existing} is there already; nothing was written" in answer.output
    assert [path.name for path in folder.iterdir()] == [existing]
    assert (folder / existing).read_text() == "mine\n"


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("Greet", "is no job type"),
        ("greet me", "is no job type"),
        ("", "is no job type"),
        ("../greet", "is no job type"),
        ("1st", "makes no Python name"),
        ("class", "makes no Python name"),
        ("print", "would hide Python's own"),
        ("handler", "would hide"),
        ("json", "would hide the installed one"),
        ("pydantic", "would hide the installed one"),
        ("test_greet", "pytest would take"),
        ("flaky", "has a handler among the shipped examples"),
    ],
)
def test_names_that_would_do_harm_are_refused(folder, name, why):
    answer = new("--", name)
    assert answer.exit_code == 2
    assert why in answer.output
    assert list(folder.iterdir()) == []


def test_a_package_that_cannot_be_imported_is_refused(folder):
    (folder / "in").mkdir()
    (folder / "in" / "__init__.py").touch()
    answer = new("greet", "--dir", "in")
    assert answer.exit_code == 2
    assert "in.greet is no name to import" in answer.output


def test_in_a_package_a_name_may_be_anybodys(folder):
    (folder / "shop").mkdir()
    (folder / "shop" / "__init__.py").touch()
    assert new("json", "--dir", "shop").exit_code == 0


def test_a_folder_that_cannot_be_made_is_told(folder):
    (folder / "file").touch()
    answer = new("greet", "--dir", "file/deeper")
    assert answer.exit_code == 1
    assert "it cannot be written" in answer.output
