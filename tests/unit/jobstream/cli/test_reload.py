"""When the workers start again, and when they had better not."""

import asyncio
import sys

import pytest

from jobstream.cli.reload import Root, reloading, roots
from jobstream.errors import JobstreamError
from tests.support.eventually import eventually

GOOD = 'from jobstream import handler\n\n\n@handler("greet")\nasync def greet(payload: dict) -> dict:\n    return {}\n'


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder, empty."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", "")
    return tmp_path


def test_a_module_is_watched_in_its_folder_and_a_package_with_all_its_folders(tmp_path):
    (tmp_path / "shop" / "jobs").mkdir(parents=True)
    (tmp_path / "shop" / "__init__.py").write_text("raise RuntimeError('nobody may import this')\n")
    (tmp_path / "greet.py").touch()
    assert roots(["greet", "shop.jobs.mails"], [str(tmp_path)]) == [
        Root(tmp_path, False),
        Root(tmp_path / "shop", True),
    ]
    assert "shop" not in sys.modules


def test_a_module_that_is_not_there_yet_is_awaited_in_the_current_folder(tmp_path):
    assert roots(["later"], [str(tmp_path), *sys.path]) == [Root(tmp_path, False)]


@pytest.mark.parametrize(
    ("deep", "file", "held"),
    [
        (False, "greet.py", True),
        (False, "helper.py", True),
        (False, "test_greet.py", False),
        (False, "conftest.py", False),
        (False, "greet.txt", False),
        (False, "other/greet.py", False),
        (True, "jobs/mails.py", True),
        (True, "jobs/test_mails.py", False),
        (True, ".venv/lib/thing.py", False),
        (True, "jobs/__pycache__/mails.py", False),
    ],
)
def test_what_may_change_what_a_worker_runs(tmp_path, deep, file, held):
    assert Root(tmp_path, deep).holds(str(tmp_path / file)) is held


async def test_each_change_that_loads_restarts_the_workers_and_the_others_are_told(folder):
    file = folder / "greet.py"
    file.write_text(GOOD)
    said: list[str] = []
    restarts: list[tuple[str, ...]] = []

    async def restart(modules):
        restarts.append(tuple(modules))
        return 2

    async with reloading(("greet",), said.append) as reloader:
        assert not reloader.broken
        reloader.begin(restart)
        file.write_text(GOOD.replace("{}\n", "{'n': 1}\n"))
        await eventually(lambda: len(said) == 1)
        assert said[0].startswith("greet.py changed: 2 workers restarted in ")
        file.write_text(GOOD + "def broken(:\n")
        await eventually(lambda: len(said) == 2)
        assert said[1] == (
            "greet.py changed, but cannot be loaded; the workers go on as they were: "
            "importing greet failed with SyntaxError: invalid syntax (greet.py, line 7)"
        )
        assert reloader.broken
        file.write_text(GOOD)
        await eventually(lambda: len(said) == 3)
    assert restarts == [("greet",), ("greet",)]


async def test_a_module_that_is_broken_from_the_start_is_told_and_loaded_once_it_is_mended(folder):
    (folder / "greet.py").write_text(GOOD + "\n\nboom()\n")
    said: list[str] = []
    restarted = asyncio.Event()

    async def restart(_modules):
        restarted.set()
        return 1

    async with reloading(("greet",), said.append) as reloader:
        assert reloader.broken
        assert said == [
            "the handlers cannot be loaded, so the workers begin without them: "
            "importing greet failed with NameError: name 'boom' is not defined (greet.py, line 9)"
        ]
        (folder / "greet.py").write_text(GOOD)  # mended while the cluster still starts
        reloader.begin(restart)
        await asyncio.wait_for(restarted.wait(), 30)
    assert not reloader.broken


async def test_workers_that_do_not_come_back_do_not_end_the_watching(folder):
    (folder / "greet.py").write_text(GOOD)
    said: list[str] = []
    tries = 0

    async def restart(_modules):
        nonlocal tries
        tries += 1
        if tries == 1:
            raise JobstreamError("no luck")
        return 1

    async with reloading(("greet",), said.append) as reloader:
        reloader.begin(restart)
        for count in (1, 2):
            (folder / "greet.py").write_text(GOOD + f"# {count}\n")
            await eventually(lambda count=count: len(said) == count)
    assert said[0] == "greet.py changed, but the workers are not ready again: no luck"
    assert said[1].startswith("greet.py changed: 1 worker restarted")


async def test_without_modules_nothing_is_watched(folder):
    async with reloading((), pytest.fail) as reloader:
        reloader.begin(pytest.fail)
        assert not reloader.broken
