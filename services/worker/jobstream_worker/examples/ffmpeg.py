"""Running the ffmpeg that imageio-ffmpeg carries: within a time, and never left behind."""

import asyncio
import os
import re
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Sequence
from dataclasses import dataclass

TAIL_BYTES = 16 * 1024
"""Kept of what ffmpeg says: a broken film can have it complain about every frame."""


_BRACKETS = re.compile(r"^(\[[^\]]*\] ?)+")


@dataclass(frozen=True, slots=True)
class FfmpegRun:
    """How a run ended.

    Attributes:
        code: exit code, 0 is success; minus the signal that killed it.
        lines: the beginning and the end of what it said, in lines.
    """

    code: int
    lines: list[str]

    @property
    def last_error(self) -> str:
        """The last it said of what is wrong."""
        errors = [line for line in self.lines if "[error]" in line or "[fatal]" in line]
        return _BRACKETS.sub("", (errors or self.lines or ["it said nothing"])[-1])

    def said(self, words: str) -> bool:
        """True if these words are somewhere in its lines."""
        return any(words in line for line in self.lines)


async def run_ffmpeg(arguments: Sequence[str], *, timeout_s: float) -> FfmpegRun:
    """Run ffmpeg to its end. However this ends, cancellation included, it does not run on.

    Raises:
        TimeoutError: it took longer than ``timeout_s`` seconds and was killed.
    """
    from imageio_ffmpeg import get_ffmpeg_exe

    program = await asyncio.to_thread(get_ffmpeg_exe)  # the first call runs it once to see whether it works
    process = await asyncio.create_subprocess_exec(
        program,
        *("-hide_banner", "-nostdin", "-loglevel", "level+info"),
        *arguments,
        stdin=DEVNULL,
        stdout=DEVNULL,
        stderr=PIPE,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(timeout_s):
            said = await _read(process)
            return FfmpegRun(await process.wait(), said.decode("utf-8", "replace").splitlines())
    finally:
        if process.returncode is None:
            _kill(process)
            await asyncio.shield(process.wait())


async def _read(process: Process) -> bytes:
    assert process.stderr is not None
    head, tail = b"", b""
    while piece := await process.stderr.read(TAIL_BYTES):
        if len(head) < TAIL_BYTES:
            head += piece
        else:
            tail = (tail + piece)[-TAIL_BYTES:]
    return head + tail


def _kill(process: Process) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
