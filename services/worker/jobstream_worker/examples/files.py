"""Files of the example handlers: none outside their folder, and each new one whole or not there."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Annotated
from uuid import UUID

from pydantic import Field

from jobstream import Fail
from jobstream_worker.examples.settings import ExampleSettings

FileName = Annotated[
    str,
    Field(
        min_length=1,
        max_length=500,
        description="A path under JOBSTREAM_EXAMPLES_DIR.",
    ),
]


def files_dir() -> Path:
    """The folder of the example handlers, made if it is not there; absolute, without symbolic links."""
    folder = ExampleSettings().examples_dir
    folder.mkdir(parents=True, exist_ok=True)
    return folder.resolve()


def source_file(name: str) -> Path:
    """A file to read.

    Raises:
        Fail: it is not there, is no regular file, or lies outside the folder.
    """
    path = _inside(name)
    if not path.exists():
        raise Fail(f"there is no file {name} under {files_dir()} (JOBSTREAM_EXAMPLES_DIR)")
    if not path.is_file():  # reading a pipe or a device could take for ever
        raise Fail(f"{name} is no regular file")
    return path


def target_file(name: str, suffixes: Sequence[str], *, source: Path) -> Path:
    """A file to write, its folder made if it is not there.

    Args:
        suffixes: what its name may end in, lower case, with the dot.
        source: the file that is read; the target must be another one.

    Raises:
        Fail: it has another suffix, is a folder, is the source, or lies outside the folder.
    """
    path = _inside(name)
    if path.suffix.lower() not in suffixes:
        raise Fail(f"{name} must end in {' or '.join(suffixes)}")
    if path == source:
        raise Fail(f"{name} is the source too; write to another file")
    if path.is_dir():
        raise Fail(f"{name} is a folder")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise Fail(f"{name} lies under a file, which cannot hold files") from None
    return path


@contextmanager
def replacing(target: Path, run_id: UUID) -> Iterator[Path]:
    """A path to write to, with the target's suffix; at the end it becomes the target in one step, if all went well.

    So nobody reads half a file, and running a job again gives the same file again. One path for each run: an
    earlier run that was given up may still be writing to its own.
    """
    part = _part(target, run_id)
    try:
        yield part
        _put(part, target)
    finally:
        part.unlink(missing_ok=True)


@asynccontextmanager
async def replacing_from_loop(target: Path, run_id: UUID) -> AsyncIterator[Path]:
    """``replacing`` for handlers on the loop, which waiting for the disk would hold up."""
    part = _part(target, run_id)
    try:
        yield part
        await asyncio.to_thread(_put, part, target)
    finally:
        part.unlink(missing_ok=True)


def _part(target: Path, run_id: UUID) -> Path:
    return target.with_name(f".{run_id}.part{target.suffix.lower()}")


def _put(part: Path, target: Path) -> None:
    _sync(part)  # the job's end outlives a power cut, so its file should too
    part.replace(target)
    _sync(target.parent)


def _inside(name: str) -> Path:
    folder = files_dir()
    try:
        path = (folder / name).resolve()  # follows .. and symbolic links, so what is compared is where it leads
        path.exists()
    except (OSError, RuntimeError, ValueError) as error:
        raise Fail(f"{name!r} is no usable path: {error}") from None
    if folder not in path.parents:
        raise Fail(
            f"{name!r} leads outside {folder} (JOBSTREAM_EXAMPLES_DIR), where the example handlers touch nothing"
        )
    return path


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
