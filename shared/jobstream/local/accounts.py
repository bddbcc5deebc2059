"""Running a program as somebody who is not root.

PostgreSQL refuses to run as root, and on servers, in containers and in CI people often are root.
"""

import os
import pwd
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_CANDIDATES = ("postgres", "nobody")


@dataclass(frozen=True, slots=True)
class Account:
    """An unprivileged account of this machine."""

    name: str
    uid: int
    gid: int


def unprivileged(owned: Path) -> Account | None:
    """Who to run as, or None if we are not root and may run it ourselves.

    Args:
        owned: a folder that may already belong to the account of an earlier start.

    Raises:
        LookupError: the machine has no such account.
    """
    if os.geteuid() != 0:
        return None
    names = list(_CANDIDATES)
    if owned.exists():
        try:
            names.insert(0, pwd.getpwuid(owned.stat().st_uid).pw_name)
        except KeyError:
            pass
    for name in names:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return Account(name, entry.pw_uid, entry.pw_gid)
    raise LookupError(f"this machine has none of the accounts {', '.join(_CANDIDATES)}; run as another user than root")


def run_as(account: Account | None, argv: Sequence[str]) -> tuple[list[str], int | None, int | None]:
    """How to start ``argv`` as ``account``: the arguments, and the user and group for the spawn.

    The account must reach the project and the virtual environment, which under root's home it may not.
    Where the kernel lets us, the program keeps one capability, the one that passes closed folders; that
    changes nothing on disk, while opening the folders to everyone would.
    """
    if account is None:
        return list(argv), None, None
    capability = _capability(account)
    if capability is not None:
        return [*_setpriv(account, capability), *argv], None, None
    return list(argv), account.uid, account.gid


def _setpriv(account: Account, capability: str) -> list[str]:
    return [
        "setpriv",
        f"--reuid={account.uid}",
        f"--regid={account.gid}",
        "--clear-groups",
        f"--inh-caps=-all,+{capability}",
        f"--ambient-caps=-all,+{capability}",
        "--",
    ]


@cache
def _capability(account: Account) -> str | None:
    """The least capability that gets the account through closed folders and that root here may pass on."""
    if shutil.which("setpriv") is None:
        return None
    for capability in ("dac_read_search", "dac_override"):  # containers mostly have only the second
        probe = [*_setpriv(account, capability), "true"]
        if subprocess.run(probe, capture_output=True, timeout=10, check=False).returncode == 0:  # noqa: S603
            return capability
    return None
