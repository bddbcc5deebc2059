"""Flow control as declared: how many jobs of a type may run, and how often one may start."""

from enum import StrEnum
from hashlib import sha256
from typing import Annotated, Any

import orjson
from pydantic import AfterValidator, Field

from jobstream.contracts.jobs import Contract, Name
from jobstream.contracts.paths import PATTERN, find

MAX_PERIOD_S = 86_400.0
_MAX_BYTES = 120
_HEAD = 16


def _checked_path(path: str) -> str:
    whole = path if path.startswith("$") else f"${path}" if path.startswith("[") else f"$.{path}"
    if not PATTERN.fullmatch(whole):
        raise ValueError("must be a path into the payload like $.customer.id or $.ids[0]")
    return whole


Path = Annotated[str, Field(max_length=200), AfterValidator(_checked_path)]
"""Where in the payload a value lies: members by dots, elements by [n]; a singular query of RFC 9535."""


class LimitKind(StrEnum):
    """What a limit counts."""

    RATE = "rate"
    """Starts in a period."""
    CONCURRENCY = "concurrency"
    """Jobs under way at once."""


class Limit(Contract):
    """One limit. Types that name the same limit share it.

    Attributes:
        name: None for a declared one: made of type and kind then.
    """

    name: Name | None = Field(None, description="Limits of one name are one limit. Default: made from type and kind.")
    kind: LimitKind = Field(strict=False, description="`rate`: starts in a period; `concurrency`: jobs at once.")
    limit: int = Field(ge=1, le=1_000_000, description="Starts in a period, or jobs under way at once.")
    period_s: float = Field(1.0, ge=0.1, le=MAX_PERIOD_S, description="Of a rate: the period, seconds.")
    burst: int | None = Field(
        None, ge=1, le=1_000_000, description="Of a rate: starts at once after a quiet time. Default: `limit`."
    )
    key: Path | None = Field(None, description="A limit for each value of this path into the payload.")
    max_waiting: int | None = Field(
        None, ge=1, le=10_000_000, description="Most jobs that may wait, for each key; submits beyond get 429."
    )

    def named(self, job_type: str) -> str:
        """Its name, where ``job_type`` declares it."""
        return self.name or f"{job_type}.{self.kind.value}"


def bounded(text: str) -> str:
    """``text``, or something short that stands for it: limits keep texts in an index, whose entries are small."""
    if len(text) <= _MAX_BYTES and len(orjson.dumps(text)) - 2 <= _MAX_BYTES:
        return text
    return f"{text[:_HEAD]}…{sha256(text.encode()).hexdigest()[:24]}"


def value_at(path: str, payload: dict[str, Any]) -> str:
    """What lies at ``path`` of a payload, as text; empty where nothing does, see ``bounded`` for long ones."""
    match found := find(path, payload):
        case bool():
            return "true" if found else "false"
        case str() | int() | float():
            return bounded(str(found))
        case _:
            return ""
