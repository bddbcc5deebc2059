"""The record that is written by hand is the one that the contract describes."""

from datetime import UTC, datetime

import orjson
import pytest

from jobstream.contracts.jobs import Job
from jobstream.ids import new_id
from jobstream_api.repositories.submits import Draft, Record, beginning
from jobstream_api.services.drafts import NewJob

AT = datetime(2026, 10, 1, 9, 30, 0, 123456, tzinfo=UTC)


@pytest.mark.parametrize(
    "document",
    [
        {"payload": {"task": "example", "value": 42}},
        {
            "payload": {"deep": [1, {"é": None}], "text": '\u2028 \\ "'},
            "type": "example",
            "key": "customer-7 é",
            "max_retries": 0,
            "timeout_s": 1.5,
            "run_at": "2026-10-01T09:30:00+02:00",
            "tags": ["a", "b"],
            "queue": "high",
        },
        {"payload": {"task": "example"}, "start_within_s": 90.5},
    ],
)
def test_a_record_reads_as_the_job_that_was_asked_for(document):
    fields = NewJob.read(document)
    draft = Draft(new_id(), "example", fields.queue, fields, fields.checked_payload())
    row = Record.of(new_id(), draft, "jobs.created").outbox_row(AT, beginning(AT))
    expected = Job(
        id=draft.id,
        type="example",
        queue=fields.queue,
        key=fields.key,
        payload=fields.payload,
        max_retries=fields.max_retries,
        timeout_s=fields.timeout_s,
        run_at=fields.run_at,
        tags=fields.tags,
        created_at=AT,
        start_before=fields.start_before(AT),
    )
    assert Job.read(orjson.loads(row.value)) == expected
    assert orjson.loads(row.value) == orjson.loads(expected.to_json())
    assert row.key == (document.get("key") or str(draft.id)).encode()
    assert (row.job_id, row.headers, row.created_at) == (draft.id, None, AT)
