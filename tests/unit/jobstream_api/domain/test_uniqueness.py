from uuid import UUID

from jobstream.contracts.status import JobStatus
from jobstream.contracts.unique import OnConflict, Unique
from jobstream_api.domain.uniqueness import Asked, Holder, in_the_way, judge

A, B, C, THERE = (UUID(int=n) for n in range(1, 5))
SAME, OTHER = b"same", b"other"


def test_a_job_is_in_the_way_while_state_and_both_windows_hold():
    hour = Unique(window_s=3600)
    assert in_the_way(hour, Holder(THERE, JobStatus.COMPLETED, age_s=10))
    assert not in_the_way(hour, Holder(THERE, JobStatus.COMPLETED, age_s=3600))
    assert not in_the_way(hour, Holder(THERE, JobStatus.COMPLETED, age_s=10, expired=True))
    assert not in_the_way(Unique(), Holder(THERE, JobStatus.COMPLETED))
    assert in_the_way(Unique(), Holder(THERE, JobStatus.RETRYING, age_s=1e9))
    assert not in_the_way(Unique(), Holder(THERE, None))


def test_of_those_that_come_together_the_first_wins():
    verdicts = judge([(A, Asked(SAME, Unique())), (B, Asked(OTHER, Unique())), (C, Asked(SAME, Unique()))], {})
    assert verdicts.won == {A, B}
    assert verdicts.winners == {SAME: [A], OTHER: [B]}
    assert (verdicts.met[C].job_id, verdicts.met[C].status) == (A, JobStatus.PENDING)


def test_a_claim_is_taken_over_from_a_job_that_does_not_count_any_more():
    for status in (None, JobStatus.COMPLETED):
        verdicts = judge([(A, Asked(SAME, Unique()))], {SAME: [Holder(THERE, status)]})
        assert (verdicts.won, verdicts.winners) == ({A}, {SAME: [A]})


def test_each_says_itself_which_states_count():
    over = Unique(states=[JobStatus.COMPLETED], on_conflict=OnConflict.EXISTING)
    there = {SAME: [Holder(THERE, JobStatus.COMPLETED)]}
    verdicts = judge([(A, Asked(SAME, over)), (B, Asked(SAME, Unique())), (C, Asked(SAME, over))], there)
    assert verdicts.won == {B}
    assert verdicts.met[A].job_id == verdicts.met[C].job_id == THERE


def test_one_that_counts_is_met_whoever_came_after_it():
    running = Asked(SAME, Unique(states=[JobStatus.RUNNING]))
    verdicts = judge([(A, running), (B, running), (C, Asked(SAME, Unique()))], {})
    assert verdicts.winners == {SAME: [A, B]}
    assert verdicts.met[C].job_id == B
    earlier = [Holder(B, JobStatus.COMPLETED), Holder(A, JobStatus.RUNNING)]
    assert judge([(C, running)], {SAME: earlier}).met[C].job_id == A
