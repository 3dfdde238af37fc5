"""invited -> claimed -> suppression looked up -> mailed: the way into a group."""

from __future__ import annotations

import logging
from email.utils import make_msgid
from smtplib import SMTPException

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils import timezone

from newsletter.headers import header_text, sender
from newsletter.suppression import suppression_of
from recommender.models import Invitation, Membership

TEMPLATE = "newsletter/invitation"

logger = logging.getLogger(__name__)


def mail_all() -> int:
    """Each once, however many do this at the same time. Gives how many were mailed."""
    n_mailed = 0
    waiting = Invitation.objects.open().filter(mailed_at=None).select_related("group").order_by("created_at")
    for invitation in waiting:
        mine = Invitation.objects.filter(pk=invitation.pk, secret=invitation.secret)
        if not mine.filter(mailed_at=None).update(mailed_at=timezone.now()):
            continue
        if suppression_of(invitation.email):
            continue
        try:
            message_for(invitation).send()
        except (SMTPException, OSError) as error:
            logger.error("The mail server did not take invitation %s: %s", invitation.pk, error)
            mine.update(mailed_at=None)
            continue
        n_mailed += 1
    return n_mailed


def message_for(invitation: Invitation) -> EmailMultiAlternatives:
    inviter = Membership.objects.filter(group=invitation.group, user=invitation.invited_by_id).first()
    context = {
        "group": header_text(invitation.group.name),
        "inviter": header_text(inviter.name) if inviter else "",
        "url": f"{settings.BASE_URL}{invitation.get_absolute_url()}",
        "BASE_URL": settings.BASE_URL,
        "SITE_NAME": settings.MAIL_FROM_NAME,
    }
    message = EmailMultiAlternatives(
        subject=header_text(render_to_string(f"{TEMPLATE}_subject.txt", context)),
        body=render_to_string(f"{TEMPLATE}.txt", context),
        from_email=sender(),
        to=[invitation.email],
        reply_to=[settings.MAIL_REPLY_TO] if settings.MAIL_REPLY_TO else None,
        headers={"Message-ID": make_msgid(domain=settings.MAIL_DOMAIN), "Auto-Submitted": "auto-generated"},
    )
    message.attach_alternative(render_to_string(f"{TEMPLATE}.html", context), "text/html")
    return message
