"""Cancelling and moving jobs up to the store: what is refused, and where it says so."""

from datetime import UTC, datetime, timedelta

import pytest

JOB = "/jobs/01985e0c-6a80-7c3e-9d2b-4f1a5b6c7d8e"


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({}, "missing_field", ""),
        ({"limit": 5, "dry_run": True, "reason": "x"}, "missing_field", ""),
        ({"status": []}, "invalid_field", "/status"),
        ({"status": "PENDING"}, "invalid_field", "/status"),
        ({"status": ["WAITING"]}, "invalid_field", "/status/0"),
        ({"status": ["PENDING", "COMPLETED"]}, "invalid_field", "/status/1"),
        ({"type": "Not A Name"}, "invalid_field", "/type"),
        ({"typ": "example"}, "unknown_field", "/typ"),
        ({"key": ""}, "invalid_field", "/key"),
        ({"tag": "x" * 101}, "invalid_field", "/tag"),
        ({"created_after": "yesterday"}, "invalid_field", "/created_after"),
        ({"tag": "a", "limit": 0}, "invalid_field", "/limit"),
        ({"tag": "a", "limit": 100_001}, "invalid_field", "/limit"),
        ({"tag": "a", "dry_run": "yes"}, "invalid_field", "/dry_run"),
        ({"tag": "a", "reason": "x" * 501}, "invalid_field", "/reason"),
        ([], "not_an_object", ""),
    ],
)
async def test_a_filter_that_is_wrong_cancels_nothing(offline, body, code, field):
    client, _ = offline
    answer = await client.post("/jobs/cancel", json=body)
    assert answer.status_code == 422, answer.text
    assert (answer.json()["code"], answer.json()["field"]) == (code, field)


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"why": "x"}, "unknown_field", "/why"),
        ({"reason": ""}, "invalid_field", "/reason"),
        ({"reason": 7}, "invalid_field", "/reason"),
        ([], "not_an_object", ""),
    ],
)
async def test_a_reason_that_is_wrong(offline, body, code, field):
    client, _ = offline
    answer = await client.post(f"{JOB}/cancel", json=body)
    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (422, code, field)


def _ahead(**span: float) -> str:
    return (datetime.now(UTC) + timedelta(**span)).isoformat()


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({}, "missing_field", ""),
        ({"run_at": "soon"}, "invalid_field", "/run_at"),
        ({"run_at": "2026-12-24T18:00:00"}, "invalid_field", "/run_at"),
        ({"run_at": _ahead(days=400)}, "invalid_field", "/run_at"),
        ({"run_at": "9999-12-31T23:59:59Z"}, "invalid_field", "/run_at"),
        ({"run_at": None, "delay_s": 5}, "invalid_field", "/delay_s"),
        ({"delay_s": -1}, "invalid_field", "/delay_s"),
        ({"delay_s": None}, "invalid_field", "/delay_s"),
        ({"delay_s": 367 * 86400}, "invalid_field", "/delay_s"),
        ({"priority": 10}, "invalid_field", "/priority"),
        ({"priority": 1.5}, "invalid_field", "/priority"),
        ({"dispatch_at": None}, "unknown_field", "/dispatch_at"),
        ([], "not_an_object", ""),
    ],
)
async def test_a_time_that_is_wrong(offline, body, code, field):
    client, _ = offline
    answer = await client.patch(JOB, json=body)
    assert answer.status_code == 422, answer.text
    assert (answer.json()["code"], answer.json()["field"]) == (code, field)


async def test_methods_are_told(offline):
    client, _ = offline
    assert (await client.put(JOB, json={})).headers["allow"] == "GET, PATCH"
    assert (await client.delete("/jobs/cancel")).status_code in (405, 422)
