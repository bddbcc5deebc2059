"""Uniqueness: which jobs count as the same job, and what becomes of a second one."""

import hashlib
from enum import StrEnum
from typing import Annotated, Any

import orjson
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from jobstream.contracts.paths import MISSING, PATTERN, find, pointer
from jobstream.contracts.status import TERMINAL, JobStatus
from jobstream.errors import InvalidInput

MAX_WINDOW_S = 366 * 86_400.0
UNDER_WAY = tuple(status for status in JobStatus if status not in TERMINAL)
_NAMES = ("type", "queue", "key")
WHOLE = "$"
"""The whole payload, as a path."""


class OnConflict(StrEnum):
    """What becomes of a job that is there already."""

    REJECT = "reject"
    EXISTING = "existing"
    REPLACE = "replace"


def _checked_part(part: str) -> str:
    if part not in _NAMES and part != WHOLE and not PATTERN.fullmatch(part):
        raise ValueError("must be type, queue, key, $ (the whole payload) or a path into it like $.order.id")
    return part


Part = Annotated[str, Field(max_length=200), AfterValidator(_checked_part)]


class Unique(BaseModel):
    """Jobs that agree in all of ``by`` are one job, as long as the earlier one is in one of ``states``."""

    # Not ignored: with a misspelt window it would hold for ever.
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)

    by: list[Part] = Field(
        default_factory=lambda: ["type", WHOLE],
        min_length=1,
        max_length=10,
        description="What makes two jobs the same: `type`, `queue`, `key`, `$` (the whole payload), or paths into the "
        "payload like `$.order_id`; exactly these, in any order. Default: `type` and `$`.",
        examples=[["type", "$.order_id"]],
    )
    window_s: float | None = Field(
        None,
        gt=0,
        le=MAX_WINDOW_S,
        description="Only jobs that were submitted less than so many seconds ago count. Default: however long ago.",
    )
    states: list[Annotated[JobStatus, Field(strict=False)]] | None = Field(
        None,
        min_length=1,
        max_length=len(JobStatus),
        description="Only jobs in one of these states count. Default: PENDING, RUNNING, RETRYING; with `window_s` "
        "COMPLETED too.",
    )
    on_conflict: OnConflict = Field(
        OnConflict.REJECT,
        strict=False,
        description="`reject`: 409 `not_unique`; `existing`: the earlier job is the answer; `replace`: an earlier job "
        "that was never handed out takes over the payload, and `priority` and `run_at` if given.",
    )

    @classmethod
    def known(cls, document: object) -> object:
        """``document`` without the members of a newer version than this one: what is announced was checked there."""
        if not isinstance(document, dict):
            return document
        return {name: value for name, value in document.items() if name in cls.model_fields}

    def counted(self) -> frozenset[JobStatus]:
        """The states in which an earlier job counts."""
        if self.states is not None:
            return frozenset(self.states)
        return frozenset(UNDER_WAY) if self.window_s is None else frozenset((*UNDER_WAY, JobStatus.COMPLETED))

    def hash_of(self, *, type: str, queue: str, key: str | None, payload: dict[str, Any]) -> bytes:
        """SHA-256 over the names and values of ``by``: the same for jobs that are the same.

        Raises:
            InvalidInput: ``missing_field``: the job lacks what makes it unique.
        """
        fields: dict[str, Any] = {"type": type, "queue": queue, "key": MISSING if key is None else key}
        values = {part: fields[part] if part in fields else find(part, payload) for part in self.by}
        for part, value in values.items():
            if value is MISSING:
                field = "/key" if part == "key" else f"/payload{pointer(part)}"
                raise InvalidInput(
                    "missing_field", field, f"the job is unique by {part}; send it, or take it out of unique.by"
                )
        return hashlib.sha256(orjson.dumps(values, option=orjson.OPT_SORT_KEYS)).digest()

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it; what was not given is left out."""
        return self.model_dump(mode="json", exclude_unset=True)
