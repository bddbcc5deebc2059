"""Marks of the job topics: which were passed, and when they are renewed."""

from datetime import UTC, datetime, timedelta

from jobstream_api.services.marks import Marks

FIRST = datetime(2026, 6, 1, 12, tzinfo=UTC)
LATER = FIRST + timedelta(minutes=1)
A0, A1, B0 = ("a", 0), ("a", 1), ("b", 0)


def at(**offsets: int) -> dict:
    """Committed offsets: ``a_0=5`` is partition 0 of the topic a."""
    return {(name[0], int(name[2:])): (offset, "a note") for name, offset in offsets.items()}


def marked(ends: dict, unsent: dict | None = None) -> Marks:
    marks = Marks()
    marks.renew(ends, FIRST, unsent or {}, ())
    return marks


def test_nothing_is_passed_before_there_is_a_mark():
    assert Marks().passed(at(a_0=5), {A0: 5}) == {}


def test_a_topic_is_passed_once_all_its_partitions_are():
    ends = {A0: 5, A1: 3}
    marks = marked(ends)
    assert marks.passed({}, ends) == {}
    assert marks.passed(at(a_0=5, a_1=2), ends) == {}
    assert marks.passed(at(a_0=5, a_1=3), ends) == {"a": FIRST}
    assert marks.passed(at(a_0=7, a_1=3), {A0: 9, A1: 3}) == {"a": FIRST}


def test_a_partition_that_never_had_a_record_owes_none():
    ends = {A0: 5, A1: 0, B0: 0}
    assert marked(ends).passed(at(a_0=5), ends) == {"a": FIRST, "b": FIRST}


def test_a_topic_that_is_not_read_holds_up_no_other_and_keeps_its_mark():
    ends = {A0: 5, B0: 1}
    marks = marked(ends)
    assert marks.passed(at(a_0=5), ends) == {"a": FIRST}
    marks.renew({A0: 8, B0: 4}, LATER, {}, {"a"})
    assert marks.passed(at(a_0=8, b_0=1), {A0: 8, B0: 4}) == {"a": LATER, "b": FIRST}


def test_a_passed_mark_that_was_not_made_use_of_stays():
    marks = marked({A0: 5})
    marks.renew({A0: 8}, LATER, {}, ())
    assert marks.passed(at(a_0=5), {A0: 8}) == {"a": FIRST}


def test_what_is_unsent_holds_back_its_own_topic():
    early = FIRST - timedelta(hours=1)
    ends = {A0: 5, B0: 1}
    marks = marked(ends, {"a": early, "b": LATER, "c": early})
    assert marks.passed(at(a_0=5, b_0=1), ends) == {"a": early, "b": FIRST}


def test_partitions_that_are_added_belong_to_the_next_mark():
    marks = marked({A0: 5})
    grown = {A0: 5, A1: 2}
    assert marks.passed(at(a_0=5), grown) == {"a": FIRST}
    marks.renew(grown, LATER, {}, {"a"})
    assert marks.passed(at(a_0=5), grown) == {}
    assert marks.passed(at(a_0=5, a_1=2), grown) == {"a": LATER}


def test_a_topic_that_was_made_anew_is_marked_anew():
    marks = marked({A0: 5, B0: 5})
    anew = {A0: 1, B0: 5}
    assert marks.passed(at(a_0=5), anew) == {}, "offsets that outlived their topic"
    marks.renew(anew, LATER, {}, ())
    assert marks.passed(at(a_0=1), anew) == {"a": LATER}


def test_a_topic_that_kafka_does_not_show_is_not_judged():
    marks = marked({A0: 0, B0: 5})
    assert marks.passed(at(b_0=5), {B0: 5}) == {"b": FIRST}
    marks.renew({B0: 5}, LATER, {}, {"b"})
    assert marks.passed({}, {A0: 0, B0: 5}) == {}
    marks.renew({A0: 0, B0: 5}, LATER, {}, ())
    assert marks.passed({}, {A0: 0, B0: 5}) == {"a": LATER}


def test_all_is_forgotten():
    marks = marked({A0: 5})
    marks.forget()
    assert marks.passed(at(a_0=5), {A0: 5}) == {}
