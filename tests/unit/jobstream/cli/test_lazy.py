"""Commands come from the library and from installed services, and are imported only when they run."""

import subprocess
import sys

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


def test_version_needs_no_service_and_no_kafka():
    code = (
        "import sys; sys.argv = ['jobstream', 'version'];"
        "from jobstream.cli.app import app;"
        "app(standalone_mode=False);"
        "print([m for m in ('aiokafka', 'jobstream_api', 'jobstream_worker', 'sqlalchemy') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.splitlines()[-1] == "[]"
