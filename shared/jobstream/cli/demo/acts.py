"""A job of the demo: what it is, how it came in, what became of it."""

import time
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID

from jobstream.cli.demo.foretold import Foretold, differs
from jobstream.cli.demo.place import Place
from jobstream.client import JobSnapshot


class Door(StrEnum):
    """How a job comes in."""

    HTTP = "http"
    KAFKA = "kafka"


@dataclass(slots=True)
class Act:
    """One job of the demo.

    Attributes:
        about: what is special about it, in a word or two.
        job_id: its id, once it is known.
        job: as the api last showed it.
        trouble: why it could not be submitted.
        sent_at: when it was submitted, on this machine's monotonic clock.
    """

    type: str
    about: str
    payload: dict[str, Any]
    foretold: Foretold = field(default_factory=Foretold)
    door: Door = Door.HTTP
    job_id: UUID | None = None
    job: JobSnapshot | None = None
    trouble: str | None = None
    sent_at: float | None = None

    @property
    def over(self) -> bool:
        """True once nothing more will happen."""
        return self.trouble is not None or (self.job is not None and self.job.done)

    def seconds(self) -> float | None:
        """How long it has taken so far; from submit to the handler's end once it is done. None: not sent yet."""
        if self.job is not None and self.job.done and self.job.finished_at is not None:
            return max((self.job.finished_at - self.job.created_at).total_seconds(), 0.0)
        return None if self.sent_at is None else time.monotonic() - self.sent_at

    def surprise(self, place: Place) -> str | None:
        """What is not as foretold, or None."""
        return self.trouble or differs(self.job, self.foretold, place)
