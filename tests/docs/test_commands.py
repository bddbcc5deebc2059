"""The commands of README.md and docs/quickstart.md work as they stand, and bring back what the pages show."""

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from jobstream.cli.app import app
from tests.docs.shell import Shell, marked, need, write_files
from tests.support.eventually import eventually
from tests.support.markdown import ROOT, blocks
from tests.support.space import Space

README = ROOT / "README.md"
QUICKSTART = ROOT / "docs" / "quickstart.md"
PAGES = sorted([README, ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])


def documents(printed: str) -> list[dict[str, Any]]:
    """JSON documents that follow one another without a separator, as curl prints them."""
    found, place = [], 0
    while printed[place:].strip():
        document, place = json.JSONDecoder().raw_decode(printed, place)
        found.append(document)
    return found


@pytest.mark.integration
async def test_the_readme_submits_over_http_and_by_kcat(space: Space) -> None:
    need("bash", "curl", "kcat")
    api, _ = await space.start_all(workers=1)
    shell = Shell(space, api)
    (over_http, _), (by_kcat, _) = marked(README)

    submitted, listed = documents(await shell.run(over_http.text, where=str(over_http)))
    assert (submitted["type"], submitted["status"], submitted["payload"]["value"]) == ("example", "PENDING", 42)
    assert [job["id"] for job in listed["items"]] == [submitted["id"]]

    await shell.run(by_kcat.text, where=str(by_kcat))
    async with space.http(api) as client:

        async def both() -> list[dict[str, Any]]:
            jobs: list[dict[str, Any]] = (await client.get("/jobs")).json()["items"]
            assert [job["status"] for job in jobs] == ["COMPLETED", "COMPLETED"], jobs
            return jobs

        for job in await eventually(both, what="both jobs are COMPLETED"):
            assert (job["type"], job["retries"], job["last_error"]) == ("example", 0, None)
            assert job["result"] == {"output": "success"}


@pytest.mark.integration
async def test_the_quickstart_works_from_its_first_command_to_its_last(space: Space) -> None:
    need("bash", "curl", "kcat")
    assert write_files(QUICKSTART, space.folder) == ["greetings.py"]
    handlers = f"{space.env['JOBSTREAM_HANDLERS']},greetings"
    api, _ = await space.start_all(workers=2, JOBSTREAM_HANDLERS=handlers)
    async with space.http(api) as client:

        async def greets() -> bool:
            return any(item["type"] == "greet" for item in (await client.get("/job-types")).json()["items"])

        await eventually(greets, what="the api knows the handler of the page")
    assert await Shell(space, api).follow(QUICKSTART) == len(marked(QUICKSTART)) > 8


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_python_is_python_and_json_is_json(page: Path) -> None:
    for block in blocks(page):
        if block.language == "python":
            compile(block.text, str(block), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        elif block.language == "json":
            json.loads(block.text)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_make_targets_and_commands_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for block in blocks(page):
        if block.language in ("", "sh"):
            for target in re.findall(r"^make ([a-z-]+)", block.text, re.MULTILINE):
                assert target in targets, f"{block}: make {target}"


def test_jobstream_commands_in_blocks_exist() -> None:
    group = get_command(app)
    known = set(group.list_commands(None))  # type: ignore[attr-defined]
    for page in PAGES:
        for block in blocks(page):
            if block.language in ("", "sh"):
                for name in re.findall(r"^(?:uv run )?jobstream ([a-z]+)", block.text, re.MULTILINE):
                    assert name in known, f"{block}: jobstream {name}"
