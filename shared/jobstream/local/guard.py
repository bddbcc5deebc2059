"""The last one to leave: ends the children when their parent is gone.

A script of its own, run with nothing but the standard library. Its standard input is a pipe from the
parent, with lines ``+ PID SIGNAL GRACE STAGE`` and ``- PID``. When the pipe ends, because the parent
ended or was killed with -9, every child still listed gets its signal, and after its grace, in
seconds, is killed: the lowest stage first, the next when that has ended. Each child leads a process
group of its own, so its children end with it.
"""

import os
import signal
import sys
import time
from typing import NamedTuple


class Child(NamedTuple):
    """How one child is to be ended."""

    signal: int
    grace_s: float
    stage: int


def alive(group: int) -> bool:
    """True while any process of the group is left."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def send(group: int, number: int) -> None:
    """Signal the group, if it is still there."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        pass


def follow() -> dict[int, Child]:
    """Read the pipe to its end; what is left on the list."""
    children: dict[int, Child] = {}
    for line in sys.stdin:
        match line.split():
            case ["+", pid, number, grace, stage]:
                children[int(pid)] = Child(int(number), float(grace), int(stage))
            case ["-", pid]:
                children.pop(int(pid), None)
    return children


def end(children: dict[int, Child]) -> None:
    """End all, stage by stage."""
    for stage in sorted({child.stage for child in children.values()}):
        end_together({pid: child for pid, child in children.items() if child.stage == stage})


def end_together(children: dict[int, Child]) -> None:
    """Signal all, wait, kill what stays."""
    for pid, child in children.items():
        send(pid, child.signal)
    began = time.monotonic()
    left = {pid: began + child.grace_s for pid, child in children.items()}
    while left:
        now = time.monotonic()
        for pid, until in list(left.items()):
            if not alive(pid):
                del left[pid]
            elif now > until:
                send(pid, signal.SIGKILL)
                if now > until + 5:  # it cannot be killed, so it cannot be waited for
                    del left[pid]
        time.sleep(0.05)


if __name__ == "__main__":
    # The terminal's Ctrl-C and hang-up are for the parent, which then closes the pipe.
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    end(follow())
