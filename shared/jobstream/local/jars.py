"""The jars of Apache Kafka: found in the cache, or brought there once by Maven."""

import hashlib
import os
import re
import shutil
import tempfile
from pathlib import Path

from jobstream.local.processes import ChildFailed, Command, Family

MIN_JAVA = 17


class NoKafka(ChildFailed):
    """Apache Kafka cannot run on this machine. The message says what is missing."""


def find_java() -> str:
    """The ``java`` to use: JAVA_HOME's, else the path's.

    Raises:
        NoKafka: there is none.
    """
    home = os.environ.get("JAVA_HOME")
    own = Path(home) / "bin" / "java" if home else None
    found = str(own) if own is not None and own.exists() else shutil.which("java")
    if found is None:
        raise NoKafka(f"there is no java, and it needs a JDK or JRE of version {MIN_JAVA} or newer")
    return found


async def java(family: Family, logs: Path) -> str:
    """The ``java`` to use, checked.

    Raises:
        NoKafka: there is none, it does not run, or it is older than 17.
    """
    found = find_java()
    try:
        told = await family.run(Command("java", [found, "-version"], log=logs / "java.log"), timeout_s=30.0)
    except ChildFailed as error:
        raise NoKafka(f"{found} does not run: {error}") from error
    version = read_java_version(told)
    if version < MIN_JAVA:
        raise NoKafka(f"{found} is version {version}, and it needs {MIN_JAVA} or newer")
    return found


def read_java_version(told: str) -> int:
    """The major version in the output of ``java -version``; 0 if there is none."""
    match = re.search(r'version "(?:1\.)?(\d+)', told)
    return int(match.group(1)) if match else 0


def pom() -> Path:
    """The file that names the jars: beside this module in a wheel, else in the repository.

    Raises:
        NoKafka: it is in neither place.
    """
    here = Path(__file__).resolve()
    for candidate in (here.with_name("pom.xml"), here.parents[3] / "deploy" / "kafka" / "pom.xml"):
        if candidate.exists():
            return candidate
    raise NoKafka("deploy/kafka/pom.xml, which names Apache Kafka's jars, is not there")


def cache_folder(pom_file: Path) -> Path:
    """Where the jars of this very pom lie: in the user's cache, by the pom's hash."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "jobstream" / f"kafka-{hashlib.sha256(pom_file.read_bytes()).hexdigest()[:12]}"


def is_cached() -> bool:
    """True if starting Kafka needs no download."""
    return cache_folder(pom()).exists()


async def fetch(family: Family, logs: Path) -> Path:
    """The folder with the jars, filled by Maven if it is not there yet (44 MB, once).

    Raises:
        NoKafka: Maven is missing or failed; the message has its last words.
    """
    pom_file = pom()
    folder = cache_folder(pom_file)
    if not folder.exists():
        await _download(pom_file, folder, family, logs)
    return folder


async def _download(pom_file: Path, folder: Path, family: Family, logs: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise NoKafka("there is no mvn (Maven), which fetches its jars")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="kafka-new-") as scratch:
        # Maven writes beside its pom, so it gets a copy to write beside.
        shutil.copy(pom_file, Path(scratch, "pom.xml"))
        draft = Path(scratch, "jars")
        argv = [
            *(maven, "--quiet", "--batch-mode", "--file", str(Path(scratch, "pom.xml"))),
            *("dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={draft}"),
        ]
        try:
            await family.run(Command("mvn", argv, log=logs / "mvn.log"), timeout_s=900.0)
        except ChildFailed as error:
            words = [line for line in str(error).splitlines() if "ERROR" in line] or str(error).splitlines()
            raise NoKafka(f"mvn could not bring its jars: {words[0]}") from error
        _settle(draft, folder)


def _settle(draft: Path, folder: Path) -> None:
    try:
        draft.rename(folder)
    except OSError:
        if not folder.exists():  # else somebody else was quicker, with the same jars
            raise
