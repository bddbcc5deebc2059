"""Children: they end with us, whatever ends us, and take their own children along."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import psutil
import pytest

from jobstream.local.processes import ChildFailed, Command, Family
from tests.support.eventually import eventually

IGNORES_TERM = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
)
WITH_CHILD = (
    "import subprocess, sys, time;"
    "c = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']);"
    "print(c.pid, flush=True); time.sleep(60)"
)


def python(code: str, name: str = "child", **options: object) -> Command:
    return Command(name, [sys.executable, "-c", code], **options)  # type: ignore[arg-type]


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.fixture
async def family(tmp_path):
    made = Family(tmp_path / "children.json")
    yield made
    await made.close()


async def test_stop_asks_first(family):
    process = family.spawn(python("import time; time.sleep(60)"))
    assert await process.stop() == -signal.SIGTERM


async def test_a_child_that_ignores_the_request_is_killed(family, tmp_path):
    log = tmp_path / "log"
    process = family.spawn(python(IGNORES_TERM, log=log))
    await eventually(lambda: log.read_text() == "up\n", timeout=10)
    assert await process.stop(grace_s=0.2) == -signal.SIGKILL


async def test_the_childs_own_children_end_with_it(family, tmp_path):
    log = tmp_path / "log"
    process = family.spawn(python(WITH_CHILD, log=log))
    grandchild = int(await eventually(lambda: log.read_text().strip(), timeout=10))
    await process.stop()
    await eventually(lambda: gone(grandchild), timeout=5)


async def test_close_ends_everybody_and_the_guard(family, tmp_path):
    pids = [family.spawn(python("import time; time.sleep(60)")).pid for _ in range(3)]
    guard = family._guard.pid
    await family.close()
    assert all(gone(pid) for pid in [*pids, guard])
    assert not (tmp_path / "children.json").exists()


async def test_lines_of_a_child_without_a_log_come_with_its_name(tmp_path):
    lines = []
    family = Family(tmp_path / "children.json", lambda name, line: lines.append((name, line)))
    process = family.spawn(python("import sys; print('out'); print('err', file=sys.stderr); print('x' * 200_000)"))
    assert await process.wait(10) == 0
    await eventually(lambda: len(lines) == 3, timeout=5)
    assert set(lines) == {("child", "out"), ("child", "err"), ("child", "x" * 200_000)}
    await family.close()


async def test_run_returns_the_output(family, tmp_path):
    command = python("import sys; print(sys.stdin.read().upper())", given=b"hello", log=tmp_path / "log")
    assert await family.run(command, timeout_s=10) == "HELLO\n"


async def test_a_failed_run_tells_the_last_words(family, tmp_path):
    command = python("print('no disk'); raise SystemExit(3)", "initdb", log=tmp_path / "log")
    with pytest.raises(ChildFailed, match=r"initdb failed with code 3\nno disk"):
        await family.run(command, timeout_s=10)


async def test_a_run_that_hangs_is_ended(family, tmp_path):
    with pytest.raises(ChildFailed, match="took longer"):
        await family.run(python("import time; time.sleep(60)", log=tmp_path / "log"), timeout_s=0.2)
    assert family._members == {}


async def test_a_program_that_is_not_there(family):
    with pytest.raises(ChildFailed, match="ghost cannot be started"):
        family.spawn(Command("ghost", ["/no/such/program"]))


LATE = "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: (time.sleep(0.3), sys.exit(0))); {}"


async def test_services_end_before_what_they_stand_on(family, tmp_path):
    """The engine notes when it ends; the service, which takes its time to end, notes it too, and is first."""
    ends = tmp_path / "ends"
    note = "import atexit, pathlib; atexit.register(lambda: open({!r}, 'a').write({!r})); print('up', flush=True)"
    for name, stage in (("engine", 1), ("service", 0)):
        code = LATE.format(note.format(str(ends), f"{name} ")) + "; time.sleep(60)"
        log = tmp_path / f"{name}.log"
        family.spawn(python(code, name, stage=stage, log=log))
        await eventually(lambda log=log: log.read_text() == "up\n", timeout=10)
    await family.close()
    assert ends.read_text() == "service engine "


PARENT = textwrap.dedent(
    """
    import sys, time
    from pathlib import Path
    from jobstream.local.processes import Command, Family
    family = Family(Path(sys.argv[1]))
    pids = [family.spawn(Command(str(n), [sys.executable, "-c", code])).pid for n, code in enumerate(sys.argv[2:])]
    print(*pids, flush=True)
    time.sleep(60)
    """
)


def start_parent(register: Path, *children: str) -> tuple[subprocess.Popen[str], list[int]]:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(register), *children], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    with parent.stdout as words:
        return parent, [int(word) for word in words.readline().split()]


async def test_children_end_when_the_parent_is_killed(tmp_path):
    parent, pids = start_parent(tmp_path / "children.json", "import time; time.sleep(60)", WITH_CHILD)
    await eventually(lambda: psutil.Process(pids[1]).children(), timeout=10)
    grandchildren = [child.pid for child in psutil.Process(pids[1]).children()]
    parent.kill()
    parent.wait(10)
    await eventually(lambda: all(gone(pid) for pid in [*pids, *grandchildren]), timeout=10)


async def test_the_next_start_ends_what_parent_and_guard_left_behind(tmp_path):
    register = tmp_path / "children.json"
    parent, pids = start_parent(register, "import time; time.sleep(60)")
    for guard in psutil.Process(parent.pid).children():
        if guard.pid not in pids:
            guard.kill()
    parent.kill()
    parent.wait(10)
    assert not gone(pids[0])
    assert await asyncio.to_thread(Family(register).end_leftovers) == [f"0 ({pids[0]})"]
    await eventually(lambda: gone(pids[0]), timeout=5)
    assert not register.exists()


async def test_a_reused_process_id_is_left_alone(tmp_path):
    register = tmp_path / "children.json"
    register.write_text(json.dumps([[os.getpid(), 1.0, "somebody else"]]))
    assert await asyncio.to_thread(Family(register).end_leftovers) == []
