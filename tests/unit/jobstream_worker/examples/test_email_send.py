"""email.send against a real mail server on loopback."""

import asyncio
import signal
import socket
import sys
from contextlib import asynccontextmanager
from uuid import UUID

import pytest

from jobstream.contracts.status import JobStatus
from jobstream.handlers.outcomes import Failed
from jobstream.testing import JobHarness, run_handler
from jobstream_worker.examples.email_send import Email, compose, send_email
from jobstream_worker.examples.email_send import address as parse
from jobstream_worker.examples.inbox import Inbox
from jobstream_worker.examples.mail_server import MailServer

JOB_ID = UUID("01890a5d-ac96-774b-bcce-b302099a8057")
HELLO = {"to": ["Ann <ann@example.org>"], "subject": "Hello", "text": "It works."}


@pytest.fixture
async def inbox(tmp_path, monkeypatch):
    async with Inbox(tmp_path / "inbox") as running:
        monkeypatch.setenv("JOBSTREAM_SMTP_URL", running.url)
        yield running


async def failure(payload):
    ran = await run_handler(send_email, payload)
    assert isinstance(ran.outcome, Failed), ran.outcome
    return ran.outcome


@asynccontextmanager
async def a_server_that(answers):
    """Answers each line with what ``answers`` has for its first word, and hangs up where that is None."""

    async def serve(reader, writer):
        writer.write(b"220 hello\r\n")
        while line := await reader.readline():
            answer = answers.get(line.split()[0].upper() if line.strip() else b"", b"")
            if answer is None:
                break
            writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}"


ALL_WELL = {
    b"EHLO": b"250 hi\r\n",
    b"MAIL": b"250 ok\r\n",
    b"RCPT": b"250 ok\r\n",
    b"DATA": b"354 go\r\n",
    b".": b"250 ok\r\n",
}


async def test_a_mail_arrives_whole(inbox):
    ran = await run_handler(
        send_email,
        {
            "from": "Shop <shop@example.org>",
            "to": ["Ann Öst <ann@example.org>", "bob@example.org"],
            "cc": ["carl@example.org"],
            "bcc": ["dora@example.org", "bob@example.org"],
            "subject": "Grüße — order 7 ✓",
            "text": "Thank you!\n.\nA line that is only a dot comes before this one.\n",
            "html": "<p>Thank you!</p>",
        },
        job_id=JOB_ID,
    )
    everyone = ["ann@example.org", "bob@example.org", "carl@example.org", "dora@example.org"]
    assert ran.result == {"message_id": f"<{JOB_ID}@example.org>", "accepted": everyone, "refused": {}}
    (received,) = inbox.received
    mail = received.mail
    assert (received.sender, list(received.recipients)) == ("shop@example.org", everyone)
    assert mail["Message-ID"] == f"<{JOB_ID}@example.org>"
    assert mail["Subject"] == "Grüße — order 7 ✓"
    assert mail["From"] == "Shop <shop@example.org>"
    assert [a.display_name for a in mail["To"].addresses] == ["Ann Öst", ""]
    assert mail["Cc"] == "carl@example.org"
    assert mail["Bcc"] is None
    assert "dora" not in received.path.read_text()
    text = mail.get_body(["plain"]).get_content().replace("\r\n", "\n")
    assert text == "Thank you!\n.\nA line that is only a dot comes before this one.\n"
    assert "<p>Thank you!</p>" in mail.get_body(["html"]).get_content()
    assert received.path.name == f"{JOB_ID}.eml"


async def test_html_alone_is_the_body(inbox):
    await run_handler(send_email, {"to": ["ann@example.org"], "subject": "", "html": "<b>hi</b>"})
    assert inbox.received[0].mail.get_content_type() == "text/html"


async def test_an_address_with_an_umlaut_goes_out_by_smtputf8(inbox):
    ran = await run_handler(send_email, HELLO | {"to": ["änn@exämple.org"], "from": "shöp@exämple.org"})
    assert ran.result["accepted"] == ["änn@exämple.org"]
    assert inbox.received[0].mail["Message-ID"].endswith("@jobstream>")


async def test_a_repeat_of_the_job_is_the_same_mail(inbox):
    first = await run_handler(send_email, HELLO, job_id=JOB_ID)
    again = await run_handler(send_email, HELLO, job_id=JOB_ID, attempt=2)
    other = await run_handler(send_email, HELLO)
    assert first.result == again.result != other.result
    assert [received.repeat for received in inbox.received] == [False, True, False]
    assert len(list(inbox.folder.iterdir())) == 2


