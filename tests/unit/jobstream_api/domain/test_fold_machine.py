"""The applier's fold and decisions as a state machine: deliver, repeat, reorder, crash, rescue, cancel.

The rows are a dict with the same compare-and-set as the statements. The rules under test are the
real ones: fold, fits, decide, decide_lost, the transition table.
"""

import random
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from jobstream.contracts.events import ErrorInfo, EventKind, StatusEvent
from jobstream.contracts.status import JobStatus
from jobstream_api.domain.decisions import Standing, decide, decide_lost
from jobstream_api.domain.fold import fold
from jobstream_api.domain.retry import RetryPolicy
from jobstream_api.domain.transitions import Cause, next_status

JOB = UUID(int=7)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
POLICY = RetryPolicy(max_retries=2)
OUTCOMES = [kind for kind in EventKind if kind.rank == 2]


def event(kind: EventKind, attempt: int, dispatch: int, run: int) -> StatusEvent:
    return StatusEvent(
        event=kind,
        id=JOB,
        attempt=attempt,
        dispatch=dispatch,
        run_id=UUID(int=run),
        worker="w",
        at=NOW,
        type="t",
        lease_s=30.0 if kind.rank == 1 else None,
        error=ErrorInfo(message="no") if kind is EventKind.FAILED else None,
        result=run if kind is EventKind.COMPLETED else None,
    )


class Pipeline(RuleBasedStateMachine):
    """One job, its events in flight, and an applier that may be handed them in any order, any number of times."""

    def __init__(self) -> None:
        super().__init__()
        self.rng = random.Random(1)
        self.topic: list[StatusEvent] = []
        self.row = Standing(JOB, "t", JobStatus.PENDING, 1, 1, 0, None)
        self.run_of_row: UUID | None = None
        self.result: int | None = None
        self.history: list[Standing] = [self.row]
        self.next_run = 1
        self.reopened = 0

    def move(self, row: Standing) -> None:
        if self.row != row:
            self.history.append(row)
        self.row = row

    @initialize(seed=st.integers(0, 1000))
    def seed(self, seed: int) -> None:
        self.rng = random.Random(seed)

    @rule(outcome=st.sampled_from(OUTCOMES), leased=st.booleans(), beats=st.integers(0, 2))
    def a_worker_runs_the_current_dispatch(self, outcome, leased, beats):
        run, self.next_run = self.next_run, self.next_run + 1
        if leased:
            self.topic.append(event(EventKind.RUNNING, self.row.attempt, self.row.dispatch, run))
            self.topic += [event(EventKind.HEARTBEAT, self.row.attempt, self.row.dispatch, run)] * beats
        self.topic.append(event(outcome, self.row.attempt, self.row.dispatch, run))

    @rule()
    def a_worker_starts_and_dies(self):
        run, self.next_run = self.next_run, self.next_run + 1
        self.topic.append(event(EventKind.RUNNING, self.row.attempt, self.row.dispatch, run))

    @precondition(lambda self: self.topic)
    @rule(data=st.data())
    def the_applier_takes_a_batch(self, data):
        batch = data.draw(st.lists(st.sampled_from(self.topic), max_size=8))
        self.apply(batch)

    @precondition(lambda self: self.topic)
    @rule()
    def the_applier_begins_again_at_the_beginning(self):
        before = self.row
        self.apply(self.topic)
        settled = self.row
        self.apply(self.topic)
        assert self.row == settled
        if before.status.terminal:
            assert self.row == before

    def apply(self, batch: list[StatusEvent]) -> None:
        for entry in fold(enumerate(batch)):
            if entry.outcome is not None and entry.outcome.event is not EventKind.COMPLETED:
                decision = decide(self.row, entry.outcome, POLICY, self.rng)
                if decision is not None:
                    self.move(replace(self.row, status=decision.status, rank=2))
            else:
                self.report(entry)

    def report(self, entry) -> None:
        """What runs_report.sql does."""
        row = self.row
        if (row.attempt, row.dispatch) != (entry.attempt, entry.dispatch):
            return
        if entry.outcome is not None:
            status = next_status(row.status, Cause.COMPLETE)
            if row.rank < 2 and status is not None:
                self.result = entry.outcome.result
                self.move(replace(row, status=status, rank=2))
        elif entry.running is not None:
            status = next_status(row.status, Cause.START)
            if row.rank == 0 and status is not None:
                self.run_of_row = entry.running.run_id
                self.move(replace(row, status=status, rank=1))

    @precondition(lambda self: self.row.status is JobStatus.RUNNING)
    @rule()
    def the_reaper_finds_the_lease_lost(self):
        decision = decide_lost(self.row, POLICY, self.rng)
        assert decision is not None
        self.move(replace(self.row, status=decision.status, rank=2))

    @precondition(lambda self: self.row.rank == 2 and not self.row.status.terminal)
    @rule()
    def the_dispatcher_releases_it(self):
        status = next_status(self.row.status, Cause.DISPATCH)
        assert status is JobStatus.PENDING
        raised = 1 if self.row.status is JobStatus.RETRYING else 0
        self.move(
            replace(self.row, status=status, attempt=self.row.attempt + raised, dispatch=self.row.dispatch + 1, rank=0)
        )

    @precondition(lambda self: not self.row.status.terminal)
    @rule()
    def an_operator_cancels(self):
        status = next_status(self.row.status, Cause.CANCEL)
        assert status is JobStatus.CANCELLED
        self.move(replace(self.row, status=status, rank=2))

    @precondition(lambda self: self.row.status in (JobStatus.FAILED, JobStatus.CANCELLED))
    @rule()
    def an_operator_reopens(self):
        self.reopened += 1
        self.move(
            replace(
                self.row,
                status=JobStatus.PENDING,
                attempt=self.row.attempt + 1,
                dispatch=self.row.dispatch + 1,
                rank=0,
            )
        )

    @invariant()
    def reads_never_go_backwards(self):
        for before, after in zip(self.history, self.history[1:], strict=False):
            now, then = (after.attempt, after.dispatch, after.rank), (before.attempt, before.dispatch, before.rank)
            cancelled_while_held = before.rank == 2 and after.status is JobStatus.CANCELLED
            assert now > then or (now == then and cancelled_while_held)

    @invariant()
    def terminal_is_left_only_by_an_operator(self):
        left = sum(1 for row in self.history[:-1] if row.status.terminal)
        assert left == self.reopened

    @invariant()
    def attempts_are_bounded(self):
        assert self.row.attempt <= POLICY.max_retries + 1 + self.reopened

    @invariant()
    def a_result_belongs_to_completed(self):
        assert (self.row.status is JobStatus.COMPLETED) == (self.result is not None)


Pipeline.TestCase.settings = settings(max_examples=200, stateful_step_count=40)
TestPipeline = Pipeline.TestCase
