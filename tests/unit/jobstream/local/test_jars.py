"""Finding Java and the jars, without any download."""

import pytest

from jobstream.local import jars
from jobstream.local.jars import NoKafka, cache_folder, find_java, pom, read_java_version
from jobstream.local.processes import Family


@pytest.mark.parametrize(
    ("told", "version"),
    [
        ('openjdk version "17.0.15" 2025-04-15\nOpenJDK Runtime Environment', 17),
        ('java version "1.8.0_392"', 8),
        ('openjdk version "21" 2023-09-19', 21),
        ('Picked up JAVA_TOOL_OPTIONS: -Xmx1g\nopenjdk version "25.0.1"', 25),
        ("The operation couldn't be completed. Unable to locate a Java Runtime.", 0),
    ],
)
def test_the_version_of_java(told, version):
    assert read_java_version(told) == version


def test_the_cache_goes_by_the_poms_content(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    file = tmp_path / "pom.xml"
    file.write_text("4.3.1")
    first = cache_folder(file)
    file.write_text("4.3.2")
    assert first.parent == cache_folder(file).parent == tmp_path / "cache" / "jobstream"
    assert first != cache_folder(file)


def test_the_repository_has_the_pom():
    assert "kafka_2.13" in pom().read_text()


def test_no_java(tmp_path, monkeypatch):
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoKafka, match="no java"):
        find_java()


async def test_a_java_that_is_too_old(tmp_path, monkeypatch):
    program = tmp_path / "bin" / "java"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\"' >&2\n")
    program.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    family = Family(tmp_path / "children.json")
    with pytest.raises(NoKafka, match="version 11, and it needs 17"):
        await jars.java(family, tmp_path)
    await family.close()


async def test_no_maven_and_no_jars(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    family = Family(tmp_path / "children.json")
    with pytest.raises(NoKafka, match="no mvn"):
        await jars.fetch(family, tmp_path)
    await family.close()


async def test_a_maven_that_fails_leaves_nothing_and_says_why(tmp_path, monkeypatch):
    program = tmp_path / "mvn"
    program.write_text("#!/bin/sh\necho '[INFO] asking'\necho '[ERROR] no route to the repository'\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    family = Family(tmp_path / "children.json")
    with pytest.raises(NoKafka, match="no route to the repository"):
        await jars.fetch(family, tmp_path)
    assert list((tmp_path / "cache" / "jobstream").iterdir()) == []
    await family.close()
