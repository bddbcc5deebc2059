"""The tests that the page about testing shows pass, against the handler of the quickstart."""

import os
import subprocess
import sys
from pathlib import Path

from tests.docs.shell import write_files
from tests.support.markdown import ROOT


def test_the_tests_of_the_page_pass(tmp_path: Path) -> None:
    docs = ROOT / "docs"
    written = write_files(docs / "quickstart.md", tmp_path) + write_files(
        docs / "howto" / "test-without-servers.md", tmp_path
    )
    assert written == ["greetings.py", "test_greetings.py"]
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\nfilterwarnings = error\n"
    )
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "JOBSTREAM"))}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed" in done.stdout
