"""The examples as a package: all of them with the extra, the plain ones without it."""

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

from jobstream.handlers.registry import load_handlers

OF_THE_EXTRA = {
    "data.pipeline": "duckdb",
    "email.send": "aiosmtplib",
    "image.thumbnail": "PIL",
    "video.thumbnail": "imageio_ffmpeg",
}
PLAIN = ["compute", "doomed", "example", "flaky"]
ROOT = Path(__file__).parents[4]
LOAD = """
import sys
from jobstream.handlers.registry import load_handlers
from jobstream.telemetry import configure_logging
if "log" in sys.argv:
    configure_logging("json")
print(*load_handlers(["jobstream_worker.examples"]).types)
print(*{"aiosmtplib", "aiosmtpd", "duckdb", "imageio_ffmpeg", "PIL"} & set(sys.modules))
"""


def test_all_types_are_there_each_with_a_schema_and_a_description():
    registry = load_handlers(["jobstream_worker.examples"])
    assert registry.types == sorted([*PLAIN, *OF_THE_EXTRA])
    for spec in registry.specs:
        assert spec.description
        assert spec.type == "example" or spec.payload_schema["properties"], spec.type
    assert [spec.type for spec in registry.specs if spec.run_in == "process"] == ["compute", "data.pipeline"]


def load(*arguments, path=None):
    environment = os.environ | ({"PYTHONPATH": os.pathsep.join(map(str, path))} if path else {})
    options = ["-S"] if path else []
    done = subprocess.run(
        [sys.executable, *options, "-c", LOAD, *arguments], env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    types, imported = done.stdout.splitlines()
    return types.split(), imported, [json.loads(line) for line in done.stderr.splitlines()]


def site_without_the_extra(folder):
    """What is installed here, as links in ``folder``, less the libraries of the extra."""
    for installed in Path(sysconfig.get_path("purelib")).iterdir():
        if not installed.name.lower().startswith(("aiosmtp", "duckdb", "_duckdb", "imageio_ffmpeg", "pil")):
            (folder / installed.name).symlink_to(installed)
    return [folder, ROOT / "shared", ROOT / "services" / "worker"]


def test_importing_them_imports_no_heavy_library():
    types, imported, log = load("log")
    assert (types, imported, log) == (sorted([*PLAIN, *OF_THE_EXTRA]), "", [])


def test_without_the_extra_the_plain_ones_are_there_and_the_log_says_what_to_install(tmp_path):
    types, _, log = load("log", path=site_without_the_extra(tmp_path))
    assert types == PLAIN
    assert {line["type"]: line["missing"] for line in log} == OF_THE_EXTRA
    for line in log:
        assert (line["event"], line["level"]) == ("handler.left_out", "warning")
        assert line["hint"].endswith("install jobstream-worker[examples]")


def test_where_nobody_asked_for_a_log_nothing_is_said(tmp_path):
    types, _, log = load(path=site_without_the_extra(tmp_path))
    assert (types, log) == (PLAIN, [])
