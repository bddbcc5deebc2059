"""The mail server that JOBSTREAM_SMTP_URL names, and what its answers mean for a job."""

import ipaddress
import socket
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

from jobstream import Fail, Retry

NETWORK_TIMEOUT_S = 15.0
"""Seconds for each answer of the server."""

_DEFAULT_PORTS = {"smtp": 25, "smtps": 465}


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mails go.

    Attributes:
        tls: TLS from the start; without it, STARTTLS is used if the server offers it.
    """

    host: str
    port: int
    tls: bool = False
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, url: str) -> "MailServer":
        """The server at ``smtp://user:password@host:port`` or ``smtps://...``.

        Raises:
            Fail: it is no such URL. The message does not show it, for the password's sake.
        """
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            host, port = None, None
        if host is None or parts.scheme not in _DEFAULT_PORTS:
            raise Fail(
                "JOBSTREAM_SMTP_URL must read smtp://user:password@host:port, or smtps:// for TLS from the start"
            )
        return cls(
            host=host,
            port=port or _DEFAULT_PORTS[parts.scheme],
            tls=parts.scheme == "smtps",
            user=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password or "") if parts.username else None,
        )

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    async def send(self, mail: EmailMessage, sender: str, recipients: Sequence[str]) -> dict[str, str]:
        """Hand a mail over. Returns the recipients that the server refused, with its words; it took the others.

        Raises:
            Retry: the server cannot be reached, or answered 4xx: not now.
            Fail: it answered 5xx: never.
        """
        import aiosmtplib

        client = aiosmtplib.SMTP(
            hostname=self.host,
            port=self.port,
            username=self.user,
            password=self.password,
            use_tls=self.tls,
            # Beyond this machine a password goes out encrypted or not at all.
            start_tls=True if self.user and not self.tls and not _is_loopback(self.host) else None,
            local_hostname=socket.gethostname(),  # the default asks the name service, which can block
            timeout=NETWORK_TIMEOUT_S,
        )
        try:
            await client.connect()
            refused, _ = await client.send_message(mail, sender=sender, recipients=recipients)
            with suppress(Exception):  # the mail is handed over, however the goodbye goes
                await client.quit()
        except aiosmtplib.SMTPRecipientsRefused as error:
            answers = [f"{one.recipient}: {_words(one.code, one.message)}" for one in error.recipients]
            raise self._refusal([one.code for one in error.recipients], "; ".join(answers)) from None
        except aiosmtplib.SMTPResponseException as error:
            raise self._refusal([error.code], _words(error.code, error.message)) from None
        except (aiosmtplib.SMTPNotSupported, ValueError) as error:
            raise Fail(f"the mail server {self} cannot take this mail: {error}") from None
        except (OSError, aiosmtplib.SMTPException) as error:
            words = str(error) or type(error).__name__
            raise Retry(message=f"the mail did not reach {self} (JOBSTREAM_SMTP_URL): {words}") from None
        finally:
            client.close()
        return {recipient: _words(answer.code, answer.message) for recipient, answer in refused.items()}

    def _refusal(self, codes: Sequence[int], words: str) -> Retry | Fail:
        """One recipient that may be served later is reason enough to try again: nobody has got the mail yet."""
        if all(500 <= code <= 599 for code in codes):
            return Fail(f"the mail server {self} refused the mail: {words}")
        return Retry(message=f"the mail server {self} does not take the mail now: {words}")


def _words(code: int, message: str) -> str:
    return f"{code} {' '.join(message.split())}"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
