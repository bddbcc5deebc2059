"""The state folder: one owner at a time, and a run file that only its owner can read."""

import pytest

from jobstream.local.state import AlreadyRunning, StateDir, read_run_file, write_run_file


def test_a_second_owner_is_refused_and_told_who_has_it(tmp_path):
    first = StateDir(tmp_path / "state").acquire()
    write_run_file(first.run_file, {"api": "http://127.0.0.1:8000"})
    with pytest.raises(AlreadyRunning, match=r"process \d+, api http://127.0.0.1:8000.*--state-dir"):
        StateDir(tmp_path / "state").acquire()
    first.release()
    StateDir(tmp_path / "state").acquire().release()


def test_a_refused_owner_leaves_the_run_file_alone(tmp_path):
    first = StateDir(tmp_path).acquire()
    write_run_file(first.run_file, {"kafka": "127.0.0.1:9092"})
    refused = StateDir(tmp_path)
    with pytest.raises(AlreadyRunning):
        refused.acquire()
    refused.release()
    assert read_run_file(first.run_file) == {"kafka": "127.0.0.1:9092"}
    first.release()


def test_the_run_file_of_a_killed_cluster_is_removed(tmp_path):
    write_run_file(tmp_path / "run.json", {"api": "http://127.0.0.1:1"})
    state = StateDir(tmp_path).acquire()
    assert read_run_file(state.run_file) is None
    state.release()


def test_the_run_file_is_private_and_goes_with_the_owner(tmp_path):
    state = StateDir(tmp_path).acquire()
    write_run_file(state.run_file, {"database": "postgresql://u:secret@h/d"})
    assert state.run_file.stat().st_mode & 0o077 == 0
    state.release()
    assert not state.run_file.exists()


def test_git_does_not_see_the_folder(tmp_path):
    StateDir(tmp_path / "state").acquire().release()
    assert (tmp_path / "state" / ".gitignore").read_text() == "*\n"


@pytest.mark.parametrize("text", ["", "[]", "{", "null"])
def test_a_broken_run_file_is_no_run(tmp_path, text):
    file = tmp_path / "run.json"
    file.write_text(text)
    assert read_run_file(file) is None
