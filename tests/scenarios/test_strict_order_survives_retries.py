"""Strict order: with a type that asks for it, the next job of a key begins when the earlier one is over."""

import asyncio
import random

import pytest

from tests.support.eventually import eventually
from tests.support.flow import submit
from tests.support.space import STRICT, Space

pytestmark = pytest.mark.integration

KEYS = "abcd"


def job(key: str, n: int, **payload: object) -> dict:
    return {"type": "ordered", "key": key, "payload": {"n": n, **payload}}


def check_order(space: Space, jobs: int) -> None:
    """Of each key: every run of a job lies behind the end of the jobs before it."""
    for key in KEYS:
        runs = [run for run in space.runs() if run.get("key") == key]
        numbers = [run["n"] for run in runs]
        assert numbers == sorted(numbers), f"{key}: {numbers}"
        ended = [run["n"] for run in runs if run["what"] == "end"]
        assert ended == list(range(jobs)), f"{key}: {ended}"


async def test_a_job_waits_for_the_retries_of_the_one_before_it_and_no_other_key_does(space: Space):
    api, _ = await space.start_all(workers=3, JOBSTREAM_HANDLERS=STRICT)
    async with space.http(api) as client:
        jobs = [job(key, n) for n in range(12) for key in KEYS]
        # Its retries may come at once, so its runs take time: longer than a turn of the dispatcher.
        jobs[0]["payload"] |= {"failures": 2, "seconds": 0.5}
        await submit(client, jobs)
        await space.until_all("COMPLETED", len(jobs))
    check_order(space, 12)
    second = {key: min(run["at"] for run in space.runs() if run.get("key") == key and run["n"] == 1) for key in KEYS}
    assert max(second[key] for key in "bcd") < second["a"], "the others went on meanwhile"


async def test_order_survives_rebalances_and_killed_workers_through_both_doors(space: Space):
    api, workers = await space.start_all(workers=2, JOBSTREAM_HANDLERS=STRICT)
    rng = random.Random(5)
    async with space.http(api) as client:
        await submit(
            client, [job(key, n, seconds=0.1, failures=rng.choice((0, 0, 0, 1))) for n in range(10) for key in KEYS]
        )
        await eventually(lambda: len(space.runs()) > 15, what="some have begun")
        await workers[0].kill()
        await space.start_worker(JOBSTREAM_HANDLERS=STRICT)
        # Written by any program: their gate holds them as well.
        for key in KEYS:
            await space.produce([job(key, n) for n in range(10, 14)], key=key.encode())
        await space.until_all("COMPLETED", 14 * len(KEYS), timeout=90)
    for key in KEYS:
        seen: list[int] = []
        for run in space.runs():
            if run.get("key") == key and (not seen or seen[-1] != run["n"]):
                seen.append(run["n"])
        assert seen == list(range(14)), f"{key}: {seen}"


async def test_a_poisoned_key_holds_up_no_other(space: Space):
    api, _ = await space.start_all(JOBSTREAM_HANDLERS=STRICT)
    async with space.http(api) as client:
        await submit(client, [job("a", 0, failures=9), job("a", 1), job("b", 0), job("b", 1)])

        async def waits_for_it() -> bool:
            jobs = (await client.get("/jobs", params={"key": "a"})).json()["items"]
            second = next(entry for entry in jobs if entry["payload"]["n"] == 1)
            reason = (await client.get(f"/jobs/{second['id']}")).json()["waiting_for"]
            first = next(entry for entry in jobs if entry["payload"]["n"] == 0)
            return bool(reason) and reason["reason"] == "order" and reason["job_id"] == first["id"]

        await asyncio.gather(
            eventually(waits_for_it, what="the second tells what it waits for"),
            eventually(
                lambda: [run["n"] for run in space.runs() if run.get("key") == "b" and run["what"] == "end"] == [0, 1],
                what="the other key is done",
            ),
        )
        await eventually(
            lambda: any(run["n"] == 1 and run["what"] == "end" for run in space.runs() if run.get("key") == "a"),
            what="once the poisoned one has failed, its key goes on",
        )
