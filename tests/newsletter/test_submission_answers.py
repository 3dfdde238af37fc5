"""What is mailed to who submitted a paper."""

from __future__ import annotations

from datetime import timedelta
from email import message_from_bytes
from smtplib import SMTPServerDisconnected

import pytest
from django.core import mail
from django.core.mail import EmailMultiAlternatives
from django.utils import timezone

from accounts.models import User
from newsletter.submission_answers import answer_all
from newsletter.suppression import suppress
from papers.models import Submission
from papers.submissions import decide
from tests.factories import make_paper

pytestmark = pytest.mark.django_db


def decided(user: User, state: str = "approved", word: str = "", title: str = "Birds") -> Submission:
    submission = Submission.objects.create(paper=make_paper(title, status="pending"), submitter=user)
    decide(submission, state, word)
    submission.refresh_from_db()
    return submission


def test_the_answer_comes_once_with_the_word_in_both_parts(alice: User) -> None:
    submission = decided(alice, word="We like x<y & z.", title="AT&T <b>\r\nBcc: evil@example.org")
    assert (answer_all(), answer_all()) == (1, 0)
    (message,) = mail.outbox
    parsed = message_from_bytes(message.message().as_bytes())
    text, html = (part.get_payload(decode=True).decode() for part in parsed.get_payload())  # type: ignore[union-attr]
    assert message.to == ["alice@example.org"]
    assert parsed["Bcc"] is None
    assert message.subject.startswith("Listed: AT&T <b>")
    assert "We like x<y & z." in text
    assert "We like x&lt;y &amp; z." in html
    for part in (text, html):
        assert f"http://localhost:8000{submission.paper.get_absolute_url()}" in part


def test_who_is_declined_is_led_to_their_own_page(alice: User) -> None:
    decided(alice, "declined")
    answer_all()
    assert mail.outbox[0].subject == "Not listed: Birds"
    assert "http://localhost:8000/submit/" in mail.outbox[0].body


def test_nobody_who_waits_is_mailed(alice: User) -> None:
    Submission.objects.create(paper=make_paper(status="pending"), submitter=alice)
    assert answer_all() == 0


def test_a_suppressed_address_is_not_mailed_and_not_asked_again(alice: User) -> None:
    decided(alice)
    suppress(alice.email, "bounce")
    answer_all()
    assert mail.outbox == []
    assert Submission.objects.get().told_at is not None


def test_what_the_server_did_not_take_is_tried_again_for_two_days(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    decided(alice)

    def refuse(message: EmailMultiAlternatives) -> int:
        raise SMTPServerDisconnected

    with monkeypatch.context() as broken:
        broken.setattr(EmailMultiAlternatives, "send", refuse)
        assert answer_all() == 0
    Submission.objects.update(decided_at=timezone.now() - timedelta(days=3))
    assert answer_all() == 0
    Submission.objects.update(decided_at=timezone.now() - timedelta(days=1))
    assert answer_all() == 1
