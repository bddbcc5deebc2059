"""Submitting jobs and asking after them, from any Python program.

`Client` for asyncio, `SyncClient` for everything else, `KafkaClient` for the door without HTTP.
"""

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
from jobstream.client.kafka import KafkaClient
from jobstream.client.snapshot import BatchItem, CancelTally, JobSnapshot, Page
from jobstream.client.synchronous import SyncClient

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
