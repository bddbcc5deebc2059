"""What a client raises. All derive from ClientError."""

from jobstream.errors import JobstreamError


class ClientError(JobstreamError):
    """Root of what clients raise."""


class ApiUnavailable(ClientError):
    """The api could not be reached, or answered 503, until the client gave up."""


class ApiError(ClientError):
    """The api refused a request.

    Attributes:
        status: the HTTP status.
        code: stable reason, e.g. ``unknown_type``.
        field: where in the request, as a JSON Pointer; None if it is about no field.
        job_id: the job that is in the way, if it is about one.
    """

    def __init__(
        self, status: int, code: str, detail: str, field: str | None = None, job_id: str | None = None
    ) -> None:
        super().__init__(f"{field}: {detail} [{code}]" if field else f"{detail} [{code}]")
        self.status = status
        self.code = code
        self.detail = detail
        self.field = field
        self.job_id = job_id


class NotFound(ApiError):
    """What was asked for is not there."""


class JobNotFound(NotFound):
    """There is no job with that id."""


class NotUnique(ApiError):
    """A job that counts as the same one is there already: ``job_id``."""


class ScheduleNotFound(NotFound):
    """There is no schedule of that name or id."""


class LimitNotFound(NotFound):
    """There is no limit of that name, or nothing was set of it that could be removed."""


class QueueNotFound(NotFound):
    """There is no queue of that name."""


class JobTypeNotFound(NotFound):
    """No worker has announced that type."""


class StillRunning(ClientError):
    """The job had not ended when waiting for it was over."""
