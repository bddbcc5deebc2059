"""Failpoints: named lines at which a process can be made to die, for the tests that kill it there.

``JOBSTREAM_FAILPOINT=worker.before_commit`` ends the process by SIGKILL when it first comes to that
line, ``worker.before_commit:3`` at the third time. Unset, a failpoint is an empty function.
"""

import os
import signal
from collections.abc import Callable

VARIABLE = "JOBSTREAM_FAILPOINT"


def arm(setting: str | None, die: Callable[[], None]) -> Callable[[str], None]:
    """The failpoint function for a setting.

    Args:
        setting: ``name`` or ``name:N``; None or empty arms nothing.
        die: ends the process.

    Raises:
        ValueError: N is no whole number above zero.
    """
    if not setting:
        return _ignore
    name, _, nth = setting.partition(":")
    left = int(nth) if nth else 1
    if left < 1:
        raise ValueError(f"{VARIABLE}={setting}: the count after the colon starts at 1")

    def hit(here: str) -> None:
        nonlocal left
        if here == name:
            left -= 1
            if left == 0:
                die()

    return hit


def _ignore(name: str) -> None:
    pass


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


failpoint = arm(os.environ.get(VARIABLE), _die)
