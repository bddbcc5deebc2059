"""The exceptions that jobstream raises on purpose.

Each message says what happened, why, and what to do. Nothing here knows HTTP: the api maps
errors to status codes in one table of its own.
"""


class JobstreamError(Exception):
    """Root of every exception that jobstream raises on purpose."""


class InvalidInput(JobstreamError):
    """Input was refused at a door. Nothing was stored.

    Attributes:
        code: stable, machine-readable reason, e.g. ``payload_too_large``.
        field: where it is wrong, as a JSON Pointer (RFC 6901), e.g. ``/payload/size``;
            the empty string is the whole document.
        detail: one sentence for people, with the fix.
    """

    def __init__(self, code: str, field: str, detail: str) -> None:
        super().__init__(f"{field or 'document'}: {detail} [{code}]")
        self.code = code
        self.field = field
        self.detail = detail


class ConfigurationError(JobstreamError):
    """A setting is missing or impossible. Names the setting and the fix."""


class BrokerUnavailable(JobstreamError):
    """Kafka cannot be reached or does not answer in time."""


class RecordRefused(JobstreamError):
    """Kafka will never take this record as it is: too large, or its topic does not exist."""


class HandlerError(JobstreamError):
    """A handler was declared or registered wrongly."""
