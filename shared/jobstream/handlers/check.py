"""Says whether modules with handlers can be loaded: ``python -m jobstream.handlers.check shop.jobs``.

A program of its own, because a module that is imported once cannot be imported anew. Exit codes: 0 they can,
1 they cannot, and standard error says why and where.
"""

import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from jobstream.errors import HandlerError
from jobstream.handlers.registry import load_handlers


def problem(modules: Sequence[str]) -> str | None:
    """What keeps the modules from being loaded, in one line, or None."""
    try:
        load_handlers(modules)
    except HandlerError as error:
        return f"{' '.join(str(error).split())}{_place(error.__cause__)}"
    return None


def _place(cause: BaseException | None) -> str:
    """Where in the user's files an import failed. Syntax errors say it themselves."""
    if cause is None or isinstance(cause, SyntaxError):
        return ""
    here = Path.cwd()
    own = [frame for frame in traceback.extract_tb(cause.__traceback__) if here in Path(frame.filename).parents]
    return f" ({Path(own[-1].filename).relative_to(here)}, line {own[-1].lineno})" if own else ""


def main(modules: Sequence[str]) -> int:
    """Check, tell, and return the exit code."""
    sys.path.insert(0, os.getcwd())  # as the worker does
    said = problem(modules)
    if said is not None:
        sys.stderr.write(f"{said}\n")
    return 0 if said is None else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
