"""The command line's root."""

import typer

from jobstream.cli.lazy import LazyGroup

EPILOG = (
    "Data go to stdout, everything else to stderr. Exit codes: 0 done, 1 it failed, 2 wrong usage or settings "
    "(for `topics plan`: there are changes), 3 there is no such thing, 4 the job ended other than COMPLETED, "
    "5 waiting took too long."
)

app = typer.Typer(
    name="jobstream",
    cls=LazyGroup,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # a traceback with everybody's local variables would show payloads and passwords
    rich_markup_mode=None,
    epilog=EPILOG,
    help="Jobs on Kafka and PostgreSQL.",
)


@app.callback()
def _root() -> None:
    """Jobs on Kafka and PostgreSQL."""
