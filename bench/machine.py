"""What a figure was measured on."""

import asyncio
import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

QUIET = 1.0
"""Load average above which a machine is too busy to be measured."""
LOOK_S = 5.0


async def calm(patience_s: float) -> bool:
    """Wait until the load average is low enough; False if it does not get there in time."""
    for _ in range(int(patience_s / LOOK_S)):
        if os.getloadavg()[0] <= QUIET:
            return True
        await asyncio.sleep(LOOK_S)
    return os.getloadavg()[0] <= QUIET


def describe() -> dict[str, Any]:
    """The machine, the versions, and how busy it is now."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "load_average": round(os.getloadavg()[0], 2),
    }


def sentence(machine: dict[str, Any]) -> str:
    """The same for people."""
    versions = "".join(f", {name} {machine[name]}" for name in ("postgresql", "kafka") if name in machine)
    return (
        f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']} GiB, {machine['system']}; "
        f"Python {machine['python']}{versions}; load average {machine['load_average']} at the start; "
        f"commit {machine['commit']}, {machine['at'][:16].replace('T', ' ')} UTC"
    )


def _commit() -> str:
    def git(*arguments: str) -> str:
        run = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)  # noqa: S603,S607
        return run.stdout.strip()

    commit = git("rev-parse", "--short=10", "HEAD")
    if not commit:
        return "unknown"
    changed = git("status", "--porcelain", "--untracked-files=no", "--", "shared", "services")
    return f"{commit} with changes" if changed else commit


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()
