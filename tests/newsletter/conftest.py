"""A real mail server in the process, which can be told to misbehave, and readers with something to be sent."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from papers.models import Paper
from tests.factories import make_paper, make_reader, make_subscription

MORNING = datetime(2025, 5, 5, 7, 2, tzinfo=UTC)  # a Monday, two minutes after seven


class MailServer:
    """Keeps what it takes. `answers` says what it answers to a recipient, `at_data` what it does with a text."""

    def __init__(self) -> None:
        self.taken: list[Envelope] = []
        self.answers: dict[str, str | list[str]] = {}
        self.at_data: dict[str, str] = {}
        self.n_connections = 0

    @property
    def messages(self) -> list[EmailMessage]:
        policy = email.policy.default
        return [email.message_from_bytes(envelope.content, policy=policy) for envelope in self.taken]  # type: ignore[misc, arg-type]

    @property
    def recipients(self) -> list[str]:
        return [address for envelope in self.taken for address in envelope.rcpt_tos]

    def next_answer(self, address: str) -> str:
        answer = self.answers.get(address, "")
        if isinstance(answer, list):
            return answer.pop(0) if answer else ""
        return answer

    # aiosmtpd's hooks

    async def handle_EHLO(
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        self.n_connections += 1
        session.host_name = hostname
        return responses

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = self.next_answer(address)
        if answer == "drop":
            server.transport.abort()  # type: ignore[union-attr]
            return "250 never seen"
        if answer:
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        doing = self.at_data.pop(envelope.rcpt_tos[0], "")
        if doing.startswith(("4", "5")):
            return doing
        self.taken.append(envelope)
        if doing == "drop after taking":
            server.transport.abort()  # type: ignore[union-attr]
        return "250 OK"


@pytest.fixture
def mail_server(settings: Any) -> Iterator[MailServer]:
    server = MailServer()
    controller = Controller(server, hostname="127.0.0.1", port=0)  # type: ignore[arg-type]
    controller.port = free_port()
    controller.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", controller.port, 5
    yield server
    controller.stop()


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def new_papers(db: None) -> list[Paper]:
    """Twelve papers on speech, announced on the day before MORNING."""
    return [
        make_paper(
            f"Speech recognition with less of everything, part {number}",
            abstract=f"We recognise speech number {number}. It works better than before. Code is available.",
            topics=["Speech"],
            authors=["Ada Lovelace", "Grace Hopper"],
            published_at=MORNING - timedelta(hours=10 + number),
            pdf_url=f"https://papers.example.org/{number}.pdf",
        )
        for number in range(12)
    ]


def make_due_reader(email: str = "", **fields: Any) -> Any:
    """A subscription whose turn was at seven."""
    return make_subscription(make_reader(email), next_digest_at=MORNING.replace(minute=0), **fields)
