"""Applier: status events become rows.

One batch, folded to one entry per dispatch of a job, is one transaction: leases and successes in
one statement, the other outcomes decided and written in another, retries held for the dispatcher,
and the consumer's next offsets.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from jobstream.contracts import limits
from jobstream.contracts.events import EventKind, StatusEvent, WorkerEvent, read_status
from jobstream.contracts.status import JobStatus
from jobstream.contracts.topics import Topics
from jobstream.errors import InvalidInput
from jobstream.telemetry import Event, emit
from jobstream_api.domain.fold import Folded, fold
from jobstream_api.infrastructure.database import Connection, Database
from jobstream_api.repositories import arrivals, cancels, gates, retention, runs, workers
from jobstream_api.repositories.dead_letters import DeadLetter
from jobstream_api.repositories.outbox import OutboxRow
from jobstream_api.repositories.progress import Advance, Overtaken
from jobstream_api.services import hand_backs, outcomes
from jobstream_api.services.coverage import Coverage
from jobstream_api.services.flow import Flow
from jobstream_api.services.ingest import READ_AT_ONCE, AtOnce, Effects, Ingest, dead_letter
from jobstream_api.services.outcomes import Decided, Outcomes
from jobstream_api.services.policies import Policies
from jobstream_api.services.retention import kept
from jobstream_api.settings import ApiSettings

CONSUMER = "jobstream-applier"
Changed = list[tuple[Folded, datetime]]
"""Entries that changed their rows, each with the time of its dispatch."""
Write = Callable[[Connection, Sequence[Folded], str, list[Advance]], Awaitable[Changed | None]]
_MAX_EVENT_BYTES = 2 * limits.MAX_RECORD_BYTES


@dataclass(slots=True)
class News:
    """What a batch tells.

    Attributes:
        entries: of jobs, one for each dispatch; their place is that in ``records``.
        workers: of workers, by id, the latest of each.
        letters: what is no status event.
    """

    records: Sequence[Any]
    entries: list[Folded]
    workers: dict[str, WorkerEvent]
    letters: list[DeadLetter]


class Applier(Ingest[News]):
    """Folds the status topic back into the jobs table."""

    name = "applier"

    def __init__(
        self,
        settings: ApiSettings,
        database: Database,
        *,
        policies: Policies,
        hand_over: Callable[[Sequence[OutboxRow]], None],
        flow: Flow,
        coverage: Coverage,
        notify: Callable[[Iterable[UUID]], None],
        wake_dispatcher: Callable[[], None],
        permits_free: Callable[[], None],
        rng: random.Random | None = None,
    ) -> None:
        super().__init__(
            settings,
            database,
            consumer=CONSUMER,
            topics=[Topics(settings.topic_prefix).status],
            hand_over=hand_over,
        )
        self._kept = kept(settings)
        self._flow = flow
        self._coverage = coverage
        self._notify = notify
        self._wake_dispatcher = wake_dispatcher
        self._permits_free = permits_free
        self._outcomes = Outcomes(policies, flow, rng)

    async def read(self, records: Sequence[Any]) -> News:
        events: list[tuple[int, StatusEvent]] = []
        heard: dict[str, WorkerEvent] = {}
        letters: list[DeadLetter] = []
        for place, record in enumerate(records):
            if place % READ_AT_ONCE == READ_AT_ONCE - 1:
                await asyncio.sleep(0)
            try:
                if record.value is None:
                    raise InvalidInput("null_value", "", "the record has no value; write a status event")
                event = read_status(limits.parse_json(record.value, max_bytes=_MAX_EVENT_BYTES))
            except InvalidInput as problem:
                letters.append(dead_letter(record, problem))
                continue
            if isinstance(event, WorkerEvent):
                heard[event.worker] = event
            else:
                events.append((place, event))
        return News(records, fold(events), heard, letters)

    def at_once(self, batch: News) -> AtOnce | None:
        entries = batch.entries
        if not entries or batch.workers or batch.letters:
            return None
        if all(entry.job is None or self._is_taken_in(entry) for entry in entries):
            others = [entry for entry in entries if outcomes.is_other(entry)]
            if not others:
                return partial(_write_at_once, runs.report_and_advance, _note_reported, entries)
            return None if any(map(outcomes.is_parked, others)) else partial(self._settle_at_once, entries, others)
        # Tried where the intake has not been: where it has, one row that is there already would undo all.
        if all(
            _is_whole(entry) and entry.origin is not None and self._coverage.is_ahead(entry.origin) for entry in entries
        ):
            return partial(_write_at_once, arrivals.insert_completed_and_advance, _note_completed, entries)
        return None

    async def apply(self, connection: Connection, batch: News, effects: Effects) -> None:
        records, letters = batch.records, batch.letters
        entries, clashing = await self._take_in(connection, batch.entries, effects)
        await self._report(connection, entries, effects)
        await self._settle(connection, entries, effects, letters)
        left = [entry for entry in entries if not entry.applied]
        await self._give_back_permits(connection, left, effects)
        unknown = [entry for entry in await self._unknown(connection, left) if not self._is_the_intakes(entry)]
        forgotten = await self._forgotten(connection, unknown)
        if any(self._is_taken_in(entry) for entry in unknown if entry.id not in forgotten):
            self._coverage.clear()
            raise Overtaken("rows that were made are gone: the database is another one, or an older one")
        letters += [self._stranger(records[entry.place], entry) for entry in unknown if entry.id not in forgotten]
        letters += [
            dead_letter(records[entry.place], InvalidInput("conflict", "/job", "the id belongs to another job"))
            for entry in clashing
        ]
        effects.count("superseded", sum(entry.events for entry in left) - sum(entry.events for entry in unknown))
        effects.count("forgotten", sum(entry.events for entry in unknown if entry.id in forgotten))
        effects.count("applied", len(entries) - len(left))
        effects.count("direct", sum(map(_is_whole, entries)))
        if batch.workers:
            await workers.upsert(connection, list(batch.workers.values()))
        if letters:
            await self._bury(connection, letters, effects)

    def committed(self, effects: Effects) -> None:
        super().committed(effects)
        self._coverage.applied(effects.facts.get("direct", 0), asyncio.get_running_loop().time())
        for job, origin in effects.completed:
            self._coverage.complete(job, origin)
        if effects.terminal:
            self._notify(effects.terminal)
        if effects.held:
            self._wake_dispatcher()
        elif self._flow.gated and any(self._flow.rules.lets_others_pass(job_type) for job_type, _ in effects.ended):
            self._permits_free()
        if effects.facts.get("made"):
            emit(Event.JOBS_TAKEN_IN, count=effects.facts["made"])
        if effects.facts.get("superseded"):
            emit(Event.EVENT_DROPPED, reason="superseded", count=effects.facts["superseded"])
        if effects.facts.get("forgotten"):
            emit(Event.EVENT_DROPPED, reason="forgotten", count=effects.facts["forgotten"])
        emit(Event.EVENTS_APPLIED, count=effects.facts.get("applied", 0), ended=effects.ended)

    async def _take_in(
        self, connection: Connection, entries: list[Folded], effects: Effects
    ) -> tuple[list[Folded], list[Folded]]:
        """Make the rows of direct jobs that came here before their record came to the intake.

        Returns:
            The entries that speak of our rows, and those whose id belongs to another job.
        """
        arrived = [
            entry
            for entry in entries
            if entry.job is not None and not self._is_taken_in(entry) and not self._is_the_intakes(entry)
        ]
        if not arrived:
            return entries, []
        ended = [entry for entry in arrived if _is_whole(entry)]
        begun = [entry.job for entry in arrived if entry.job is not None and not _is_whole(entry)]
        made = 0
        if ended:
            completed = await arrivals.insert_completed(connection, ended)
            _note_completed(completed, effects)
            made += len(completed)
        if begun:
            lanes = [self._flow.lane(job.type, job.queue, job.key, job.payload) for job in begun]
            inserted = await arrivals.insert(connection, begun, lanes)
            effects.count("made", len(inserted))
            made += len(inserted)
        if made == len(arrived):
            return entries, []
        jobs = [entry.job for entry in arrived if entry.job is not None]
        clashing = [arrived[place] for place in await arrivals.conflicting(connection, jobs)]
        if not clashing:
            return entries, []
        refused = {id(entry) for entry in clashing}
        return [entry for entry in entries if id(entry) not in refused], clashing

    async def _report(self, connection: Connection, entries: list[Folded], effects: Effects) -> None:
        simple = [entry for entry in entries if not entry.applied and not outcomes.is_other(entry)]
        if simple:
            _note_reported(await runs.report(connection, simple), effects)

    async def _settle(
        self, connection: Connection, entries: list[Folded], effects: Effects, letters: list[DeadLetter]
    ) -> None:
        others = [entry for entry in entries if outcomes.is_other(entry)]
        if not others:
            return
        rows = await runs.lock(connection, [entry.id for entry in others])
        lanes = await hand_backs.lanes(connection, self._flow, outcomes.laneless(others, rows))
        decided = self._outcomes.decide(others, rows, lanes)
        if decided.unused:
            await gates.refund(connection, decided.unused)
        if decided.entries:
            await runs.settle(connection, decided.settled)
        _note_decided(decided, effects)
        letters += [outcomes.parked(entry) for entry, _ in decided.entries if outcomes.is_parked(entry)]

    async def _settle_at_once(
        self,
        entries: list[Folded],
        others: list[Folded],
        connection: Connection,
        steps: list[Advance],
        effects: Effects,
    ) -> bool:
        """What ``at_once`` promises: decided by rows that are not locked, and written if they still stand so."""
        rows = await runs.standings(connection, [entry.id for entry in others])
        if outcomes.laneless(others, rows):
            return False
        decided = self._outcomes.decide(others, rows, {})
        if len(decided.entries) < len(others):
            return False
        simple = [entry for entry in entries if not outcomes.is_other(entry)]
        reported = await runs.report_and_advance(connection, simple, CONSUMER, steps, decided.settled, decided.unused)
        if reported is None:
            return False
        _note_reported(reported, effects)
        _note_decided(decided, effects)
        effects.count("applied", len(entries))
        effects.count("direct", sum(map(_is_whole, entries)))
        return True

    async def _give_back_permits(self, connection: Connection, left: list[Folded], effects: Effects) -> None:
        """A job that was cancelled under way keeps its permit until its run is over: these are."""
        over = sorted((entry.id, entry.attempt, entry.dispatch) for entry in left if entry.outcome is not None)
        if over and await cancels.give_back_permits(connection, over):
            effects.held = True

    async def _unknown(self, connection: Connection, left: list[Folded]) -> list[Folded]:
        if not left:
            return []
        known = await runs.known(connection, [entry.id for entry in left])
        return [entry for entry in left if entry.id not in known]

    async def _forgotten(self, connection: Connection, unknown: list[Folded]) -> set[UUID]:
        """Those whose job may have been there once: its retention is over, so nobody waits for this event."""
        if not unknown:
            return set()
        now = await retention.now(connection)
        return {entry.id for entry in unknown if self._kept.may_be_gone(entry.id, now)}

    def _is_taken_in(self, entry: Folded) -> bool:
        return entry.job is not None and entry.origin is not None and self._coverage.has(entry.job, entry.origin)

    def _is_the_intakes(self, entry: Folded) -> bool:
        """A direct job of strict order that was handed back: the intake takes it in, in the order of its topic."""
        job, outcome = entry.job, entry.outcome
        handed_back = outcome is not None and outcome.event is EventKind.DEFERRED
        return job is not None and handed_back and job.key is not None and job.type in self._flow.rules.strict

    def _stranger(self, record: Any, entry: Folded) -> DeadLetter:
        problem = InvalidInput("unknown_job", "/id", f"no job has the id {entry.id}")
        return dead_letter(record, problem, entry.id)


def _is_whole(entry: Folded) -> bool:
    """True for a direct job, whole, with the success of its first dispatch."""
    job, outcome = entry.job, entry.outcome
    if job is None or outcome is None or outcome.event is not EventKind.COMPLETED:
        return False
    return job.id == entry.id and entry.attempt == 1 and entry.dispatch == 1


async def _write_at_once(
    write: Write,
    note: Callable[[Changed, Effects], None],
    entries: list[Folded],
    connection: Connection,
    steps: list[Advance],
    effects: Effects,
) -> bool:
    """What ``at_once`` promises."""
    changed = await write(connection, entries, CONSUMER, steps)
    if changed is None:
        return False
    note(changed, effects)
    effects.count("applied", len(changed))
    effects.count("direct", sum(map(_is_whole, entries)))
    return True


def _note_reported(reported: Changed, effects: Effects) -> None:
    for entry, dispatched_at in reported:
        entry.applied = True
        if entry.outcome is not None:
            effects.terminal.append(entry.id)
            effects.end(entry.outcome, JobStatus.COMPLETED, dispatched_at)


def _note_decided(decided: Decided, effects: Effects) -> None:
    """The same of other outcomes."""
    for entry, settled in decided.entries:
        entry.applied = True
        decision = settled.decision
        if entry.outcome is not None:
            effects.end(entry.outcome, decision.status, None)
        effects.held |= decision.hold_s is not None
        if decision.status.terminal:
            effects.terminal.append(entry.id)


def _note_completed(completed: Changed, effects: Effects) -> None:
    """The same of jobs that have rows only now."""
    _note_reported(completed, effects)
    effects.count("made", len(completed))
    for entry, _ in completed:
        if entry.job is not None and entry.origin is not None:
            effects.completed.append((entry.job, entry.origin))