def test_a_long_message_id_stays_on_one_line():
    sender = parse(f"shop@{'very-' * 20}long.example.org")
    raw = compose(Email.model_validate(HELLO), sender, str(JOB_ID)).as_bytes()
    assert f"<{JOB_ID}@{'very-' * 20}long.example.org>".encode() in raw


async def test_a_busy_server_is_tried_again(inbox):
    inbox.busy = 2
    report = await JobHarness(send_email).run(HELLO)
    assert report.status == JobStatus.COMPLETED
    assert report.retries == 2
    assert [error.message for error in report.errors] == [
        f"the mail server 127.0.0.1:{inbox.port} does not take the mail now: 451 4.3.2 busy, try again later"
    ] * 2
    assert inbox.answers == {451: 2, 250: 1}
    assert len(inbox.received) == 1


async def test_each_mail_to_a_greylisted_address_is_taken_at_its_second_try(inbox):
    for _ in range(2):
        report = await JobHarness(send_email).run(HELLO | {"to": ["greylisted@example.org"]})
        assert (report.status, report.retries) == (JobStatus.COMPLETED, 1)
        assert "451 4.7.1 greylisted" in report.errors[0].message
    assert len(inbox.received) == 2


async def test_a_refusal_for_good_fails_at_once_in_the_servers_words(inbox):
    outcome = await failure(HELLO | {"to": ["refused@example.org"]})
    assert not outcome.retryable
    assert outcome.error.message == (
        f"the mail server 127.0.0.1:{inbox.port} refused the mail: refused@example.org: 550 5.1.1 no such mailbox here"
    )
    assert inbox.received == []


async def test_one_refused_recipient_does_not_keep_the_mail_from_the_others(inbox):
    ran = await run_handler(send_email, HELLO | {"to": ["ann@example.org", "refused@example.org"]})
    assert ran.result["accepted"] == ["ann@example.org"]
    assert ran.result["refused"] == {"refused@example.org": "550 5.1.1 no such mailbox here"}
    assert inbox.received[0].recipients == ("ann@example.org",)


async def test_no_server_is_worth_a_retry(monkeypatch):
    with socket.socket() as taken:  # bound, not listening: nobody else gets the port, and nobody answers
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        monkeypatch.setenv("JOBSTREAM_SMTP_URL", f"smtp://127.0.0.1:{port}")
        outcome = await failure(HELLO)
    assert outcome.retryable
    assert f"the mail did not reach 127.0.0.1:{port} (JOBSTREAM_SMTP_URL)" in outcome.error.message


async def test_the_login_is_used_and_a_wrong_one_fails_without_telling_the_password(tmp_path, monkeypatch):
    async with Inbox(tmp_path / "inbox", login=("ann", "p@ss:word")) as inbox:
        monkeypatch.setenv("JOBSTREAM_SMTP_URL", f"smtp://ann:p%40ss%3Aword@127.0.0.1:{inbox.port}")
        assert (await run_handler(send_email, HELLO)).result["accepted"] == ["ann@example.org"]
        monkeypatch.setenv("JOBSTREAM_SMTP_URL", f"smtp://ann:wr0ng@127.0.0.1:{inbox.port}")
        outcome = await failure(HELLO)
        monkeypatch.setenv("JOBSTREAM_SMTP_URL", f"smtp://127.0.0.1:{inbox.port}")
        without = await failure(HELLO)
    assert not outcome.retryable
    assert "535 5.7.8" in outcome.error.message
    assert "wr0ng" not in repr(outcome)
    assert "530 5.7.0" in without.error.message


@pytest.mark.parametrize(
    "url", ["http://mail.example.org", "smtp://", "smtp://ann:s3cret@host:port", "ann:s3cret@host"]
)
async def test_a_url_that_is_none_fails_and_is_not_shown(url, monkeypatch):
    monkeypatch.setenv("JOBSTREAM_SMTP_URL", url)
    outcome = await failure(HELLO)
    assert not outcome.retryable
    assert "smtp://user:password@host:port" in outcome.error.message
    assert "s3cret" not in repr(outcome)


