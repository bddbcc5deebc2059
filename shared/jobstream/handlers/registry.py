"""The handlers of a worker, by job type. A record names a type, never something to import."""

import importlib
import pkgutil
from collections.abc import Iterable, Sequence
from datetime import datetime
from types import ModuleType

from jobstream.contracts.events import TypeAnnouncement
from jobstream.errors import HandlerError
from jobstream.handlers.declare import spec_of
from jobstream.handlers.spec import HandlerSpec


class Registry:
    """Handlers by job type.

    Raises:
        HandlerError: two handlers claim one type; names both.
    """

    def __init__(self, specs: Iterable[HandlerSpec] = ()) -> None:
        self._specs: dict[str, HandlerSpec] = {}
        for spec in specs:
            other = self._specs.setdefault(spec.type, spec)
            if other.function is not spec.function:
                raise HandlerError(
                    f"the job type {spec.type!r} has two handlers, {other.where} and {spec.where}; "
                    "rename one, or load only one of the modules"
                )

    def get(self, job_type: str) -> HandlerSpec | None:
        """The handler of a type, or None if this worker has none."""
        return self._specs.get(job_type)

    @property
    def types(self) -> list[str]:
        """All types, sorted."""
        return sorted(self._specs)

    @property
    def specs(self) -> list[HandlerSpec]:
        """All handlers, sorted by type."""
        return [self._specs[name] for name in self.types]

    def announcements(self, now: datetime) -> list[TypeAnnouncement]:
        """What the worker writes to the types topic, one per type."""
        return [spec.announcement(now) for spec in self.specs]


def load_handlers(modules: Sequence[str]) -> Registry:
    """Import ``modules``, packages with all that is in them, and collect the handlers found at their top.

    Args:
        modules: dotted names, e.g. ``("shop.jobs", "jobstream_worker.examples")``.

    Raises:
        HandlerError: a module is not there, fails on import or declares no handler; or two claim one type.
    """
    specs: list[HandlerSpec] = []
    for name in modules:
        found = [spec for module in _import_all(name) for spec in map(spec_of, vars(module).values()) if spec]
        if not found:
            raise HandlerError(
                f'the module {name} declares no handler: put @handler("some_type") on a function in it, '
                "or take it out of JOBSTREAM_HANDLERS"
            )
        specs += found
    return Registry(specs)


def _import_all(name: str) -> list[ModuleType]:
    module = _import(name)
    modules = [module]
    for child in pkgutil.iter_modules(getattr(module, "__path__", ())):
        if child.name != "__main__":
            modules += _import_all(f"{name}.{child.name}")
    return modules


def _import(name: str) -> ModuleType:
    if not all(part.isidentifier() for part in name.split(".")):
        raise HandlerError(
            f"{name!r} is no module name; JOBSTREAM_HANDLERS takes dotted names like shop.jobs, not files"
        )
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise HandlerError(f"importing {name} failed: it needs {error.name}, which is not installed") from error
        raise HandlerError(
            f"there is no module {name} (looking for {error.name}): look for a typing error in JOBSTREAM_HANDLERS; "
            "if it is right, install the package or put its folder on PYTHONPATH"
        ) from error
    except (Exception, SystemExit) as error:  # whatever the module does when it is imported
        raise HandlerError(f"importing {name} failed with {type(error).__name__}: {error}") from error
