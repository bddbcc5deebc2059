"""Notes in commit metadata: read back as written, small enough for Kafka, and garbage is no note."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobstream.kafka.commit_note import MAX_METADATA, CommitNote

OFFSETS = st.integers(0, 2**62)


@st.composite
def notes(draw):
    committed = draw(OFFSETS)
    finished, at = [], committed
    for gap, length in draw(st.lists(st.tuples(st.integers(1, 300), st.integers(1, 300)), max_size=100)):
        finished.append((at + gap, at + gap + length))
        at += gap + length
    status_from = tuple(draw(st.lists(OFFSETS, max_size=40)))
    return committed, CommitNote(status_from, tuple(finished), draw(st.booleans()))


@given(notes())
def test_a_note_is_read_as_it_was_written(made):
    committed, note = made
    metadata = note.encode(committed)
    assert metadata.isascii()
    assert CommitNote.decode(metadata, committed) == note


@given(st.text(max_size=300) | st.text("1ABCDEFabcdef0123456789-_", max_size=300).map("1".__add__))
def test_garbage_is_no_note(text):
    assert CommitNote.decode(text, 0) is None


@given(notes(), st.data())
def test_a_damaged_note_is_no_note(made, data):
    committed, note = made
    metadata = note.encode(committed)
    place = data.draw(st.integers(0, len(metadata) - 1))
    other = data.draw(st.sampled_from("ABCxyz019-_").filter(lambda letter: letter != metadata[place]))
    damaged = metadata[:place] + other + metadata[place + 1 :]
    # The last letter may differ in bits that base64 does not use.
    assert CommitNote.decode(damaged, committed) in (None, note)
    assert CommitNote.decode(metadata[:place], committed) is None


@pytest.mark.parametrize("partitions", [12, 200, 1000])
def test_with_many_partitions_offsets_are_rounded_down_until_it_fits(partitions):
    offsets = tuple(10**12 + 7919 * n for n in range(partitions))
    finished = tuple((n, n + 1) for n in range(101, 1101, 2))
    metadata = CommitNote(offsets, finished).encode(100)
    assert 0 < len(metadata) <= MAX_METADATA
    read = CommitNote.decode(metadata, 100)
    assert read.finished == finished, "what is finished is never rounded"
    assert all(mine <= theirs for mine, theirs in zip(read.status_from, offsets, strict=True))
    if partitions == 12:
        assert read.status_from == offsets


def test_more_ranges_than_metadata_can_hold_make_no_note_rather_than_a_wrong_one():
    assert CommitNote((), tuple((n, n + 1) for n in range(1, 10_000, 2))).encode(0) == ""


def test_a_note_of_a_later_version_is_no_note():
    metadata = CommitNote((1,)).encode(0)
    assert CommitNote.decode("2" + metadata[1:], 0) is None
    assert CommitNote.decode("1" + base64.urlsafe_b64encode(b"\x00" * 40).decode(), 0) is None
