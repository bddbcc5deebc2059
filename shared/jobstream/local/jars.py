"""The jars of Apache Kafka: found in the cache, or brought there once by Maven."""

import asyncio
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from jobstream.local.processes import ChildFailed

MIN_JAVA = 17


class NoKafka(ChildFailed):
    """Apache Kafka cannot run on this machine. The message says what is missing."""


def java() -> str:
    """The ``java`` to use: JAVA_HOME's, else the path's.

    Raises:
        NoKafka: there is none, or it is older than 17.
    """
    home = os.environ.get("JAVA_HOME")
    own = Path(home) / "bin" / "java" if home else None
    found = str(own) if own is not None and own.exists() else shutil.which("java")
    if found is None:
        raise NoKafka(f"there is no java; Apache Kafka needs a JDK or JRE of version {MIN_JAVA} or newer")
    version = java_version(found)
    if version < MIN_JAVA:
        raise NoKafka(f"{found} is version {version}; Apache Kafka needs {MIN_JAVA} or newer")
    return found


def java_version(program: str) -> int:
    """The major version of a ``java``; 0 if it does not say."""
    done = subprocess.run([program, "-version"], capture_output=True, text=True, timeout=30, check=False)  # noqa: S603
    match = re.search(r'version "(\d+)', done.stderr + done.stdout)
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


async def fetch() -> Path:
    """The folder with the jars, filled by Maven if it is not there yet (44 MB, once).

    Raises:
        NoKafka: Maven is missing or failed; the message has its last words.
    """
    pom_file = pom()
    folder = cache_folder(pom_file)
    if not folder.exists():
        await asyncio.to_thread(_download, pom_file, folder)
    return folder


def is_cached() -> bool:
    """True if starting Kafka needs no download."""
    return cache_folder(pom()).exists()


def _download(pom_file: Path, folder: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise NoKafka("there is no mvn (Maven), which fetches Apache Kafka's jars")
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
            done = subprocess.run(argv, capture_output=True, text=True, timeout=900, check=False)  # noqa: S603
        except subprocess.TimeoutExpired:
            raise NoKafka("mvn did not bring Apache Kafka's jars within 15 minutes") from None
        if done.returncode != 0:
            words = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
            raise NoKafka("mvn could not bring Apache Kafka's jars: " + (words[0] if words else "it did not say why"))
        try:
            draft.rename(folder)
        except OSError:
            if not folder.exists():  # else somebody else was quicker, with the same jars
                raise
