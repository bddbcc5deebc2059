"""The folder that a local cluster lives in, and the lock that lets only one live there."""

import fcntl
import json
import os
from pathlib import Path
from typing import Any, Self

from jobstream.errors import JobstreamError
from jobstream.local.ports import Ports


class AlreadyRunning(JobstreamError):
    """Another ``jobstream up`` uses this state folder. Its data would be corrupted by a second one."""


class StateDir:
    """A cluster's folder: data, logs, ports, the run file. Locked while in use.

    The lock is the kernel's (flock), so it ends with the process that holds it, however that ends.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.logs = self.root / "logs"
        self.run_file = self.root / "run.json"
        self.children_file = self.root / "children.json"
        self.ports = Ports(self.root / "ports.json")
        self._lock: int | None = None

    def acquire(self) -> Self:
        """Take the folder.

        Raises:
            AlreadyRunning: somebody else has it.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        _ignore_in_git(self.root)
        handle = os.open(self.root / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(handle, 100).decode(errors="replace").strip()
            os.close(handle)
            address = (read_run_file(self.run_file) or {}).get("api")
            raise AlreadyRunning(
                f"jobstream already runs in {self.root} (process {holder or 'unknown'}"
                + (f", api {address}" if address else "")
                + "). Stop it first, or start this one in another folder with --state-dir."
            ) from error
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        self._lock = handle
        self.run_file.unlink(missing_ok=True)  # a killed cluster's addresses lead nowhere
        self.ports = Ports(self.root / "ports.json")
        return self

    def release(self) -> None:
        """Give the folder back. The run file goes with it."""
        handle, self._lock = self._lock, None
        if handle is not None:
            self.run_file.unlink(missing_ok=True)
            os.close(handle)


def write_run_file(file: Path, document: dict[str, Any]) -> None:
    """Tell where the cluster listens. Only its owner may read it: the database's password is in it."""
    draft = file.with_suffix(".new")
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(document, indent=2) + "\n")
    os.replace(draft, file)


def read_run_file(file: Path) -> dict[str, Any] | None:
    """The addresses of the cluster that runs there, or None."""
    try:
        document = json.loads(file.read_text())
    except (OSError, ValueError):
        return None
    return document if isinstance(document, dict) else None


def _ignore_in_git(root: Path) -> None:
    ignore = root / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n")
