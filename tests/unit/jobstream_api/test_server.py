"""Where the api may listen, and what it says when it may not."""

import socket

import pytest
from typer import Typer
from typer.testing import CliRunner

from jobstream.errors import ConfigurationError
from jobstream_api import commands
from jobstream_api.server import check_address, listen
from jobstream_api.settings import ApiSettings


def settings(**values) -> ApiSettings:
    return ApiSettings(_env_file=None, **values)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.9", "::1", "localhost"])
def test_loopback_is_fine(host):
    check_address(settings(api_host=host))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org", ""])
def test_anything_else_needs_a_word(host):
    with pytest.raises(ConfigurationError, match="JOBSTREAM_API_INSECURE"):
        check_address(settings(api_host=host))
    check_address(settings(api_host=host, api_insecure=True))


def test_a_taken_port_is_told_in_one_line():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match="JOBSTREAM_API_PORT") as caught:
            listen(settings(api_port=port))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "environment", "said"),
    [
        (["--host", "0.0.0.0"], {}, "JOBSTREAM_API_INSECURE"),
        ([], {"JOBSTREAM_API_PORT": "none"}, "JOBSTREAM_API_PORT"),
        (["--roles", "http,cook"], {}, "cook"),
    ],
)
def test_wrong_settings_end_with_2_and_one_line(monkeypatch, arguments, environment, said):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    app = Typer()
    app.command()(commands.api)
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert said in result.output
    assert len(result.output.strip().splitlines()) == 1


def test_upgrade_says_that_nobody_answers(monkeypatch):
    monkeypatch.setenv("JOBSTREAM_DATABASE_URL", "postgresql://jobstream@127.0.0.1:1/none")
    result = CliRunner().invoke(commands.db, ["upgrade", "--wait", "0"])
    assert result.exit_code == 1
    assert "no answer within 0 s" in result.output
