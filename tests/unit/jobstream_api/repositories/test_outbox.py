"""Outbox rows as the records that they become."""

from datetime import UTC, datetime

from jobstream.contracts.headers import header
from jobstream.kafka.batches import Outgoing
from jobstream_api.infrastructure.ids import new_id
from jobstream_api.repositories.outbox import OutboxRow

AT = datetime(2026, 12, 24, 18, tzinfo=UTC)


def test_a_job_record_says_whose_it_is_and_a_repeat_says_the_same():
    row = OutboxRow(new_id(), new_id(), "jobs.created", b"k", None, b"{}", AT)
    sent = row.outgoing()
    assert sent == row.outgoing()
    assert all(type(value) is bytes for _, value in sent.headers)
    told = dict(sent.headers)
    assert told["ce_id"] == str(row.id).encode()
    assert told["ce_subject"] == str(row.job_id).encode()
    assert told["ce_type"] == b"job.created.v1"
    assert told["ce_time"] == b"2026-12-24T18:00:00+00:00"
    assert header(sent.headers, "jobstream_origin") == b"api"


def test_only_a_jobs_own_id_as_key_may_go_to_any_partition():
    job_id = new_id()
    own = OutboxRow(new_id(), job_id, "jobs.created", str(job_id).encode(), None, b"{}", AT)
    assert own.outgoing().spread
    assert not own._replace(key=b"customer-7").outgoing().spread
    assert own._replace(job_id=None, headers=[("n", b"1")]).outgoing() == Outgoing(own.key, b"{}", [("n", b"1")])
