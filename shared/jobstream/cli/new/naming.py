"""What a new handler's parts are called, and which names would do harm."""

import builtins
import keyword
import re
import sys
from collections.abc import Collection
from dataclasses import dataclass
from importlib.machinery import PathFinder
from pathlib import Path

from jobstream.contracts.names import NAME_PATTERN
from jobstream.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Names:
    """The names of one handler.

    Attributes:
        type: the job type, as given.
        module: its module, and the function in it.
        model: its payload's class.
        package: the folder that its import starts from; the worker must find it there.
        dotted: the module as one imports it.
    """

    type: str
    module: str
    model: str
    package: Path
    dotted: str


def names(job_type: str, folder: Path, taken: Collection[str]) -> Names:
    """The names that go with a job type.

    Args:
        folder: where the module will lie; if it belongs to a package, so will the module.
        taken: job types that have a handler.

    Raises:
        ConfigurationError: the name cannot be used; says why, and what would do.
    """
    if not NAME_PATTERN.fullmatch(job_type):
        raise ConfigurationError(
            f"{job_type!r} is no job type: use lower-case letters, digits, _, - and ., e.g. send_invoice"
        )
    if job_type in taken:
        raise ConfigurationError(f"the job type {job_type!r} has a handler among the shipped examples; take another")
    module = re.sub(r"[.-]", "_", job_type)
    if not module.isidentifier() or keyword.iskeyword(module):
        raise ConfigurationError(f"{job_type!r} makes no Python name: begin with a letter, and use no word of Python's")
    if module == "handler" or hasattr(builtins, module):
        raise ConfigurationError(
            f"{module} would hide Python's own, or jobstream's; take another name, e.g. do_{module}"
        )
    if module.startswith("test_"):
        raise ConfigurationError(f"pytest would take {module}.py for tests; take a name without test_")
    package, parts = folder, [module]
    while (package / "__init__.py").exists():
        parts.insert(0, package.name)
        package = package.parent
    if not all(part.isidentifier() and not keyword.iskeyword(part) for part in parts):
        raise ConfigurationError(f"{'.'.join(parts)} is no name to import; rename the folder, or take another")
    if len(parts) == 1 and _hides(module, folder):
        raise ConfigurationError(
            f"a module {module} in {folder} would hide the installed one of that name; take another name, "
            f"e.g. do_{module}"
        )
    model = "".join(part.capitalize() for part in module.split("_")) + "Payload"
    return Names(job_type, module, model, package, ".".join(parts))


def _hides(module: str, folder: Path) -> bool:
    if module in sys.stdlib_module_names:
        return True
    elsewhere = [place for place in sys.path if place and Path(place).resolve() != folder]
    return PathFinder.find_spec(module, elsewhere) is not None
