"""The embedded outbox: a real SMTP server, real mails, files with names a person can read."""

from __future__ import annotations

import smtplib
import socket
from email.message import EmailMessage
from pathlib import Path

import pytest

from config.embedded import EmbeddedError
from config.embedded.outbox import embedded_outbox


def make_mail(subject: str = "Your papers", to: str = "alice@example.org", text: str = "Good morning") -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "digest@example.org", to, subject
    mail.set_content(text)
    return mail


def post(port: int, mail: EmailMessage) -> None:
    with smtplib.SMTP("127.0.0.1", port, timeout=5) as server:
        server.send_message(mail)


def test_each_mail_is_kept_as_eml_html_and_text(tmp_path: Path) -> None:
    mail = make_mail(text="Grüße aus Łódź")
    mail.add_alternative("<p>Grüße aus <b>Łódź</b></p>", subtype="html")
    mail.set_boundary("boundary")
    with embedded_outbox(tmp_path, 0) as port:
        post(port, mail)
    eml, html, txt = sorted(tmp_path.iterdir(), key=lambda path: path.suffix)
    assert eml.stem == html.stem == txt.stem
    assert eml.stem.endswith("-alice@example.org-your-papers")
    assert eml.read_bytes().replace(b"\r\n", b"\n").strip() == mail.as_bytes().strip()
    assert html.read_text().strip() == "<p>Grüße aus <b>Łódź</b></p>"
    assert txt.read_text().strip() == "Grüße aus Łódź"


def test_a_mail_without_html_has_no_html_file(tmp_path: Path) -> None:
    with embedded_outbox(tmp_path, 0) as port:
        post(port, make_mail())
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".eml", ".txt"]


def test_two_alike_mails_are_two(tmp_path: Path) -> None:
    with embedded_outbox(tmp_path, 0) as port:
        post(port, make_mail(text="first"))
        post(port, make_mail(text="second"))
    assert len(list(tmp_path.glob("*.eml"))) == 2


def test_a_mail_to_two_lies_there_for_each(tmp_path: Path) -> None:
    with embedded_outbox(tmp_path, 0) as port:
        post(port, make_mail(to="alice@example.org, bob@example.org"))
    assert len(list(tmp_path.glob("*alice@example.org*.eml"))) == 1
    assert len(list(tmp_path.glob("*bob@example.org*.eml"))) == 1


@pytest.mark.parametrize("subject", ["../../etc/passwd", "a/b\\c", "日本語", "", "x" * 150], ids=str)
def test_no_subject_leads_out_of_the_folder(tmp_path: Path, subject: str) -> None:
    folder = tmp_path / "outbox"
    with embedded_outbox(folder, 0) as port:
        post(port, make_mail(subject=subject))
    assert len(list(folder.glob("*.eml"))) == 1
    assert list(tmp_path.iterdir()) == [folder]


def test_an_address_with_a_slash_stays_in_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "outbox"
    with embedded_outbox(folder, 0) as port, smtplib.SMTP("127.0.0.1", port, timeout=5) as server:
        server.sendmail("digest@example.org", ["../../evil@example.org"], make_mail().as_bytes())
    assert [path.suffix for path in sorted(folder.iterdir())] == [".eml", ".txt"]
    assert list(tmp_path.iterdir()) == [folder]


def test_a_charset_nobody_knows_still_keeps_the_mail(tmp_path: Path) -> None:
    raw = b"Subject: odd\r\nContent-Type: text/html; charset=klingon-8\r\n\r\n<p>x</p>\r\n"
    with embedded_outbox(tmp_path, 0) as port, smtplib.SMTP("127.0.0.1", port, timeout=5) as server:
        server.sendmail("digest@example.org", ["alice@example.org"], raw)
    assert [path.suffix for path in tmp_path.iterdir()] == [".eml"]


def test_a_folder_that_cannot_be_written_makes_the_sender_try_later(tmp_path: Path) -> None:
    folder = tmp_path / "outbox"
    with embedded_outbox(folder, 0) as port:
        folder.rmdir()
        with pytest.raises(smtplib.SMTPDataError) as refused:
            post(port, make_mail())
    assert refused.value.smtp_code == 452


def test_a_taken_port_is_told_with_what_to_set(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        told = pytest.raises(EmbeddedError, match=f"Port {port} is taken: set BROADSHEET_OUTBOX_PORT")
        with told, embedded_outbox(tmp_path, port):
            pass


def test_ending_does_not_wait_for_a_client_that_says_nothing(tmp_path: Path) -> None:
    with embedded_outbox(tmp_path, 0) as port:
        idle = smtplib.SMTP("127.0.0.1", port, timeout=5)
    idle.close()
    with pytest.raises(ConnectionRefusedError):
        smtplib.SMTP("127.0.0.1", port, timeout=1)
