"""A mail server for trying ``email.send``: takes mails on this machine and keeps each as a file.

    python -m jobstream_worker.examples.inbox --port 1025 --dir inbox

A mail with the same Message-ID as an earlier one is a repeat and lands in the same file. To see retries, tell
it to be busy for the first mails, or write to an address that begins with ``greylisted@`` (each mail is
answered 451 once, then taken) or ``refused@`` (answered 550, always).
"""

import argparse
import asyncio
import hashlib
import re
import signal
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as DEFAULT_POLICY
from pathlib import Path
from typing import Any, Self

_PLAIN_NAME = re.compile(r"<([0-9A-Za-z._-]{1,100})@[^<>]*>")


@dataclass(frozen=True, slots=True)
class Received:
    """A mail that was taken. ``repeat``: one with its Message-ID was there before."""

    sender: str
    recipients: tuple[str, ...]
    mail: EmailMessage
    path: Path
    repeat: bool


@dataclass(slots=True)
class Inbox:
    """An SMTP server on loopback. Use it as ``async with Inbox(folder) as inbox``.

    Attributes:
        folder: where mails are kept, one ``.eml`` file for each Message-ID; made if it is not there.
        port: 0 takes a free one, and this is then the one taken.
        busy: how many more mails are answered 451 before one is taken.
        login: user and password that a client must give, or None.
        received: the mails taken, in order, repeats included.
        answers: how often each code was given for a mail, its sender or a recipient.
    """

    folder: Path
    port: int = 0
    busy: int = 0
    login: tuple[str, str] | None = field(default=None, repr=False)
    received: list[Received] = field(default_factory=list)
    answers: Counter[int] = field(default_factory=Counter)
    _greylist: set[str] = field(default_factory=set)
    _server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._server = await asyncio.get_running_loop().create_server(self._session, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    @property
    def url(self) -> str:
        """What JOBSTREAM_SMTP_URL must say to send here, login included."""
        login = "{}:{}@".format(*self.login) if self.login else ""
        return f"smtp://{login}127.0.0.1:{self.port}"

    def _session(self) -> Any:
        from aiosmtpd.smtp import SMTP

        return SMTP(
            self,
            hostname="inbox.localhost",
            ident="jobstream inbox",
            enable_SMTPUTF8=True,
            auth_require_tls=False,
            authenticator=self._authenticate,
        )

    def _authenticate(self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, given: Any) -> Any:
        from aiosmtpd.smtp import AuthResult

        known = self.login is not None and (given.login, given.password) == tuple(s.encode() for s in self.login)
        return AuthResult(success=known, handled=False)

    async def handle_MAIL(self, _server: Any, session: Any, envelope: Any, address: str, options: Sequence[str]) -> str:
        """Take or refuse a sender."""
        if self.login is not None and not session.authenticated:
            return self._answer(530, "5.7.0 who are you?")
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Sequence[str]
    ) -> str:
        """Take or refuse a recipient."""
        if address.startswith("refused@"):
            return self._answer(550, "5.1.1 no such mailbox here")
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        """Take or refuse a mail."""
        mail = message_from_bytes(envelope.content, policy=DEFAULT_POLICY)
        message_id = str(mail["Message-ID"] or hashlib.sha256(envelope.content).hexdigest())
        if self.busy > 0:
            self.busy -= 1
            return self._answer(451, "4.3.2 busy, try again later")
        if any(name.startswith("greylisted@") for name in envelope.rcpt_tos) and message_id not in self._greylist:
            self._greylist.add(message_id)
            return self._answer(451, "4.7.1 greylisted, try again later")
        path = self.folder / f"{_file_name(message_id)}.eml"
        repeat = path.exists()
        path.write_bytes(envelope.content)
        self.received.append(Received(envelope.mail_from, tuple(envelope.rcpt_tos), mail, path, repeat))
        return self._answer(250, "OK, a repeat" if repeat else "OK, kept")

    def _answer(self, code: int, words: str) -> str:
        self.answers[code] += 1
        return f"{code} {words}"


def _file_name(message_id: str) -> str:
    plain = _PLAIN_NAME.fullmatch(message_id.strip())
    return plain[1] if plain else hashlib.sha256(message_id.encode()).hexdigest()


async def serve(inbox: Inbox) -> None:
    """Run until SIGINT or SIGTERM."""
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with inbox:
        print(f"mails to {inbox.url} are kept in {inbox.folder}", flush=True)
        await stopped.wait()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the inbox from the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m jobstream_worker.examples.inbox", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--port", type=int, default=1025, help="0 takes a free one (default: %(default)s)")
    parser.add_argument("--dir", type=Path, default=Path("inbox"), help="where mails are kept (default: %(default)s)")
    parser.add_argument("--busy", type=int, default=0, metavar="N", help="answer 451 to the first N mails")
    chosen = parser.parse_args(arguments)
    asyncio.run(serve(Inbox(chosen.dir, port=chosen.port, busy=chosen.busy)))


if __name__ == "__main__":
    main()
