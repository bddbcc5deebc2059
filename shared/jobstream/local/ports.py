"""Ports on the loopback interface, remembered so that addresses survive a restart."""

import json
import os
import socket
from pathlib import Path

HOST = "127.0.0.1"


def is_free(port: int) -> bool:
    """True if a server could listen on ``port`` now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # A port in TIME_WAIT is free to a server: servers set this too.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def free_port(avoid: set[int] | None = None) -> int:
    """A port that nobody listens on.

    Raises:
        OSError: the machine has none left.
    """
    taken = avoid or set()
    for _ in range(100):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.bind((HOST, 0))
            port: int = probe.getsockname()[1]
        if port not in taken:
            return port
    raise OSError("no free port on the loopback interface")


class Ports:
    """Which part listens where. The choices lie in a file, and the next start makes the same ones.

    Args:
        file: JSON object of name to port; written at each new choice.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._given: dict[str, int] = {}
        self._kept = _read(file)

    def choose(self, name: str, wanted: int | None = None) -> int:
        """The port for ``name``: ``wanted`` if free, else the one of last time if free, else any free one.

        Args:
            wanted: what the person or the convention asks for; None for no wish.
        """
        others = {port for other, port in self._given.items() if other != name}
        candidates = [port for port in (wanted, self._kept.get(name)) if port]
        port = next((p for p in candidates if p not in others and is_free(p)), None)
        if port is None:
            port = free_port(others | set(self._kept.values()))
        self._given[name] = port
        if self._kept.get(name) != port:
            self._kept[name] = port
            self._write()
        return port

    def _write(self) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        draft = self._file.with_suffix(".new")
        draft.write_text(json.dumps(self._kept, indent=2) + "\n")
        os.replace(draft, self._file)


def _read(file: Path) -> dict[str, int]:
    try:
        document = json.loads(file.read_text())
    except (FileNotFoundError, ValueError):  # a torn file costs new ports, nothing else
        return {}
    if not isinstance(document, dict):
        return {}
    return {str(name): port for name, port in document.items() if isinstance(port, int) and 0 < port < 65536}
