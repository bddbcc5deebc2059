"""Limits, queues and types as operators set them: the documents of PUT and PATCH, checked."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field

from jobstream.contracts.flow import MAX_PERIOD_S, Limit, LimitKind, Path
from jobstream.contracts.jobs import Name
from jobstream.errors import InvalidInput
from jobstream_api.services.strict import Strict

MAX_TYPES = 1000
MAX_WEIGHTS = 1000
_OF_A_RATE = ("period_s", "burst")


class QueueMode(StrEnum):
    """How jobs of a queue are handed out."""

    STREAM = "stream"
    MANAGED = "managed"


class LimitSetting(Strict):
    """What an operator sets of a limit. What is left out is as handlers declare it, if any does."""

    kind: LimitKind = Field(strict=False, description="`rate`: starts in a period; `concurrency`: jobs at once.")
    limit: int = Field(ge=1, le=1_000_000, description="Starts in a period, or jobs under way at once.")
    period_s: float | None = Field(
        None, ge=0.1, le=MAX_PERIOD_S, description="Of a rate: the period, seconds. null: 1."
    )
    burst: int | None = Field(
        None, ge=1, le=1_000_000, description="Of a rate: starts at once after a quiet time. null: `limit`."
    )
    key: Path | None = Field(
        None, description="A limit for each value of this path into the payload: `$.customer`. null: one for all."
    )
    max_waiting: int | None = Field(
        None, ge=1, le=10_000_000, description="Most jobs that may wait, for each key; submits beyond get 429."
    )
    types: list[Name] = Field(
        default_factory=list, max_length=MAX_TYPES, description="Types besides those whose handlers name this limit."
    )


class QueueChanges(Strict):
    """What an operator changes of a queue. What is left out stays."""

    mode: Annotated[QueueMode | None, Field(strict=False)] = Field(
        None,
        description="`stream`: jobs go to Kafka at once, in order of arrival. `managed`: they wait in the database and "
        "go about a second ahead, by priority and fairness. null: as JOBSTREAM_MANAGED_QUEUES says.",
    )
    paused: bool = Field(False, description="Nothing of a paused queue is started; what runs goes on.")
    fair_by: Path | None = Field(
        None, description="Of a managed queue: path into the payload that tells tenants apart, `$.tenant`. null: none."
    )
    weights: dict[
        Annotated[str, Field(max_length=200)], Annotated[float, Field(ge=0.01, le=1000, allow_inf_nan=False)]
    ] = Field(default_factory=dict, max_length=MAX_WEIGHTS, description="Shares of tenants; those not named have 1.")

    def columns(self) -> dict[str, Any]:
        """What was given, as the table has it."""
        given = self.model_dump(include=self.model_fields_set)
        if "mode" in given:
            given["managed"] = None if self.mode is None else self.mode is QueueMode.MANAGED
            del given["mode"]
        return given


class TypeChanges(Strict):
    """What an operator changes of a job type."""

    paused: bool = Field(description="No job of a paused type is started; what runs goes on.")


def check_limit(document: Any) -> list[str]:
    """Refuse what no limit could be; returns the types that the document names.

    Raises:
        InvalidInput: with the field and the fix.
    """
    if not isinstance(document, dict):
        return LimitSetting.read(document).types
    return LimitSetting.read({"kind": "rate", "limit": 1} | document).types


def read_limit(name: str, document: dict[str, Any], declared: Limit | None) -> tuple[Limit, list[str]]:
    """A limit from its document, over what handlers declare of it; and the types it is for besides theirs.

    Raises:
        InvalidInput: with the field and the fix.
    """
    base = {}
    if declared is not None and document.get("kind", declared.kind) == declared.kind:
        base = declared.model_dump(exclude={"name"}, exclude_none=True)
        if declared.kind is LimitKind.CONCURRENCY:
            del base["period_s"]
    setting = LimitSetting.read(base | document)
    if setting.kind is LimitKind.CONCURRENCY:
        for field in _OF_A_RATE:
            if getattr(setting, field) is not None:
                raise InvalidInput("invalid_field", f"/{field}", "only a limit of kind rate has one; leave it out")
    if declared is None and not setting.types:
        raise InvalidInput("missing_field", "/types", "no handler declares this limit; name the types it is for")
    given = setting.model_dump(exclude={"types"}, exclude_none=True)
    return Limit.read(given | {"name": name}), sorted(set(setting.types))
