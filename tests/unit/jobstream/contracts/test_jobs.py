"""Reading jobs from records: ids, defaults, times."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobstream.contracts.headers import ORIGIN_HEADER
from jobstream.contracts.jobs import Job, JobFields, read_job
from jobstream.contracts.topics import Topics
from jobstream.errors import InvalidInput
from jobstream.ids import idempotent_id, record_id

TOPICS = Topics("t.")
NOW_MS = 1_790_000_000_000
DAY_MS = 86_400_000


def record(body: object, *, offset: int = 0, headers: tuple = (), topic: str = "t.jobs.created", ts: int = NOW_MS):
    return SimpleNamespace(
        topic=topic,
        partition=2,
        offset=offset,
        timestamp=ts,
        key=None,
        value=orjson.dumps(body),
        headers=headers,
    )


def read(record, now_ms: int = NOW_MS) -> Job:
    """The job in a record, at that time."""
    return read_job(record, TOPICS, now_ms)


def at(ms: int) -> datetime:
    """A time of so many milliseconds."""
    return datetime.fromtimestamp(ms / 1000, UTC)


def test_the_type_is_named_by_type_else_by_the_task():
    assert read(record({"payload": {"task": "a"}})).type == "a"
    assert read(record({"type": "b", "payload": {"task": "a"}})).type == "b"


def test_a_record_without_an_id_has_the_same_id_on_every_reading_and_another_at_every_place():
    first = read(record({"payload": {"task": "a"}}, offset=1))
    assert first.id == read(record({"payload": {"task": "a"}}, offset=1)).id
    assert first.id != read(record({"payload": {"task": "a"}}, offset=2)).id
    assert first.id.version == 7
    assert (first.id.version, first.id.int >> 80) == (7, NOW_MS)


def test_one_idempotency_key_is_one_job_wherever_it_lands():
    body = {"payload": {"task": "a"}, "idempotency_key": "k"}
    assert read(record(body, offset=1)).id == read(record(body, offset=9)).id


def test_the_queue_is_that_of_the_topic():
    assert read(record({"payload": {"task": "a"}})).queue == "default"
    assert read(record({"payload": {"task": "a"}}, topic="t.jobs.created.high")).queue == "high"


def test_a_record_of_the_api_is_not_direct_and_reads_back_whole():
    direct = read(record({"payload": {"task": "a"}, "key": "k", "tags": ["x"], "timeout_s": 3}))
    again = read(record(direct.to_dict(), headers=((ORIGIN_HEADER, b"api"),)))
    assert again == direct


@pytest.mark.parametrize("timestamp", [-1, 0, NOW_MS // 1000, NOW_MS + DAY_MS, -(2**62)])
def test_absurd_record_times_are_survived(timestamp):
    assert read(record({"payload": {"task": "a"}}, ts=timestamp)).id.version == 7


def test_due_is_none_for_now_and_the_past():
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert JobFields.read({"payload": {}}).due(now) is None
    assert JobFields.read({"payload": {}, "run_at": "2025-01-01T00:00:00Z"}).due(now) is None
    assert JobFields.read({"payload": {}, "delay_s": 60}).due(now) == now + timedelta(minutes=1)
    assert JobFields.read({"payload": {}, "run_at": "2026-01-02T01:00:00+01:00"}).due(now) == now + timedelta(days=1)


def test_run_at_and_delay_together_are_refused():
    fields = JobFields.read({"payload": {}, "run_at": "2026-01-01T00:00:00Z", "delay_s": 1})
    with pytest.raises(InvalidInput):
        fields.due(datetime(2026, 1, 1, tzinfo=UTC))


@given(st.text(max_size=20), st.integers(0, 1000), st.integers(0, 2**62), st.integers(-(2**63), 2**63))
def test_derived_ids_are_valid_uuids(topic, partition, offset, timestamp):
    for made in (record_id(topic, partition, offset, timestamp), idempotent_id(topic, str(offset))):
        assert made.variant == "specified in RFC 4122"
        assert UUID(str(made)) == made


@pytest.mark.parametrize(("times", "due_s"), [({}, 0), ({"delay_s": 60}, 60), ({"run_at": "2000-01-01T00:00:00Z"}, 0)])
def test_how_long_it_may_wait_for_its_start_counts_from_when_it_is_due(times, due_s):
    job = read(record({"payload": {"task": "a"}, "start_within_s": 90, **times}))
    assert job.start_before == job.created_at + timedelta(seconds=due_s + 90)
    assert read(record({"payload": {"task": "a"}, **times})).start_before is None


@pytest.mark.parametrize("seconds", [0, -1, 366 * 86400 + 1, "90", True])
def test_a_wait_for_the_start_that_is_none(seconds):
    with pytest.raises(InvalidInput) as refused:
        read(record({"payload": {"task": "a"}, "start_within_s": seconds}))
    assert refused.value.field == "/start_within_s"


@pytest.mark.parametrize("ts", [-1, -(2**63), -62_135_596_800_001])
def test_a_timestamp_before_the_calendar_breaks_nothing(ts):
    job = read(record({"payload": {"task": "a"}, "start_within_s": 366 * 86400}, ts=ts))
    assert job.created_at.year < 1971


@pytest.mark.parametrize(
    "ts", [NOW_MS + DAY_MS + 1, NOW_MS * 1000, 150_000_000_000_000, 253_402_300_799_000, 2**63 - 1]
)
@pytest.mark.parametrize("times", [{}, {"delay_s": 1}, {"run_at": "2026-12-24T18:00:00Z"}])
def test_a_timestamp_in_the_future_is_refused_with_the_fix(ts, times):
    with pytest.raises(InvalidInput, match="the record's timestamp is in the future") as refused:
        read(record({"payload": {"task": "a"}, **times}, ts=ts))
    assert (refused.value.code, refused.value.field) == ("future_timestamp", "")
    assert str(ts) in refused.value.detail
    assert "milliseconds since 1970" in refused.value.detail


@pytest.mark.parametrize("ts", [-1, 0, NOW_MS // 1000, NOW_MS - 30 * DAY_MS, NOW_MS, NOW_MS + DAY_MS])
def test_a_year_ahead_is_a_year_ahead_of_now_whatever_the_record_is_stamped(ts):
    def due(days: int) -> datetime | None:
        run_at = at(NOW_MS + days * DAY_MS)
        return read(record({"payload": {"task": "a"}, "run_at": run_at.isoformat()}, ts=ts)).run_at

    assert due(21) == at(NOW_MS + 21 * DAY_MS)
    assert due(366) == at(NOW_MS + 366 * DAY_MS)
    with pytest.raises(InvalidInput, match="more than a year ahead"):
        due(368)


@given(
    st.integers(-DAY_MS // 2, DAY_MS // 2),
    st.integers(-DAY_MS // 2, DAY_MS // 2),
    st.integers(-(10**6), 10**6) | st.integers(-(10**12), 10**12),
)
def test_readers_decide_the_same_whenever_they_read_and_however_their_clocks_differ(one, other, from_a_year_ms):
    """Half a day apart from the record, each; about where a run_at becomes too far ahead."""
    run_at = at(NOW_MS + 366 * DAY_MS + from_a_year_ms)
    arrived = record({"payload": {"task": "a"}, "run_at": run_at.isoformat()})

    def verdict(now_ms: int) -> Job | str:
        try:
            return read(arrived, now_ms)
        except InvalidInput as refusal:
            return refusal.code

    assert verdict(NOW_MS + one) == verdict(NOW_MS + other)


def test_a_record_with_a_member_of_unique_that_there_is_not_is_no_job():
    with pytest.raises(InvalidInput) as caught:
        read(record({"payload": {"task": "a"}, "unique": {"by": ["type"], "windows_s": 60}}))
    assert (caught.value.code, caught.value.field) == ("unknown_field", "/unique/windows_s")
