"""Registry and load_handlers: which handlers a worker has."""

import importlib
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from jobstream.contracts.flow import Limit
from jobstream.errors import HandlerError
from jobstream.handlers.registry import Registry, load_handlers

ONE = 'from jobstream import handler\n@handler("{0}")\nasync def run_{1}(payload: dict, ctx) -> None:\n    "Does it."\n'
Write = Callable[[dict[str, str]], None]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Writes files, ``write({"shop/jobs.py": "..."})``, that can be imported until the test ends."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(tmp_path)

    def writes(files: dict[str, str]) -> None:
        for path, text in files.items():
            file = tmp_path / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        importlib.invalidate_caches()

    yield writes
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_handlers_are_found_in_modules_and_all_through_packages(write: Write) -> None:
    write(
        {
            "regt1.py": ONE.format("one", "one"),
            "regt2/__init__.py": "",
            "regt2/__main__.py": "raise SystemExit('never imported')",
            "regt2/jobs/__init__.py": "",
            "regt2/jobs/mail.py": ONE.format("mail", "mail"),
            "regt2/jobs/deep/__init__.py": ONE.format("deep", "deep"),
            "regt2/jobs/deep/csv.py": ONE.format("csv", "csv"),
        }
    )
    registry = load_handlers(["regt1", "regt2"])
    assert registry.types == ["csv", "deep", "mail", "one"]
    assert registry.get("mail") is registry.specs[2]
    assert registry.get("os.system") is None


def test_a_handler_that_is_imported_elsewhere_is_still_one_handler(write: Write) -> None:
    other = "from regt3 import run_one as other\n" + ONE.format("two", "two")
    write({"regt3.py": ONE.format("one", "one"), "regt4.py": other})
    assert load_handlers(["regt3", "regt4", "regt3"]).types == ["one", "two"]


def test_two_handlers_of_one_type_are_refused_by_both_their_places(write: Write) -> None:
    write({"regt5.py": ONE.format("same", "first"), "regt6.py": ONE.format("same", "second")})
    with pytest.raises(HandlerError) as caught:
        load_handlers(["regt5", "regt6"])
    message = str(caught.value)
    assert "the job type 'same' has two handlers" in message
    assert "regt5.run_first (" in message
    assert "regt6.run_second (" in message


@pytest.mark.parametrize(
    ("modules", "name", "says"),
    [
        ({}, "regt_nowhere.jobs", "there is no module regt_nowhere.jobs (looking for regt_nowhere): look for a typing"),
        ({}, "regt/jobs.py", "is no module name; JOBSTREAM_HANDLERS takes dotted names like shop.jobs, not files"),
        ({"regt7": "x = 1"}, "regt7", "the module regt7 declares no handler: put @handler"),
        ({"regt8": "import regt_missing"}, "regt8", "importing regt8 failed: it needs regt_missing, which is not"),
        ({"regt9": "1 / 0"}, "regt9", "importing regt9 failed with ZeroDivisionError: division by zero"),
        ({"regt10": "def broken(:"}, "regt10", "importing regt10 failed with SyntaxError"),
        ({"regt11": "raise SystemExit(3)"}, "regt11", "importing regt11 failed with SystemExit: 3"),
        ({}, "", "'' is no module name"),
        ({}, ".jobs", "'.jobs' is no module name"),
    ],
)
def test_a_module_that_cannot_be_used_is_named_with_the_fix(
    write: Write, modules: dict[str, str], name: str, says: str
) -> None:
    write({f"{module}.py": text for module, text in modules.items()})
    with pytest.raises(HandlerError) as caught:
        load_handlers([name])
    assert says in str(caught.value)


def test_announcements_tell_all_that_the_api_needs(write: Write) -> None:
    text = (
        "from jobstream import handler, Backoff, ConcurrencyLimit\nfrom pydantic import BaseModel\n"
        "class P(BaseModel):\n    to: str\n"
        '@handler("mail", max_retries=5, timeout_s=30, run_in="process", backoff=Backoff(2, 3, 60), '
        "limits=[ConcurrencyLimit(3)], strict_order=True)\n"
        'def mail(payload: P) -> None:\n    "Sends."\n'
    )
    write({"regt12.py": text})
    now = datetime(2026, 1, 2, tzinfo=UTC)
    (told,) = load_handlers(["regt12"]).announcements(now)
    assert told.model_dump(exclude={"payload_schema"}) == {
        "type": "mail",
        "description": "Sends.",
        "max_retries": 5,
        "timeout_s": 30.0,
        "run_in": "process",
        "backoff_base_s": 2.0,
        "backoff_factor": 3.0,
        "backoff_cap_s": 60.0,
        "limits": [Limit(kind="concurrency", limit=3).model_dump()],
        "strict_order": True,
        "unique": None,
        "at": now,
    }
    assert told.payload_schema is not None
    assert told.payload_schema["required"] == ["to"]
    assert b'"type":"mail"' in told.to_json()


def test_an_empty_registry_has_nothing() -> None:
    assert Registry().types == []
