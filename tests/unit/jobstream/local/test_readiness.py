"""Gates open, give up in time, and notice that what they wait for has died."""

import sys

import pytest

from jobstream.local.processes import ChildFailed, Command, Family
from jobstream.local.readiness import NotReady, until


async def test_a_gate_opens_when_the_check_is_true():
    looks = iter([False, False, True])

    async def check() -> bool:
        return next(looks)

    await until(check, "it is so", timeout_s=5, pause_s=0.001)


async def test_a_gate_that_stays_shut_says_what_it_waited_for():
    async def never() -> bool:
        return False

    with pytest.raises(NotReady, match="the moon is full: not so after 0 s"):
        await until(never, "the moon is full", timeout_s=0.05, pause_s=0.01)


async def test_a_dead_process_ends_the_waiting_with_its_last_words(tmp_path):
    family = Family(tmp_path / "children.json")
    code = "print('port taken'); raise SystemExit(1)"
    process = family.spawn(Command("api", [sys.executable, "-c", code], log=tmp_path / "log"))

    async def never() -> bool:
        return False

    with pytest.raises(ChildFailed, match=r"api ended with code 1 before it was ready\nport taken"):
        await until(never, "the api is ready", timeout_s=30, process=process)
    await family.close()
