"""What people ask to be cancelled: the documents of POST /jobs/{id}/cancel and POST /jobs/cancel, checked."""

from typing import Annotated, Any

from pydantic import Field

from jobstream.contracts.jobs import Key, Moment, Name, Tag
from jobstream.contracts.limits import check_text
from jobstream.contracts.status import JobStatus
from jobstream.errors import InvalidInput
from jobstream_api.domain.transitions import Cause, sources
from jobstream_api.repositories.listings import JobFilter
from jobstream_api.services.strict import Strict

MAX_REASON = 500
MOST = 100_000
USUAL = 10_000
_FILTERS = ("status", "type", "queue", "key", "tag", "created_after", "created_before")
CANCELLABLE = sources(Cause.CANCEL)


class Cancellation(Strict):
    """Why a job is cancelled."""

    reason: str | None = Field(
        None, min_length=1, max_length=MAX_REASON, description="Read in `last_error`, and by its worker."
    )


class CancelFilter(Strict):
    """Which jobs to cancel. All filters given must hold."""

    status: list[Annotated[JobStatus, Field(strict=False)]] | None = Field(
        None,
        min_length=1,
        max_length=len(CANCELLABLE),
        description="Only jobs in one of these states: `PENDING`, `RUNNING`, `RETRYING`. Default: all three.",
        examples=[["PENDING", "RETRYING"]],
    )
    type: Name | None = Field(None, description="Only jobs of this type.")
    queue: Name | None = Field(None, description="Only jobs of this queue.")
    key: Key | None = Field(None, description="Only jobs with this ordering key.")
    tag: Tag | None = Field(None, description="Only jobs that carry this tag.")
    created_after: Moment | None = Field(None, description="At or after, RFC 3339 with a zone.")
    created_before: Moment | None = Field(None, description="Before, RFC 3339 with a zone.")
    dry_run: bool = Field(False, description="Only count them.")
    limit: int = Field(USUAL, ge=1, le=MOST, description="Most jobs to cancel; `more` tells if others are left.")
    reason: str | None = Field(None, min_length=1, max_length=MAX_REASON, description="As of one job.")

    @property
    def jobs(self) -> JobFilter:
        """The filter without the states."""
        return JobFilter(None, self.type, self.queue, self.key, self.tag, self.created_after, self.created_before)

    @property
    def statuses(self) -> list[str]:
        """States that are meant."""
        return CANCELLABLE if self.status is None else [status.value for status in self.status]


def read_reason(document: Any) -> str | None:
    """The reason in the body of POST /jobs/{id}/cancel; the body may be missing.

    Raises:
        InvalidInput: with the field and the fix.
    """
    reason = None if document is None else Cancellation.read(document).reason
    if reason is not None:
        check_text(reason, "/reason")
    return reason


def read_filter(document: Any) -> CancelFilter:
    """The body of POST /jobs/cancel.

    Raises:
        InvalidInput: with the field and the fix.
    """
    wanted = CancelFilter.read(document)
    if all(getattr(wanted, name) is None for name in _FILTERS):
        raise InvalidInput(
            "missing_field", "", f"name the jobs by at least one of {', '.join(_FILTERS)}; without any it would be all"
        )
    for place, status in enumerate(wanted.status or ()):
        if status.value not in CANCELLABLE:
            raise InvalidInput(
                "invalid_field",
                f"/status/{place}",
                f"a job that is {status.value} has ended; only {', '.join(CANCELLABLE)} can be cancelled",
            )
    for name in ("key", "tag", "reason"):
        if (text := getattr(wanted, name)) is not None:
            check_text(text, f"/{name}")
    return wanted
