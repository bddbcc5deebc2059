"""jobstream: jobs on Kafka and PostgreSQL."""

from jobstream.backoff import Backoff
from jobstream.handlers.context import JobContext
from jobstream.handlers.declare import handler
from jobstream.handlers.verdicts import Cancel, Fail, Retry, Snooze

__all__ = ["Backoff", "Cancel", "Fail", "JobContext", "Retry", "Snooze", "handler"]
