"""``email.send``: a mail by SMTP."""

import unicodedata
from email.errors import NonASCIILocalPartDefect
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import localtime
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from jobstream import Backoff, Fail, JobContext
from jobstream_worker.examples.mail_server import MailServer
from jobstream_worker.examples.optional import optional_handler
from jobstream_worker.examples.settings import ExampleSettings


def _one_line(text: str) -> str:
    """Refuse what could end a header and begin another one."""
    if any(unicodedata.category(char) in ("Cc", "Zl", "Zp") for char in text):
        raise ValueError("must be one line without control characters")
    return text


def _mailbox(text: str) -> str:
    address(_one_line(text))
    return text


def address(text: str) -> Address:
    """The one address in ``ann@example.org`` or ``Ann <ann@example.org>``.

    Raises:
        ValueError: there is none, more than one, or a broken one.
    """
    try:
        header: Any = SMTP_POLICY.header_factory("to", text)
        (found,) = header.addresses
        broken = [defect for defect in header.defects if not isinstance(defect, NonASCIILocalPartDefect)]
        whole = found.username and found.domain and not broken
    except Exception:  # the parser trips over some broken addresses, with whatever error
        whole = False
    if not whole:
        raise ValueError(f"{text!r} is no mail address like ann@example.org or Ann <ann@example.org>")
    box: Address = found
    return box


Mailbox = Annotated[str, Field(max_length=320), AfterValidator(_mailbox)]


class Email(BaseModel):
    """What ``email.send`` takes."""

    model_config = ConfigDict(populate_by_name=True)

    to: list[Mailbox] = Field(min_length=1, max_length=50)
    cc: list[Mailbox] = Field([], max_length=50)
    bcc: list[Mailbox] = Field([], max_length=50)
    sender: Mailbox | None = Field(None, alias="from", description="Default: JOBSTREAM_SMTP_FROM.")
    subject: Annotated[str, AfterValidator(_one_line)] = Field(max_length=500)
    text: str | None = None
    html: str | None = None

    @model_validator(mode="after")
    def _has_body(self) -> Self:
        if self.text is None and self.html is None:
            raise ValueError("give the mail a text, an html, or both")
        return self


@optional_handler(
    "email.send", needs=["aiosmtplib"], max_retries=5, timeout_s=120, backoff=Backoff(base_s=1, cap_s=300)
)
async def send_email(payload: Email, ctx: JobContext) -> dict[str, Any]:
    """Send a mail by SMTP.

    Its Message-ID comes from the job, so a repeat (the server took the mail, but its answer was lost) is the same
    mail to whoever receives it twice.
    """
    settings = ExampleSettings()
    server = MailServer.of(settings.smtp_url.get_secret_value())
    sender = _sender(payload, settings)
    mail = compose(payload, sender, ctx.idempotency_key)
    recipients = list(dict.fromkeys(address(one).addr_spec for one in payload.to + payload.cc + payload.bcc))
    ctx.progress(0.1, f"handing over to {server}")
    refused = await server.send(mail, sender.addr_spec, recipients)
    if refused:
        ctx.log("some recipients were refused", refused=len(refused))
    accepted = [recipient for recipient in recipients if recipient not in refused]
    return {"message_id": mail["Message-ID"], "accepted": accepted, "refused": refused}


def compose(payload: Email, sender: Address, idempotency_key: str) -> EmailMessage:
    """The mail as it goes out; bcc stays off it."""
    mail = EmailMessage(policy=SMTP_POLICY)
    mail["From"] = str(sender)
    mail["To"] = ", ".join(payload.to)
    if payload.cc:
        mail["Cc"] = ", ".join(payload.cc)
    mail["Subject"] = payload.subject
    mail["Date"] = localtime()
    mail["Message-ID"] = f"<{idempotency_key}@{sender.domain if sender.domain.isascii() else 'jobstream'}>"
    if payload.text is not None:
        mail.set_content(payload.text)
    if payload.html is not None and payload.text is not None:
        mail.add_alternative(payload.html, subtype="html")
    elif payload.html is not None:
        mail.set_content(payload.html, subtype="html")
    return mail


def _sender(payload: Email, settings: ExampleSettings) -> Address:
    if payload.sender is not None:
        return address(payload.sender)
    try:
        return address(_one_line(settings.smtp_from))
    except ValueError as error:
        raise Fail(f"JOBSTREAM_SMTP_FROM: {error}") from None
