"""``jobstream api``, ``jobstream db upgrade``, ``jobstream openapi``."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

import orjson
import typer

from jobstream.errors import ConfigurationError, JobstreamError
from jobstream.telemetry import configure_logging
from jobstream_api.settings import ROLES, ApiSettings

EXIT_FAILED = 1
EXIT_CONFIGURATION = 2


def api(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one.")] = None,
    roles: Annotated[str | None, typer.Option(help="Of http, applier, intake, leader; comma-separated.")] = None,
) -> None:
    """Run the api: takes jobs over HTTP, publishes them to Kafka, records what becomes of them.

    SIGTERM or Ctrl-C finishes open requests within JOBSTREAM_SHUTDOWN_GRACE_S seconds; a second one
    does not wait for them. Exit codes: 0 stopped, 1 cut off, 2 wrong settings.
    """
    from jobstream_api.server import serve  # late: `db upgrade` needs no web framework, and starts sooner without

    _run("api", lambda settings: serve(settings), api_host=host, api_port=port, api_roles=roles)


db = typer.Typer(no_args_is_help=True, help="The database.")


@db.callback()
def _db() -> None:
    """The database."""


@db.command("upgrade")
def upgrade(
    wait: Annotated[float, typer.Option(help="Seconds to wait for a server that is starting.")] = 30.0,
) -> None:
    """Bring the tables up to date. May run any number of times, and by several processes at once.

    Exit codes: 0 done, 1 the server does not answer or refuses, 2 wrong settings.
    """
    from jobstream_api.infrastructure.migrate import upgrade_when_up  # late: only this command needs Alembic

    _run(
        "db upgrade",
        lambda settings: upgrade_when_up(settings.database_url.get_secret_value(), settings.database_schema, wait),
    )
    typer.echo("the tables are up to date", err=True)


def openapi() -> None:
    """Print the OpenAPI document of the api."""
    typer.echo(openapi_json(), nl=False)


def openapi_json() -> str:
    """The OpenAPI document as it is kept under docs/reference."""
    from jobstream_api.app import create_app

    document = create_app(ApiSettings(_env_file=None, api_roles=ROLES)).openapi()
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode() + "\n"


def _run(name: str, work: Callable[[ApiSettings], Coroutine[Any, Any, None]], **overrides: object) -> None:
    given = {key: value for key, value in overrides.items() if value is not None}
    try:
        settings = ApiSettings.load(**given)
        configure_logging(settings.log_format, settings.log_level)
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(work(settings))
    except JobstreamError as error:
        typer.echo(f"jobstream {name}: {error}", err=True)
        raise typer.Exit(EXIT_CONFIGURATION if isinstance(error, ConfigurationError) else EXIT_FAILED) from None


def _loop_factory() -> type[asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:  # not there on Windows
        return None
    return uvloop.Loop
