"""Whether this process can do its work: the database answers, Kafka answers, no loop is stuck."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from jobstream_api.infrastructure.database import Database
from jobstream_api.services.catalogue import Catalogue
from jobstream_api.services.flow import Flow

STUCK_AFTER_S = 12.0
"""A loop without success for so long is in trouble; they all turn every few seconds."""
_PING_TIMEOUT_S = 2.0
_REMEMBER_S = 1.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """Empty ``reasons`` means ready."""

    reasons: list[str]
    ages: dict[str, float]


class Readiness:
    """Answers in bounded time, however often it is asked: one answer serves a second."""

    def __init__(
        self, database: Database, catalogue: Catalogue, flow: Flow, ages: Callable[[], dict[str, float]]
    ) -> None:
        self._database = database
        self._catalogue = catalogue
        self._flow = flow
        self._ages = ages
        self._last: tuple[float, Verdict] | None = None
        self._asking = asyncio.Lock()
        self.draining = False

    async def check(self) -> Verdict:
        """Look now, or take the answer of a moment ago."""
        async with self._asking:
            if self._last is None or time.monotonic() - self._last[0] > _REMEMBER_S:
                self._last = (time.monotonic(), await self._look())
            verdict = self._last[1]
        if self.draining:
            return Verdict(["this process is stopping", *verdict.reasons], verdict.ages)
        return verdict

    async def _look(self) -> Verdict:
        ages = self._ages()
        reasons = []
        try:
            async with asyncio.timeout(_PING_TIMEOUT_S):
                await self._database.ping()
        except Exception as error:
            reasons.append(f"the database does not answer: {type(error).__name__}")
        if not self._catalogue.loaded:
            reasons.append("the job types are not loaded yet")
        if not self._flow.loaded:
            reasons.append("limits and queues are not loaded yet")
        reasons += [f"{name}: no success for {age:.0f} s" for name, age in sorted(ages.items()) if age > STUCK_AFTER_S]
        return Verdict(reasons, {name: round(age, 3) for name, age in ages.items()})
