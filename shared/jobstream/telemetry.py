"""What a jobstream process tells of itself: a closed list of events.

Logs derive from these events, and so does everything that subscribes (metrics, the console).
Adding an event here means adding a line to docs/reference/telemetry.md; a test compares the two.
"""

import logging
import sys
from collections.abc import Callable
from enum import Enum
from typing import Any

import structlog

_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
_threshold = 20


class Event(Enum):
    """Every event that jobstream emits: (name, log level).

    Attributes:
        label: the event's name as logs and metrics show it.
        severity: its log level as a number.
        heard: true if telling of it reaches anybody. Ask before gathering facts about what happens with
            every job.
    """

    # processes and their services
    PROCESS_READY = ("process.ready", "info")
    PROCESS_STOPPING = ("process.stopping", "info")
    SERVICE_CRASHED = ("service.crashed", "error")
    SERVICE_RESTARTED = ("service.restarted", "warning")
    SERVICE_STOP_LATE = ("service.stop_late", "warning")
    LOOP_BLOCKED = ("loop.blocked", "warning")
    # api: doors and the way into Kafka
    JOBS_SUBMITTED = ("jobs.submitted", "debug")
    JOBS_TAKEN_IN = ("jobs.taken_in", "debug")
    OUTBOX_PUBLISHED = ("outbox.published", "debug")
    OUTBOX_PUBLISH_FAILED = ("outbox.publish_failed", "warning")
    OUTBOX_SWEPT = ("outbox.swept", "info")
    JOBS_CANCELLED = ("jobs.cancelled", "info")
    # api: the way back
    EVENTS_APPLIED = ("events.applied", "debug")
    EVENT_DROPPED = ("event.dropped", "info")
    DEAD_LETTERED = ("record.dead_lettered", "warning")
    DATABASE_TROUBLE = ("database.trouble", "warning")
    # api: the leader's loops
    LEADER_ELECTED = ("leader.elected", "info")
    LEADER_LOST = ("leader.lost", "warning")
    JOBS_DISPATCHED = ("jobs.dispatched", "debug")
    SCHEDULES_FIRED = ("schedules.fired", "debug")
    SCHEDULE_MISSED = ("schedule.missed", "warning")
    SCHEDULE_REFUSED = ("schedule.refused", "warning")
    SCHEDULE_CHANGED = ("schedule.changed", "info")
    FLOW_CHANGED = ("flow.changed", "info")
    JOBS_EXPIRED = ("jobs.expired", "info")
    RUNS_RESCUED = ("runs.rescued", "warning")
    JOBS_REPUBLISHED = ("jobs.republished", "warning")
    OFFSETS_RESTORED = ("offsets.restored", "warning")
    RETENTION_SWEPT = ("retention.swept", "debug")
    PARTITION_DROPPED = ("partition.dropped", "info")
    TYPES_LEARNED = ("types.learned", "info")
    TYPE_IGNORED = ("type.ignored", "warning")
    # worker
    PARTITIONS_ASSIGNED = ("partitions.assigned", "info")
    PARTITIONS_REVOKED = ("partitions.revoked", "info")
    RECORD_SKIPPED = ("record.skipped", "debug")
    JOB_STARTED = ("job.started", "debug")
    JOB_FINISHED = ("job.finished", "debug")
    JOB_FAILED = ("job.failed", "info")
    JOB_LOG = ("job.log", "info")
    HANDLER_ABANDONED = ("handler.abandoned", "warning")
    HANDLER_LEFT_OUT = ("handler.left_out", "warning")
    CONTROL_IGNORED = ("control.ignored", "warning")
    COMMIT_FENCED = ("commit.fenced", "warning")
    # kafka
    KAFKA_TROUBLE = ("kafka.trouble", "warning")
    KAFKA_CLIENT_REBUILT = ("kafka.client_rebuilt", "warning")

    def __init__(self, label: str, level: str) -> None:
        self.label = label
        self.level = level
        self.severity = _LEVELS[level]
        self.heard = self.severity >= _threshold


Subscriber = Callable[[Event, dict[str, Any]], None]
_subscribers: list[tuple[Subscriber, frozenset[Event]]] = []
_logger = structlog.get_logger("jobstream")


def emit(event: Event, *, exc_info: BaseException | None = None, **fields: Any) -> None:
    """Tell of ``event``: once to the log, once to each subscriber.

    Args:
        exc_info: an exception whose traceback belongs in the log.
        fields: facts about it. Never a payload, never a secret.
    """
    for subscriber, deaf_to in _subscribers:
        if event not in deaf_to:
            subscriber(event, fields)
    if event.severity >= _threshold:
        extra = {"exc_info": exc_info} if exc_info is not None else {}
        getattr(_logger, event.level)(event.label, **fields, **extra)


def subscribe(subscriber: Subscriber, deaf_to: frozenset[Event] = frozenset()) -> Callable[[], None]:
    """Call ``subscriber`` at each event from now on, but for those in ``deaf_to``. Returns what ends it."""
    entry = (subscriber, deaf_to)
    _subscribers.append(entry)
    _ask_who_hears()

    def end() -> None:
        _subscribers.remove(entry)
        _ask_who_hears()

    return end


def _ask_who_hears() -> None:
    for event in Event:
        event.heard = event.severity >= _threshold or any(event not in deaf_to for _, deaf_to in _subscribers)


def configure_logging(log_format: str = "auto", level: str = "INFO") -> None:
    """Send this process's logs to stderr: readable on a terminal, JSON elsewhere."""
    global _threshold
    _threshold = _LEVELS[level.lower()]
    _ask_who_hears()
    console = log_format == "console" or (log_format == "auto" and sys.stderr.isatty())
    # Plain tracebacks: the default shows the values of variables, and with them payloads.
    readable = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    renderer: Any = readable if console else structlog.processors.JSONRenderer()
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if not console:
        shared.append(structlog.processors.format_exc_info)
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(_threshold),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(stream=sys.stderr, level=max(_threshold, logging.WARNING), format="%(name)s: %(message)s")
