"""Jobs as clients return them."""

import pytest

from jobstream import Client, KafkaClient, SyncClient
from jobstream.client import BatchItem, JobSnapshot

JOB = {
    "id": "01985e0c-6a80-7c3e-9d2b-4f1a5b6c7d8e",
    "type": "example",
    "queue": "default",
    "status": "PENDING",
    "attempt": 1,
    "retries": 0,
    "max_retries": 3,
    "payload": {"value": 42},
    "created_at": "2026-10-01T09:30:00Z",
}


@pytest.mark.parametrize(("status", "done"), [("PENDING", False), ("RETRYING", False), ("FAILED", True)])
def test_done_means_that_it_ended(status, done):
    assert JobSnapshot.model_validate(JOB | {"status": status}).done is done


def test_fields_of_a_newer_api_are_kept():
    assert JobSnapshot.model_validate(JOB | {"priority": 7}).model_dump()["priority"] == 7


def test_a_verdict_is_a_job_or_a_problem():
    assert BatchItem.model_validate({"status": 201, "job": JOB}).taken
    assert not BatchItem.model_validate({"status": 422, "error": {"code": "unknown_type"}}).taken


def test_the_clients_are_the_librarys_own_names():
    assert {Client.__name__, SyncClient.__name__, KafkaClient.__name__} == {"Client", "SyncClient", "KafkaClient"}
