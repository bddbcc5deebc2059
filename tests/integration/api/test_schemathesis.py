"""Generated requests over the OpenAPI document: no 5xx, no undocumented answer."""

import asyncio
from collections.abc import Iterator

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.generation import GenerationMode

from tests.integration.api.doors import announce

pytestmark = [pytest.mark.integration, pytest.mark.slow]

EXAMPLES = 40
# What the document allows may still name a type that nobody announced.
UNCHECKED = {"positive_data_acceptance"}


@pytest.fixture
async def target(space) -> tuple[str, dict[str, str]]:
    """Where an api listens, and what there is of each kind, by the name of its path parameter."""
    await announce(space, "example")
    api = await space.start_api(
        JOBSTREAM_API_ROLES="http", JOBSTREAM_WAIT_MAX_S="0.1", JOBSTREAM_UNKNOWN_TYPES="accept"
    )
    async with space.http(api) as client:
        jobs = [await client.post("/jobs", json={"payload": {"task": "example", "n": n}}) for n in range(3)]
        schedule = {"name": "probed", "cron": "@daily", "job": {"payload": {"task": "example"}}}
        made = await client.post("/schedules", json=schedule)
        limit = {"kind": "rate", "limit": 5, "key": "$.n", "types": ["example"]}
        await client.put("/limits/probed", json=limit)
    ids = {"job_id": jobs[0].json()["id"], "schedule": made.json()["id"]}
    return api.url, ids | {"limit": "probed", "queue": "low", "type": "example"}


def _operations(schema) -> Iterator:
    for result in schema.get_all_operations():
        yield result.ok()


def _probe(operation, mode: GenerationMode, session: requests.Session, ids: dict[str, str]) -> set[int]:
    load_all_checks()
    checks = [CHECKS.get_one(name) for name in CHECKS.get_all_names() if name not in UNCHECKED]
    count = 0
    seen: set[int] = set()

    @seed(20261001)
    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def probe(case) -> None:
        nonlocal count
        count += 1
        if mode is GenerationMode.POSITIVE and case.method != "DELETE" and count % 2:
            for name in ids.keys() & (case.path_parameters or {}).keys():
                case.path_parameters[name] = ids[name]  # a made-up one is never there
        answer = case.call_and_validate(session=session, checks=checks, timeout=20)
        seen.add(answer.status_code)

    probe()
    return seen


async def test_no_5xx_and_no_undocumented_answer(target):
    url, ids = target

    def run() -> dict[str, set[int]]:
        seen: dict[str, set[int]] = {}
        with requests.Session() as session:
            schema = schemathesis.openapi.from_url(f"{url}/openapi.json")
            for operation in _operations(schema):
                for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                    try:
                        answers = _probe(operation, mode, session, ids)
                    except Unsatisfiable:
                        continue  # nothing can be wrong about an operation without parameters
                    seen.setdefault(operation.label, set()).update(answers)
        return seen

    seen = await asyncio.to_thread(run)
    assert len(seen) >= 10
    assert {201, 422} <= seen["POST /jobs"]
    assert {201, 422} <= seen["POST /jobs/batch"]
    assert {200, 404, 422} <= seen["GET /jobs/{job_id}"]
    assert {404, 409, 422} <= seen["POST /jobs/{job_id}/retry"]
    assert {200, 404, 422} <= seen["POST /jobs/{job_id}/cancel"]
    assert {200, 422} <= seen["POST /jobs/cancel"]
    assert {404, 409, 422} <= seen["PATCH /jobs/{job_id}"]
    assert {200, 422} <= seen["GET /jobs"]
    assert {200, 404, 422} <= seen["GET /schedules/{schedule}"]
    assert {201, 404, 422} <= seen["POST /schedules/{schedule}/trigger"]
    assert {200, 422} <= seen["PUT /limits/{limit}"]
    assert {200, 404, 422} <= seen["PATCH /queues/{queue}"]
    assert {200, 404, 422} <= seen["PATCH /job-types/{type}"]
