"""What is foretold of a job, and whether it came true."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobstream.cli.demo.place import Place
from jobstream.client import JobSnapshot
from jobstream.contracts.status import JobStatus


def any_result(_result: Any, _place: Place) -> str | None:
    """For jobs whose result is not looked at."""
    return None


@dataclass(frozen=True, slots=True)
class Foretold:
    """How a job is to end.

    Attributes:
        attempts: so many it takes.
        says: words that stand in the last error, of a job that is to fail.
        holds: looks at a result, and at what it left in the world; returns what is wrong with it, or None.
        tells: a result in a few words.
    """

    status: JobStatus = JobStatus.COMPLETED
    attempts: int = 1
    says: str = ""
    holds: Callable[[Any, Place], str | None] = any_result
    tells: Callable[[Any], str] = str


def differs(job: JobSnapshot | None, foretold: Foretold, place: Place) -> str | None:
    """What became of a job in another way than foretold, or None."""
    if job is None:
        return "the api never saw it"
    if not job.done:
        return f"still {job.status} when time was up"
    if job.status is not foretold.status:
        return f"{job.status} instead of {foretold.status}" + (f": {job.last_error}" if job.last_error else "")
    if job.attempt != foretold.attempts:
        return f"took {job.attempt} attempts instead of {foretold.attempts}"
    if foretold.says not in (job.last_error or ""):
        return f"its error is {job.last_error!r}, without the words {foretold.says!r}"
    try:
        return foretold.holds(job.result, place) if job.status is JobStatus.COMPLETED else None
    except (KeyError, TypeError) as error:
        return f"its result {job.result!r} has another shape ({error!r})"


def equals(**wanted: Any) -> Callable[[Any, Place], str | None]:
    """The result has these values."""

    def look(result: Any, _place: Place) -> str | None:
        wrong = {name: result[name] for name, value in wanted.items() if result[name] != value}
        return f"the result has {wrong} instead of {wanted}" if wrong else None

    return look


def file_was_made(result: Any, place: Place) -> str | None:
    """The file that the result names is there, with as many bytes as it says."""
    path = (place.files or Path()) / Path(result["target"]).name
    if not path.is_file() or path.stat().st_size != result["bytes"]:
        return f"there is no {path} of {result['bytes']} bytes"
    return None


def mail_arrived(result: Any, place: Place) -> str | None:
    """The inbox has the mail that the result names."""
    path = (place.mails or Path()) / f"{result['message_id'].strip('<>').partition('@')[0]}.eml"
    return None if path.is_file() else f"the inbox has no {path}"
