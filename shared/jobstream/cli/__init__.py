"""The ``jobstream`` command."""


def main() -> None:
    """Run the command line and exit."""
    from jobstream.cli.app import app  # late: importing jobstream.cli must stay cheap for tools that look at it

    app(prog_name="jobstream")
