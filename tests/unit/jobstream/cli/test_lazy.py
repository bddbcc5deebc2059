"""Commands come from the library and from installed services, and are imported only when they run."""

import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

from jobstream.cli.app import app
from jobstream.cli.lazy import OWN, as_command

runner = CliRunner()


def test_help_lists_the_librarys_commands_and_the_services():
    shown = runner.invoke(app, ["--help"])
    assert shown.exit_code == 0
    for name in [*OWN, "api", "worker", "db", "openapi"]:
        assert f"\n  {name} " in shown.output


def test_an_unknown_command_is_wrong_usage():
    assert runner.invoke(app, ["fly"]).exit_code == 2


def test_a_function_is_a_command_and_an_app_a_group(capsys):
    def hello(name: str) -> None:
        typer.echo(f"hello {name}")

    group = typer.Typer()
    group.callback()(lambda: None)
    group.command("hello")(hello)
    as_command("hello", hello)(["you"], standalone_mode=False)
    as_command("group", group)(["hello", "me"], standalone_mode=False)
    assert capsys.readouterr().out == "hello you\nhello me\n"


@pytest.mark.parametrize(
    ("words", "strangers"),
    [
        (["version"], ["aiokafka", "httpx2", "structlog", "jobstream_api", "jobstream_worker", "sqlalchemy"]),
        (
            ["get", "--help"],
            ["aiokafka", "pydantic_settings", "structlog", "jobstream_api", "jobstream_worker", "sqlalchemy"],
        ),
    ],
)
def test_a_command_imports_nothing_that_it_has_no_use_for(words, strangers):
    code = (
        f"import sys; sys.argv = ['jobstream', *{words!r}];"
        "from jobstream.cli.app import app;"
        "app(standalone_mode=False);"
        f"print([name for name in {strangers!r} if name in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.splitlines()[-1] == "[]"
