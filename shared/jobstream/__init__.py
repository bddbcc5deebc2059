"""jobstream: jobs on Kafka and PostgreSQL."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jobstream.backoff import Backoff
    from jobstream.client import Client, KafkaClient, SyncClient
    from jobstream.contracts.unique import Unique
    from jobstream.handlers.context import JobContext
    from jobstream.handlers.declare import handler
    from jobstream.handlers.limits import ConcurrencyLimit, RateLimit
    from jobstream.handlers.verdicts import Cancel, Fail, Retry, Snooze

__all__ = [
    "Backoff",
    "Cancel",
    "Client",
    "ConcurrencyLimit",
    "Fail",
    "JobContext",
    "KafkaClient",
    "RateLimit",
    "Retry",
    "Snooze",
    "SyncClient",
    "Unique",
    "handler",
]

_MODULES = {
    "Backoff": "backoff",
    "Cancel": "handlers.verdicts",
    "Client": "client",
    "ConcurrencyLimit": "handlers.limits",
    "Fail": "handlers.verdicts",
    "JobContext": "handlers.context",
    "KafkaClient": "client",
    "RateLimit": "handlers.limits",
    "Retry": "handlers.verdicts",
    "Snooze": "handlers.verdicts",
    "SyncClient": "client",
    "Unique": "contracts.unique",
    "handler": "handlers.declare",
}


if not TYPE_CHECKING:  # to a type checker a misspelt name is an error

    def __getattr__(name: str) -> Any:
        # Imported when asked for: a command has no use for what handlers need, nor a handler for the clients'
        # HTTP and Kafka libraries.
        module = _MODULES.get(name)
        if module is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = globals()[name] = getattr(import_module(f"{__name__}.{module}"), name)
        return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
