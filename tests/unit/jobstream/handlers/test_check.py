"""Whether modules with handlers load, told by a program of its own."""

import subprocess
import sys


def check(folder, *modules):
    """(exit code, what it said) of the check, run in a folder."""
    done = subprocess.run(
        [sys.executable, "-m", "jobstream.handlers.check", *modules],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout == ""
    return done.returncode, done.stderr.strip()


def test_modules_of_the_current_folder_that_load(tmp_path):
    (tmp_path / "greet.py").write_text(
        'from jobstream import handler\n\n\n@handler("greet")\nasync def greet(payload):\n    return {}\n'
    )
    assert check(tmp_path, "greet") == (0, "")
    code, said = check(tmp_path, "greet", "jobstream")
    assert code == 1
    assert said.startswith("the module jobstream declares no handler")


def test_the_place_of_an_error_is_told_in_one_line(tmp_path):
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "__init__.py").touch()
    (tmp_path / "shop" / "jobs.py").write_text("from shop import prices\n")
    (tmp_path / "shop" / "prices.py").write_text('raise ValueError("first\\nsecond")\n')
    said = "importing shop.jobs failed with ValueError: first second (shop/prices.py, line 1)"
    assert check(tmp_path, "shop.jobs") == (1, said)
    (tmp_path / "shop" / "jobs.py").write_text("def broken(:\n")
    said = "importing shop.jobs failed with SyntaxError: invalid syntax (jobs.py, line 1)"
    assert check(tmp_path, "shop.jobs") == (1, said)
