"""The fallback broker, for machines without Java: a Kafka-compatible one out of the wheel ``noida-db``.

Of the ones that a PyPI wheel brings, it does most of what jobstream needs: groups that settle in
under a second, idempotent producers, topic settings, and data that survive a restart. It keeps
everything in memory, knows one node only, ignores LogAppendTime, and does not wait on empty fetches;
for the last a proxy stands before it (pacer.py). Apache Kafka is what jobstream is tested and
measured on.
"""

import importlib.util
import os
import signal
import stat
import sys
from pathlib import Path

from jobstream.kafka.probe import brokers_answering
from jobstream.local.ports import HOST
from jobstream.local.processes import ChildFailed, Command, Family, Process
from jobstream.local.readiness import until
from jobstream.local.state import StateDir


class Embedded:
    """One embedded broker on the loopback interface; data under ``STATE/embedded``."""

    kind = "embedded"

    def __init__(self, state: StateDir, family: Family, *, wanted_port: int | None = None) -> None:
        self._state = state
        self._family = family
        self.port = state.ports.choose("embedded", wanted_port)
        self._inner_port = state.ports.choose("embedded-inner")
        self.processes: list[Process] = []

    @property
    def bootstrap_servers(self) -> str:
        """Where clients start from."""
        return f"{HOST}:{self.port}"

    @property
    def env(self) -> dict[str, str]:
        """What jobstream's processes must be told of this broker."""
        return {"JOBSTREAM_KAFKA_BOOTSTRAP_SERVERS": self.bootstrap_servers}

    async def start(self) -> None:
        """Start the broker and its pacer, and wait until it answers.

        Raises:
            ChildFailed: the wheel is not there for this platform, or a process ended.
        """
        folder = self._state.root / "embedded"
        folder.mkdir(parents=True, exist_ok=True)
        broker = self._spawn(
            "broker",
            [
                *(str(_binary()), "start", "--only", "kafka", "--host", HOST),
                *("--kafka-port", str(self._inner_port), "--data-dir", str(folder)),
            ],
            stop_signal=signal.SIGINT,  # its Ctrl-C, at which it saves
        )
        pacer = self._spawn(
            "pacer", [sys.executable, "-m", "jobstream.local.pacer", str(self.port), str(self._inner_port)]
        )
        self.processes = [pacer, broker]

        async def answers() -> bool:
            if (code := pacer.poll()) is not None:
                raise ChildFailed(f"the broker's pacer ended with code {code}\n{pacer.last_words()}")
            return await brokers_answering(self.bootstrap_servers) == 1

        await until(answers, "the embedded broker answers", timeout_s=30.0, process=broker)

    async def stop(self) -> None:
        """Stop both, the broker last. Safe to call at any time."""
        for process in self.processes:
            await process.stop()

    def _spawn(self, name: str, argv: list[str], stop_signal: signal.Signals = signal.SIGTERM) -> Process:
        log = self._state.logs / f"{name}.log"
        return self._family.spawn(Command(name, argv, log=log, stop_signal=stop_signal, stage=1, cwd=self._state.root))


def is_available() -> bool:
    """True if the wheel is installed, with a binary for this platform."""
    return importlib.util.find_spec("noida_db") is not None


def _binary() -> Path:
    spec = importlib.util.find_spec("noida_db")
    if spec is None or spec.origin is None:
        raise ChildFailed("the embedded broker's wheel is not installed: pip install 'jobstream[local]'")
    binary = Path(spec.origin).with_name("noida-db.exe" if os.name == "nt" else "noida-db")
    mode = binary.stat().st_mode
    if not mode & stat.S_IXUSR:  # wheels lose the bit where an installer unpacks them plainly
        binary.chmod(mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    return binary
