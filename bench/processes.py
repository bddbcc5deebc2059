"""CPU and memory of the processes that take part, by their part in the system."""

from collections.abc import Iterable, Mapping

import psutil

LOAD = "load"


class Part:
    """One part of the system: processes that are its roots, and all below them.

    What a process that ended has used is in its parent's account of waited-for children, so the sum
    over a tree never falls.
    """

    def __init__(self, pids: Iterable[int]) -> None:
        self._roots = [psutil.Process(pid) for pid in pids]

    def cpu(self) -> float:
        """CPU seconds, user and system, so far."""
        return sum(_cpu(process) for process in self._tree())

    def rss(self) -> int:
        """Resident memory now, bytes."""
        total = 0
        for process in self._tree():
            try:
                total += process.memory_info().rss
            except psutil.NoSuchProcess:
                continue
        return total

    def _tree(self) -> list[psutil.Process]:
        found = {process.pid: process for process in self._roots}
        for root in self._roots:
            try:
                found |= {process.pid: process for process in root.children(recursive=True)}
            except psutil.NoSuchProcess:
                continue
        return list(found.values())


class Cpu:
    """CPU of every part since it was made."""

    def __init__(self, parts: Mapping[str, Part]) -> None:
        self._parts = parts
        self._load = psutil.Process()
        self._before = self._now()

    def spent(self) -> dict[str, float]:
        """CPU seconds by part; ``load`` is this process and the programs it has waited for."""
        now = self._now()
        return {name: now[name] - self._before[name] for name in now}

    def _now(self) -> dict[str, float]:
        return {name: part.cpu() for name, part in self._parts.items()} | {LOAD: self._own()}

    def _own(self) -> float:
        # The load generator is waited for at its end; the cluster's processes live on, so they are not in here.
        return _cpu(self._load)


def _cpu(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system + times.children_user + times.children_system)