def test_a_url_without_a_port_means_the_usual_one():
    assert MailServer.of("smtp://mail.example.org") == MailServer("mail.example.org", 25)
    assert MailServer.of("smtps://mail.example.org") == MailServer("mail.example.org", 465, tls=True)
    assert "secret" not in repr(MailServer.of("smtps://ann:secret@mail.example.org:1465"))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"subject": "Hi\r\nBcc: eve@example.org"}, "/payload/subject"),
        ({"subject": "Hi\nBcc: eve@example.org"}, "/payload/subject"),
        ({"subject": "Hi\u2028Bcc: eve@example.org"}, "/payload/subject"),
        ({"subject": "Hi\x85Bcc: eve@example.org"}, "/payload/subject"),
        ({"to": ["ann@example.org\r\nBcc: eve@example.org"]}, "/payload/to/0"),
        ({"to": ["Ann\n <ann@example.org>"]}, "/payload/to/0"),
        ({"to": ["ann@example.org, eve@example.org"]}, "/payload/to/0"),
        ({"to": ["ann"]}, "/payload/to/0"),
        ({"to": [""]}, "/payload/to/0"),
        ({"to": ["@example.org"]}, "/payload/to/0"),
        ({"to": ["ann smith@example.org"]}, "/payload/to/0"),
        ({"to": ["team: ann@example.org, bob@example.org;"]}, "/payload/to/0"),
        ({"to": ["ann@example.org> SIZE=1 <eve@example.org"]}, "/payload/to/0"),
        ({"to": []}, "/payload/to"),
        ({"cc": ["carl@"]}, "/payload/cc/0"),
        ({"bcc": ["x\r\nRCPT TO:<eve@example.org>"]}, "/payload/bcc/0"),
        ({"from": "shop@example.org\nX-Evil: 1"}, "/payload/from"),
        ({"text": None}, "/payload"),
    ],
)
async def test_what_could_bend_the_mail_is_refused(change, field, inbox):
    outcome = await failure(HELLO | change)
    assert (outcome.error.code, outcome.retryable) == ("invalid_payload", False)
    assert outcome.error.message.startswith(f"{field}: "), outcome.error.message
    assert inbox.received == []


async def test_a_sender_setting_that_is_no_address_is_named(inbox, monkeypatch):
    monkeypatch.setenv("JOBSTREAM_SMTP_FROM", "nobody")
    outcome = await failure(HELLO)
    assert not outcome.retryable
    assert outcome.error.message.startswith("JOBSTREAM_SMTP_FROM: 'nobody' is no mail address")


async def test_a_connection_that_breaks_before_the_end_is_worth_a_retry(monkeypatch):
    async with a_server_that(ALL_WELL | {b".": None}) as url:
        monkeypatch.setenv("JOBSTREAM_SMTP_URL", url)
        outcome = await failure(HELLO)
    assert outcome.retryable
    assert "the mail did not reach" in outcome.error.message


async def test_a_connection_that_breaks_after_the_mail_was_taken_changes_nothing(monkeypatch):
    async with a_server_that(ALL_WELL | {b"QUIT": None}) as url:
        monkeypatch.setenv("JOBSTREAM_SMTP_URL", url)
        assert (await run_handler(send_email, HELLO)).result["accepted"] == ["ann@example.org"]


async def test_a_password_does_not_leave_the_machine_unencrypted(tmp_path, monkeypatch):
    async with Inbox(tmp_path / "inbox", login=("ann", "secret")) as inbox:
        # To the handler 127.1 is a name like any other, so not known to be this machine.
        monkeypatch.setenv("JOBSTREAM_SMTP_URL", f"smtp://ann:secret@127.1:{inbox.port}")
        outcome = await failure(HELLO)
    assert "STARTTLS extension not supported" in outcome.error.message
    assert inbox.answers == {}


async def test_the_inbox_runs_from_the_command_line(tmp_path, monkeypatch):
    folder = tmp_path / "mails"
    command = (sys.executable, "-m", "jobstream_worker.examples.inbox")
    process = await asyncio.create_subprocess_exec(
        *command, "--port", "0", "--dir", str(folder), "--busy", "1", stdout=asyncio.subprocess.PIPE
    )
    try:
        line = (await asyncio.wait_for(process.stdout.readline(), 20)).decode()
        url = line.split()[2]
        assert line == f"mails to {url} are kept in {folder}\n"
        monkeypatch.setenv("JOBSTREAM_SMTP_URL", url)
        report = await JobHarness(send_email).run(HELLO)
        assert (report.status, report.retries) == (JobStatus.COMPLETED, 1)
        assert len(list(folder.iterdir())) == 1
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 10) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
