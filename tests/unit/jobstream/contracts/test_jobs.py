"""Reading jobs from records: ids, defaults, times."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobstream.contracts.headers import ORIGIN_HEADER
from jobstream.contracts.jobs import JobFields, read_job
from jobstream.contracts.topics import Topics
from jobstream.errors import InvalidInput
from jobstream.ids import idempotent_id, record_id

TOPICS = Topics("t.")
NOW_MS = 1_790_000_000_000


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


def test_the_type_is_named_by_type_else_by_the_task():
    assert read_job(record({"payload": {"task": "a"}}), TOPICS).type == "a"
    assert read_job(record({"type": "b", "payload": {"task": "a"}}), TOPICS).type == "b"


def test_a_record_without_an_id_has_the_same_id_on_every_reading_and_another_at_every_place():
    first = read_job(record({"payload": {"task": "a"}}, offset=1), TOPICS)
    assert first.id == read_job(record({"payload": {"task": "a"}}, offset=1), TOPICS).id
    assert first.id != read_job(record({"payload": {"task": "a"}}, offset=2), TOPICS).id
    assert first.id.version == 7
    assert (first.id.version, first.id.int >> 80) == (7, NOW_MS)


def test_one_idempotency_key_is_one_job_wherever_it_lands():
    body = {"payload": {"task": "a"}, "idempotency_key": "k"}
    assert read_job(record(body, offset=1), TOPICS).id == read_job(record(body, offset=9), TOPICS).id


def test_the_queue_is_that_of_the_topic():
    assert read_job(record({"payload": {"task": "a"}}), TOPICS).queue == "default"
    assert read_job(record({"payload": {"task": "a"}}, topic="t.jobs.created.high"), TOPICS).queue == "high"


def test_a_record_of_the_api_is_not_direct_and_reads_back_whole():
    direct = read_job(record({"payload": {"task": "a"}, "key": "k", "tags": ["x"], "timeout_s": 3}), TOPICS)
    again = read_job(record(direct.to_dict(), headers=((ORIGIN_HEADER, b"api"),)), TOPICS)
    assert again == direct


@pytest.mark.parametrize("timestamp", [-1, 0, 2**62, -(2**62)])
def test_absurd_record_times_are_survived(timestamp):
    assert read_job(record({"payload": {"task": "a"}}, ts=timestamp), TOPICS).id.version == 7


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
    job = read_job(record({"payload": {"task": "a"}, "start_within_s": 90, **times}), TOPICS)
    assert job.start_before == job.created_at + timedelta(seconds=due_s + 90)
    assert read_job(record({"payload": {"task": "a"}, **times}), TOPICS).start_before is None


@pytest.mark.parametrize("seconds", [0, -1, 366 * 86400 + 1, "90", True])
def test_a_wait_for_the_start_that_is_none(seconds):
    with pytest.raises(InvalidInput) as refused:
        read_job(record({"payload": {"task": "a"}, "start_within_s": seconds}), TOPICS)
    assert refused.value.field == "/start_within_s"


@pytest.mark.parametrize("ts", [-1, 2**63 - 1, 253_402_300_799_000])
def test_a_timestamp_beyond_the_calendar_breaks_nothing(ts):
    job = read_job(record({"payload": {"task": "a"}, "start_within_s": 366 * 86400}, ts=ts), TOPICS)
    assert job.created_at.year < 1971
