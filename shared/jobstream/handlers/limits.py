"""Limits as a handler declares them: how often its jobs may start, and how many may be under way."""

from collections.abc import Sequence
from dataclasses import dataclass

from jobstream.contracts.flow import Limit, LimitKind
from jobstream.contracts.names import NAME_PATTERN
from jobstream.errors import HandlerError, InvalidInput

MAX_LIMITS = 10
_SPELLING = {"period_s": "per_s"}
_HOW = 'write it like: limits=[RateLimit(100, per_s=60), ConcurrencyLimit(5, key="$.account")]'


@dataclass(frozen=True, slots=True)
class RateLimit:
    """At most ``limit`` starts in ``per_s`` seconds, in all workers together.

    Attributes:
        limit: starts, 1 to 1,000,000.
        per_s: in how many seconds, 0.1 to 86,400.
        burst: how many may start at once after a quiet time. None: as many as ``limit``.
        key: path into the payload, ``$.customer``: a limit of its own for each value there.
        name: handlers that name the same limit share it. None: a name made from the type.
        max_waiting: a submit is refused while so many jobs wait, for each key. None: any number may.
    """

    limit: int
    per_s: float = 1.0
    burst: int | None = None
    key: str | None = None
    name: str | None = None
    max_waiting: int | None = None

    def declared(self) -> Limit:
        """The same as workers announce it.

        Raises:
            InvalidInput: with the field.
        """
        return _declared(LimitKind.RATE, self, period_s=self.per_s, burst=self.burst)


@dataclass(frozen=True, slots=True)
class ConcurrencyLimit:
    """At most ``limit`` jobs under way at once, in all workers together.

    Attributes:
        limit: jobs, 1 to 1,000,000.
        key: path into the payload, ``$.account``: a limit of its own for each value there.
        name: handlers that name the same limit share it. None: a name made from the type.
        max_waiting: a submit is refused while so many jobs wait, for each key. None: any number may.
    """

    limit: int
    key: str | None = None
    name: str | None = None
    max_waiting: int | None = None

    def declared(self) -> Limit:
        """The same as workers announce it.

        Raises:
            InvalidInput: with the field.
        """
        return _declared(LimitKind.CONCURRENCY, self)


DeclaredLimits = Sequence[RateLimit | ConcurrencyLimit]


def read_limits(limits: DeclaredLimits, job_type: str, where: str) -> tuple[Limit, ...]:
    """The limits of a handler, checked.

    Args:
        where: the handler's name and place, for messages.

    Raises:
        HandlerError: says which limit, what is wrong, and how to mend it.
    """
    if not isinstance(limits, list | tuple) or not all(
        isinstance(each, RateLimit | ConcurrencyLimit) for each in limits
    ):
        raise HandlerError(f"{where}: limits is a list of RateLimit and ConcurrencyLimit; {_HOW}")
    if len(limits) > MAX_LIMITS:
        raise HandlerError(f"{where}: a handler has at most {MAX_LIMITS} limits, not {len(limits)}")
    found: dict[str, Limit] = {}
    for each in limits:
        try:
            limit = each.declared()
        except InvalidInput as error:
            field = error.field.strip("/")
            raise HandlerError(f"{where}: {_SPELLING.get(field, field)} of {each!r} {_said(error)}") from None
        name = limit.named(job_type)
        if not NAME_PATTERN.fullmatch(name):
            raise HandlerError(f"{where}: {name!r} is too long for the name of a limit; give it one with name=")
        if name in found:
            raise HandlerError(f'{where}: it has two limits called {name!r}; give them names, e.g. name="{name}.2"')
        found[name] = limit
    return tuple(found.values())


def _declared(kind: LimitKind, limit: RateLimit | ConcurrencyLimit, **more: object) -> Limit:
    shared = {"name": limit.name, "limit": limit.limit, "key": limit.key, "max_waiting": limit.max_waiting}
    return Limit.read({"kind": kind, **shared, **more})


def _said(error: InvalidInput) -> str:
    detail = error.detail.replace("input should", "should", 1)
    return detail if detail.startswith(("must", "should")) else f"is wrong: {detail}"
