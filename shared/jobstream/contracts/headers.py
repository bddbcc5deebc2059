"""Record headers: CloudEvents 1.0 in the Kafka binary binding, plus our origin mark.

Source: CloudEvents spec v1.0.2 and its Kafka protocol binding, binary content mode.
"""

from collections.abc import Sequence
from datetime import datetime

Headers = list[tuple[str, bytes]]

ORIGIN_HEADER = "jobstream_origin"
"""On every job record that the api published; a record without it is a direct one."""

TRACEPARENT = "traceparent"
JOB_CREATED = "job.created.v1"


def header(headers: Sequence[tuple[str, bytes]], name: str) -> bytes | None:
    """The first header of that name."""
    for key, value in headers:
        if key == name:
            return value
    return None


class CloudEvents:
    """Headers of the events of one type from one source. What all of them share is made once.

    Args:
        event_type: e.g. ``job.created.v1``.
        source: who says so, e.g. ``/jobstream/api``.
    """

    def __init__(self, event_type: str, source: str) -> None:
        self._shared: Headers = [
            ("ce_specversion", b"1.0"),
            ("ce_type", event_type.encode()),
            ("ce_source", source.encode()),
            ("content-type", b"application/json"),
        ]

    def headers(self, event_id: bytes, at: bytes, subject: bytes) -> Headers:
        """Headers of one event.

        Args:
            event_id: unique per source; a redelivery has the same.
            at: when it happened, ISO 8601.
            subject: the job's id.
        """
        return [*self._shared, ("ce_id", event_id), ("ce_time", at), ("ce_subject", subject)]


def cloud_event(event_type: str, event_id: str, source: str, at: datetime, subject: str) -> Headers:
    """Headers of one event; see ``CloudEvents``."""
    return CloudEvents(event_type, source).headers(event_id.encode(), at.isoformat().encode(), subject.encode())
