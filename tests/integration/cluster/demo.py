"""`jobstream demo` as a person or a script runs it."""

import asyncio
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil


@dataclass(frozen=True, slots=True)
class Played:
    """A demo that has ended."""

    code: int
    out: str
    err: str

    @property
    def summary(self) -> dict[str, Any]:
        """What it printed with -o json."""
        return dict(json.loads(self.out))


def begin(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start it in a folder."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("JOBSTREAM_")}
    return subprocess.Popen(
        [sys.executable, "-m", "jobstream.cli", "demo", *arguments],
        cwd=folder,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


async def play(folder: Path, *arguments: str) -> Played:
    """Run it to its end."""
    return await ended(begin(folder, *arguments))


async def ended(process: subprocess.Popen[str]) -> Played:
    """Wait for its end; it is killed if that takes too long."""
    try:
        out, err = await asyncio.to_thread(process.communicate, timeout=150)
    finally:
        process.kill()
    return Played(process.returncode, out, err)


def running_in(folder: Path) -> list[str]:
    """The command lines of all processes that have to do with a folder."""
    found = []
    for process in psutil.process_iter():
        try:
            words = process.cmdline()
            if process.pid != os.getpid() and (process.cwd() == str(folder) or any(str(folder) in w for w in words)):
                found.append(" ".join(words))
        except psutil.Error:  # it ended meanwhile, or is not ours
            continue
    return found
