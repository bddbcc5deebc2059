"""``jobstream up --reload``: the workers start again when the files of their handlers change."""

import asyncio
import importlib
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.machinery import PathFinder
from pathlib import Path

from watchfiles import Change, awatch

from jobstream.errors import JobstreamError
from jobstream.local.cluster import EXAMPLES

CHECK_S = 60.0
IGNORED = frozenset({"__pycache__", "node_modules", "site-packages"})

Restart = Callable[[Sequence[str]], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class Root:
    """A folder to watch.

    Attributes:
        deep: with all folders in it, as a package is; else its own files only.
    """

    folder: Path
    deep: bool

    def holds(self, path: str) -> bool:
        """True if a change of this file may change what a worker runs."""
        file = Path(path)
        if file.suffix != ".py" or file.name == "conftest.py" or file.name.startswith("test_"):
            return False
        if not self.deep:
            return file.parent == self.folder
        return not any(part in IGNORED or part.startswith(".") for part in file.relative_to(self.folder).parts)


def roots(modules: Sequence[str], path: Sequence[str]) -> list[Root]:
    """Where the files of the modules lie; found without importing any.

    Args:
        path: folders to look in, as of ``sys.path``; one that does not exist yet is looked for in the first.
    """
    importlib.invalidate_caches()
    found: set[Root] = set()
    for module in modules:
        spec = PathFinder.find_spec(module.partition(".")[0], list(path))
        if spec is not None and spec.submodule_search_locations:
            found |= {Root(Path(place).resolve(), True) for place in spec.submodule_search_locations}
        elif spec is not None and spec.origin:
            found.add(Root(Path(spec.origin).resolve().parent, False))
        else:
            found.add(Root(Path(path[0]).resolve(), False))
    return sorted(found, key=lambda root: str(root.folder))


class Reloader:
    """Has the workers restarted when the files of their handlers change.

    Args:
        modules: what is watched, and loaded; none: nothing happens.
        tell: takes one line for people.
    """

    def __init__(self, modules: Sequence[str], tell: Callable[[str], None]) -> None:
        self.broken = False
        """True if the modules could not be loaded when they were last looked at."""
        self._modules = modules
        self._tell = tell
        self._changed: asyncio.Queue[set[str]] = asyncio.Queue()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Note changes from now on, and look whether the modules can be loaded as they are."""
        for root in roots(self._modules, [os.getcwd(), *sys.path]) if self._modules else ():
            self._tasks.append(asyncio.create_task(self._watch(root), name=f"watch {root.folder}"))
        if self._modules and (said := await self.problem()) is not None:
            self.broken = True
            self._tell(f"the handlers cannot be loaded, so the workers begin without them: {said}")

    def begin(self, restart: Restart) -> None:
        """From now on, restart the workers after each change, those since ``start`` included."""
        if self._modules:
            self._tasks.append(asyncio.create_task(self._restart_at_changes(restart), name="restart at changes"))

    async def end(self) -> None:
        """Watch no more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def problem(self) -> str | None:
        """What keeps a worker from loading the modules as they are now, or None."""
        argv = [sys.executable, "-m", "jobstream.handlers.check", *self._modules, EXAMPLES]
        process = await asyncio.create_subprocess_exec(
            *argv, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
        )
        try:
            _, said = await asyncio.wait_for(process.communicate(), CHECK_S)
        except TimeoutError:
            return f"importing them takes longer than {CHECK_S:g} s"
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        lines = said.decode(errors="replace").strip().splitlines()
        return None if process.returncode == 0 else lines[-1] if lines else "the import ended without a word"

    async def _watch(self, root: Root) -> None:
        def wanted(_change: Change, path: str) -> bool:
            return root.holds(path)

        try:
            async for changes in awatch(root.folder, watch_filter=wanted, recursive=root.deep):
                self._changed.put_nowait({path for _, path in changes})
        except (OSError, RuntimeError) as error:  # RuntimeError: what the watching library could not name
            self._tell(f"{root.folder} is no longer watched: {error}")

    async def _restart_at_changes(self, restart: Restart) -> None:
        while True:
            files = await self._changed.get()
            while not self._changed.empty():
                files |= self._changed.get_nowait()
            self._tell(await self._after_change(_names(files), restart))

    async def _after_change(self, names: str, restart: Restart) -> str:
        problem = await self.problem()
        self.broken = problem is not None
        if problem is not None:
            return f"{names} changed, but cannot be loaded; the workers go on as they were: {problem}"
        began = time.monotonic()
        try:
            count = await restart(self._modules)
        except JobstreamError as error:
            return f"{names} changed, but the workers are not ready again: {error}"
        workers = "worker" if count == 1 else "workers"
        return f"{names} changed: {count} {workers} restarted in {time.monotonic() - began:.1f} s"


@asynccontextmanager
async def reloading(modules: Sequence[str], tell: Callable[[str], None]) -> AsyncIterator[Reloader]:
    """A reloader that watches, and does not outlive the block."""
    reloader = Reloader(modules, tell)
    try:
        await reloader.start()
        yield reloader
    finally:
        await reloader.end()


def _names(files: Iterable[str]) -> str:
    names = sorted({Path(file).name for file in files})
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
