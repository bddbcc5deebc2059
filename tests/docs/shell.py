"""A reader at a terminal: runs the commands of a page against a test's own system."""

import asyncio
import os
import shutil
import sys
from pathlib import Path

import pytest

from tests.support.eventually import eventually
from tests.support.markdown import ROOT, Block, blocks, difference
from tests.support.space import Running, Space

COMMAND_S = 240.0


class Shell:
    """Runs blocks in the space's folder, with the addresses and topics that the pages name put right."""

    def __init__(self, space: Space, api: Running) -> None:
        self._folder = space.folder
        self._right = {
            "127.0.0.1:8000": api.url.removeprefix("http://"),
            "127.0.0.1:9092": space.cluster.env["JOBSTREAM_KAFKA_BOOTSTRAP_SERVERS"],
            "-t jobs.": f"-t {space.prefix}jobs.",
            '"jobs.created"': f'"{space.topics.jobs()}"',
        }
        self.env = {
            **os.environ,
            **space.env,
            "JOBSTREAM_API_URL": api.url,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "COLUMNS": "120",
        }
        # Pages activate the environment in the repository's folder; here the work is done elsewhere.
        environment = self._folder / ".venv"
        if not environment.exists():
            environment.symlink_to(Path(sys.executable).parents[1])

    def right(self, text: str) -> str:
        """The text with the addresses and topics of this space."""
        for named, meant in self._right.items():
            text = text.replace(named, meant)
        return text

    async def run(self, text: str, *, where: str) -> str:
        """Run commands; returns what they printed.

        Raises:
            AssertionError: the last one failed.
        """
        process = await asyncio.create_subprocess_exec(
            "bash",
            "-euo",
            "pipefail",
            "-c",
            self.right(text),
            cwd=self._folder,
            env=self.env,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            out, err = await asyncio.wait_for(process.communicate(), COMMAND_S)
        except TimeoutError:
            process.kill()
            await process.wait()
            raise AssertionError(f"{where}: not done within {COMMAND_S:.0f} s:\n{text}") from None
        assert process.returncode == 0, f"{where}: exit code {process.returncode}\n{text}{err.decode()}{out.decode()}"
        return out.decode()

    async def follow(self, page: Path, word: str = "run") -> int:
        """Run every block of a page that is marked so, and compare what comes back; returns how many ran."""
        ran = 0
        for block, returns in marked(page, word):
            ran += 1
            if returns is None:
                await self.run(block.text, where=str(block))
            elif "eventually" in block.words:
                await self._eventually(block, returns)
            else:
                self._compare(returns, await self.run(block.text, where=str(block)))
        return ran

    async def _eventually(self, block: Block, returns: Block) -> None:
        async def fits() -> bool:
            self._compare(returns, await self.run(block.text, where=str(block)))
            return True

        await eventually(fits, timeout=30, every=0.5, what=str(block))

    def _compare(self, returns: Block, printed: str) -> None:
        wanted = Block(returns.page, returns.line, returns.language, returns.words, {}, self.right(returns.text))
        found = difference(wanted, printed)
        assert found is None, f"{returns}: {found}"


def marked(page: Path, word: str = "run") -> list[tuple[Block, Block | None]]:
    """The blocks to run, each with the block that shows what it returns."""
    all_blocks = blocks(page)
    after = [*all_blocks[1:], None]
    return [
        (block, following if following is not None and "returns" in following.words else None)
        for block, following in zip(all_blocks, after, strict=True)
        if word in block.words
    ]


def write_files(page: Path, folder: Path) -> list[str]:
    """Write the files that a page asks its reader to write; returns their names."""
    named = [(block.options["file"], block.text) for block in blocks(page) if "file" in block.options]
    for name, text in named:
        (folder / name).write_text(text)
    return [name for name, _ in named]


def need(*programs: str) -> None:
    """Skip the test, loudly, where one of these programs is not installed."""
    missing = [name for name in programs if shutil.which(name) is None]
    if missing:
        pytest.skip(f"COMMANDS OF {ROOT.name}'S PAGES ARE NOT TESTED: no {', '.join(missing)}")
