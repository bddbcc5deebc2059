"""jobstream: jobs on Kafka and PostgreSQL."""

from typing import TYPE_CHECKING, Any

from jobstream.backoff import Backoff
from jobstream.contracts.unique import Unique
from jobstream.handlers.context import JobContext
from jobstream.handlers.declare import handler
from jobstream.handlers.limits import ConcurrencyLimit, RateLimit
from jobstream.handlers.verdicts import Cancel, Fail, Retry, Snooze

if TYPE_CHECKING:
    from jobstream.client import Client, KafkaClient, SyncClient

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


def __getattr__(name: str) -> Any:
    # Clients bring an HTTP and a Kafka library along, which a module with handlers has no use for.
    if name in ("Client", "SyncClient", "KafkaClient"):
        import jobstream.client

        return getattr(jobstream.client, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
