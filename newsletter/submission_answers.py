"""decided -> claimed -> suppression looked up -> mailed: what the editors answer to who submitted a paper."""

from __future__ import annotations

import logging
from datetime import timedelta
from email.utils import make_msgid
from smtplib import SMTPException
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db.models import QuerySet
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from newsletter.headers import header_text, sender
from newsletter.suppression import suppression_of
from papers.models import Submission

TRIED_FOR = timedelta(days=2)  # then it is old news, and stands on the submitter's page anyway
TEMPLATE = "newsletter/submission_answer"

logger = logging.getLogger(__name__)


def unanswered() -> QuerySet[Submission]:
    since = timezone.now() - TRIED_FOR
    return Submission.objects.exclude(state=Submission.State.WAITING).filter(told_at=None, decided_at__gt=since)


def answer_all() -> int:
    """Each once, however many do this at the same time. Gives how many were mailed."""
    n_mailed = 0
    for submission in unanswered().select_related("paper", "submitter").order_by("decided_at"):
        if not Submission.objects.filter(pk=submission.pk, told_at=None).update(told_at=timezone.now()):
            continue
        if suppression_of(submission.submitter.email):
            continue
        try:
            message_for(submission).send()
        except (SMTPException, OSError) as error:
            logger.error("The mail server did not take the answer to submission %s: %s", submission.pk, error)
            Submission.objects.filter(pk=submission.pk).update(told_at=None)
            continue
        n_mailed += 1
    return n_mailed


def message_for(submission: Submission) -> EmailMultiAlternatives:
    path = submission.paper.get_absolute_url() if submission.paper.is_visible() else reverse("submissions")
    context: dict[str, Any] = {
        "is_listed": submission.state == Submission.State.APPROVED,
        "title": submission.paper.title,
        "word": submission.word,
        "url": f"{settings.BASE_URL}{path}",
        "BASE_URL": settings.BASE_URL,
        "SITE_NAME": settings.MAIL_FROM_NAME,
    }
    message = EmailMultiAlternatives(
        subject=header_text(render_to_string(f"{TEMPLATE}_subject.txt", context)),
        body=render_to_string(f"{TEMPLATE}.txt", context),
        from_email=sender(),
        to=[submission.submitter.email],
        reply_to=[settings.MAIL_REPLY_TO] if settings.MAIL_REPLY_TO else None,
        headers={"Message-ID": make_msgid(domain=settings.MAIL_DOMAIN), "Auto-Submitted": "auto-generated"},
    )
    message.attach_alternative(render_to_string(f"{TEMPLATE}.html", context), "text/html")
    return message
