"""The offset tracker: what may be committed, step by step and under any order of events."""

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from jobstream.kafka.commit_note import CommitNote
from jobstream.kafka.tracker import OffsetTracker, merge


def test_commits_up_to_the_lowest_unfinished_offset():
    tracker = OffsetTracker(10)
    assert [tracker.accept(offset) for offset in (10, 11, 12)] == [True, True, True]
    tracker.done(11)
    tracker.done(12)
    assert tracker.low_water == 10
    assert tracker.finished() == [(11, 13)]
    tracker.done(10)
    assert tracker.low_water == 13
    assert tracker.finished() == []


def test_a_repeat_is_refused_whether_done_or_not():
    tracker = OffsetTracker(0)
    assert tracker.accept(0)
    assert not tracker.accept(0)
    tracker.done(0)
    assert not tracker.accept(0)
    assert tracker.low_water == 1


def test_gaps_are_done():
    """Transaction markers and aborted records take offsets and are never delivered."""
    tracker = OffsetTracker(5)
    tracker.accept(9)
    assert tracker.low_water == 9
    tracker.accept(20)
    tracker.done(9)
    assert tracker.low_water == 20
    tracker.done(20)
    assert tracker.low_water == 21
    tracker.reached(23)
    assert tracker.low_water == 23


def test_reaching_a_position_passes_nothing_unfinished():
    tracker = OffsetTracker(0)
    tracker.accept(0)
    tracker.reached(7)
    assert tracker.low_water == 0
    assert not tracker.accept(6), "it would have been delivered before"


def test_what_a_predecessor_finished_is_not_done_again():
    tracker = OffsetTracker(10, [(12, 14), (10, 11), (20, 21)])
    assert tracker.low_water == 11
    assert [offset for offset in range(10, 22) if tracker.accept(offset)] == [11, *range(14, 20), 21]
    for offset in range(10, 22):
        tracker.done(offset)
    assert tracker.low_water == 22


def test_knowledge_of_offsets_not_delivered_yet_is_handed_on():
    tracker = OffsetTracker(0, [(5, 8)])
    tracker.accept(0)
    tracker.accept(1)
    tracker.done(1)
    assert tracker.finished() == [(1, 2), (5, 8)]


def test_what_is_known_to_be_done_is_recognised_behind_a_gap():
    tracker = OffsetTracker(0, [(5, 8)])
    assert tracker.accept(0)
    assert not tracker.accept(5), "1 to 4 never came"
    assert not tracker.accept(7)
    assert tracker.accept(8)
    assert tracker.finished() == [(1, 8)]


def test_the_span_reaches_from_the_committed_to_the_highest_delivered():
    tracker = OffsetTracker(100)
    tracker.accept(100)
    tracker.accept(149)
    assert tracker.span == 50
    tracker.done(100)
    assert tracker.span == 50, "a successor starts at what is committed, not at what could be"
    tracker.mark_committed(149)
    assert tracker.span == 1
    tracker.mark_committed(120)
    assert tracker.committed == 149


def test_merging_ranges():
    assert merge([(5, 7), (1, 2), (2, 3), (6, 9), (4, 4)]) == [(1, 3), (5, 9)]


class Partition(RuleBasedStateMachine):
    """A partition's log, its workers one after another, and Kafka's memory of what was committed.

    I5: no committed offset stands above an unfinished record, and none moves backwards. And what a
    predecessor finished is not begun again, if its last note and the status topic tell of it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.log: list[int] = []
        self.end = 0
        self.facts: set[int] = set()
        self.committed = 0
        self.metadata = ""
        self.begun_by_this_owner: set[int] = set()
        self.told_since: set[int] = set()

    @initialize()
    def assign_first(self) -> None:
        self.take_over()

    def take_over(self) -> None:
        note = CommitNote.decode(self.metadata, self.committed)
        known = list(note.finished) if note else []
        # The status topic is read from where the note says, which is what was told since that commit.
        known += [(offset, offset + 1) for offset in self.told_since]
        self.tracker = OffsetTracker(self.committed, known)
        self.position = self.tracker.low_water
        self.begun_by_this_owner = set()

    @rule(gap=st.integers(0, 3), count=st.integers(1, 20))
    def append(self, gap: int, count: int) -> None:
        self.end += gap
        self.log += range(self.end, self.end + count)
        self.end += count

    @rule(count=st.integers(1, 10))
    def deliver(self, count: int) -> None:
        for offset in [offset for offset in self.log if offset >= self.position][:count]:
            self.position = offset + 1
            if self.tracker.accept(offset):
                assert offset not in self.facts, "begun again after its fact was acknowledged"
                assert offset not in self.begun_by_this_owner, "begun twice by one owner"
                self.begun_by_this_owner.add(offset)

    @precondition(lambda self: self.position > self.committed)
    @rule(data=st.data())
    def deliver_again(self, data: st.DataObject) -> None:
        """After a seek back; in any order."""
        again = [offset for offset in self.log if self.committed <= offset < self.position]
        if again:
            for offset in data.draw(st.lists(st.sampled_from(again), max_size=5)):
                assert not self.tracker.accept(offset)

    @precondition(lambda self: self.begun_by_this_owner - self.facts)
    @rule(data=st.data())
    def finish(self, data: st.DataObject) -> None:
        """In any order; some twice."""
        open_ = sorted(self.begun_by_this_owner - self.facts)
        for offset in data.draw(st.lists(st.sampled_from(open_), min_size=1, max_size=8)):
            self.facts.add(offset)
            self.told_since.add(offset)
            self.tracker.done(offset)

    @precondition(lambda self: self.position >= self.end)
    @rule(markers=st.integers(1, 3))
    def pass_markers(self, markers: int) -> None:
        self.end += markers
        self.position = self.end
        self.tracker.reached(self.position)

    @rule()
    def commit(self) -> None:
        offset = self.tracker.low_water
        assert offset >= self.committed, "backwards"
        self.metadata = CommitNote(finished=tuple(self.tracker.finished())).encode(offset)
        assert self.metadata
        self.committed = offset
        self.tracker.mark_committed(offset)
        self.told_since = set()

    @rule()
    def crash_and_reassign(self) -> None:
        """Without a last commit; the runs that have no fact are begun again by the next owner."""
        self.take_over()

    @rule()
    def revoke_and_reassign(self) -> None:
        self.commit()
        self.take_over()

    @invariant()
    def nothing_unfinished_below(self) -> None:
        assert all(offset in self.facts for offset in self.log if offset < self.committed)
        assert all(offset in self.facts for offset in self.log if offset < self.tracker.low_water)

    @invariant()
    def finished_ranges_hold_only_what_is_done_or_never_comes(self) -> None:
        ranges = self.tracker.finished()
        assert ranges == merge(ranges)
        real = set(self.log)
        for begin, end in ranges:
            assert begin >= self.tracker.low_water
            assert all(offset in self.facts for offset in range(begin, end) if offset in real)


TestPartition = Partition.TestCase
