"""Submitting jobs and asking after them, from any Python program.

`Client` for asyncio, `SyncClient` for everything else, `KafkaClient` for the door without HTTP.
"""

from typing import TYPE_CHECKING, Any

from jobstream.client.asynchronous import Client
from jobstream.client.errors import (
    ApiError,
    ApiUnavailable,
    ClientError,
    JobNotFound,
    JobTypeNotFound,
    LimitNotFound,
    NotFound,
    NotUnique,
    QueueNotFound,
    ScheduleNotFound,
    StillRunning,
)
from jobstream.client.snapshot import BatchItem, CancelTally, JobSnapshot, Page
from jobstream.client.synchronous import SyncClient

if TYPE_CHECKING:
    from jobstream.client.kafka import KafkaClient

__all__ = [
    "ApiError",
    "ApiUnavailable",
    "BatchItem",
    "CancelTally",
    "Client",
    "ClientError",
    "JobNotFound",
    "JobSnapshot",
    "JobTypeNotFound",
    "KafkaClient",
    "LimitNotFound",
    "NotFound",
    "NotUnique",
    "Page",
    "QueueNotFound",
    "ScheduleNotFound",
    "StillRunning",
    "SyncClient",
]

if not TYPE_CHECKING:  # to a type checker a misspelt name is an error

    def __getattr__(name: str) -> Any:
        # Imported when asked for: who talks HTTP has no use for aiokafka.
        if name == "KafkaClient":
            from jobstream.client.kafka import KafkaClient

            return KafkaClient
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
