"""The folder of the example handlers: nothing outside it, nothing half written."""

import os
from uuid import uuid4

import pytest

from jobstream import Fail
from jobstream_worker.examples.files import files_dir, replacing, source_file, target_file


@pytest.fixture
def outside(tmp_path):
    path = tmp_path / "secret.txt"
    path.write_text("not yours")
    return path


def test_names_inside_are_found_relative_or_absolute(files):
    (files / "sub").mkdir()
    (files / "sub" / "a b.txt").write_text("x")
    expected = files.resolve() / "sub" / "a b.txt"
    assert source_file("sub/a b.txt") == expected
    assert source_file("./sub/../sub/a b.txt") == expected
    assert source_file(str(files / "sub" / "a b.txt")) == expected


@pytest.mark.parametrize(
    "name", ["../secret.txt", "sub/../../secret.txt", "/etc/passwd", "/", ".", "..", "link", "folder/secret.txt", "~/x"]
)
def test_no_way_leads_out(name, files, outside):
    (files / "link").symlink_to(outside)
    (files / "folder").symlink_to(outside.parent)
    (files / "sub").mkdir()
    for find in (source_file, lambda n: target_file(n, ("", ".txt"), source=files / "other")):
        if name == "~/x" and find is not source_file:
            continue  # a folder named ~ is as good as any
        with pytest.raises(Fail, match=r"leads outside .*JOBSTREAM_EXAMPLES_DIR|there is no file"):
            find(name)
    assert outside.read_text() == "not yours"


def test_a_target_through_a_link_stays_inside(files, outside):
    (files / "new.txt").symlink_to(outside.parent / "not there yet.txt")
    with pytest.raises(Fail, match="leads outside"):
        target_file("new.txt", (".txt",), source=files / "other")
    assert not (outside.parent / "not there yet.txt").exists()


def test_a_link_inside_to_inside_is_fine(files):
    (files / "a.txt").write_text("x")
    (files / "b.txt").symlink_to("a.txt")
    assert source_file("b.txt") == files.resolve() / "a.txt"


def test_a_folder_with_the_same_beginning_is_outside(files):
    (files.parent / "files-of-others").mkdir()
    (files.parent / "files-of-others" / "a.txt").write_text("x")
    with pytest.raises(Fail, match="leads outside"):
        source_file("../files-of-others/a.txt")


@pytest.mark.parametrize("name", ["nul\0byte", "x" * 300, "/".join(["x"] * 3000), "loop"])
def test_impossible_names_are_refused(name, files):
    (files / "loop").symlink_to("loop")
    with pytest.raises(Fail):
        source_file(name)


def test_what_is_not_there_or_no_file_is_refused(files):
    (files / "folder").mkdir()
    os.mkfifo(files / "pipe")
    with pytest.raises(Fail, match=r"there is no file nope\.txt under .*JOBSTREAM_EXAMPLES_DIR"):
        source_file("nope.txt")
    for name in ("folder", "pipe"):
        with pytest.raises(Fail, match="is no regular file"):
            source_file(name)


def test_targets_that_cannot_be_are_refused(files):
    source = files.resolve() / "a.txt"
    source.write_text("x")
    (files / "folder.txt").mkdir()
    for name, reason in {
        "b.exe": r"must end in \.txt",
        "a.txt": "is the source too",
        "folder.txt": "is a folder",
        "a.txt/b.txt": "lies under a file",
    }.items():
        with pytest.raises(Fail, match=reason):
            target_file(name, (".txt",), source=source)
    assert target_file("new/deep/b.TXT", (".txt",), source=source).parent.is_dir()


def test_a_target_appears_whole_or_not_at_all(files):
    target = files / "out.txt"
    target.write_text("old")

    def fail_halfway():
        with replacing(target, uuid4()) as part:
            part.write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_halfway()
    assert target.read_text() == "old"
    with replacing(target, uuid4()) as part:
        part.write_text("new")
        assert target.read_text() == "old"
    assert target.read_text() == "new"
    assert [path.name for path in files.iterdir()] == ["out.txt"]


def test_the_folder_is_made_where_the_setting_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("JOBSTREAM_EXAMPLES_DIR", raising=False)
    assert files_dir() == tmp_path.resolve() / ".jobstream" / "files"
    assert files_dir().is_dir()
