"""A digest before it goes out, for an editor's eyes: the same code as for sending, and nothing is kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from email.utils import make_msgid

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from newsletter import message
from newsletter.answers import Answer, Verdict
from newsletter.delivery import Mailer, MailServerUnavailable, visible_papers
from newsletter.digest import draft
from newsletter.editions import draft_edition
from newsletter.headers import header_text
from newsletter.models import Digest, Edition, Subscription
from newsletter.schedule import local_date
from newsletter.suppression import suppression_of

NOBODY = 0  # no row has it, so that links in a test mail vote, confirm and unsubscribe for nobody


@dataclass
class Preview:
    subject: str = ""
    html: str = ""
    text: str = ""
    size: int = 0  # bytes on the wire
    reason: str = ""  # why there is no digest


def new_reader(email: str = "reader@example.org") -> Subscription:
    """Who has just signed up and said nothing yet; unsaved."""
    return Subscription(pk=NOBODY, user=User(pk=NOBODY, email=email), confirmed_at=timezone.now())


def preview_for(subscription: Subscription, day: date | None = None) -> Preview:
    """The reader's digest of the day if there is one already, else what would be composed for them now."""
    digest = _digest_of(subscription, day)
    if not digest.items:
        return Preview(reason=digest.state_reason)
    built = message.build(digest, message.load_contents([digest]), visible_papers(digest))
    html = str(built.message.alternatives[0][0])
    return Preview(str(built.message.subject), html, str(built.message.body), len(built.wire))


def send_test(subscription: Subscription, day: date, to: str) -> Answer:
    """The reader's digest to an editor's address, marked as a test: its links do nothing for the reader it was made
    for."""
    if suppression := suppression_of(to):
        return Answer(Verdict.REFUSED, _("your address is suppressed: %s") % suppression.get_reason_display())
    digest = _digest_of(subscription, day)
    if not digest.items:
        return Answer(Verdict.REFUSED, digest.state_reason)
    digest.pk = NOBODY
    digest.subject = header_text(_("Test: %s") % digest.subject)
    digest.message_id = make_msgid(domain=settings.MAIL_DOMAIN)
    stand_in = new_reader(to)
    stand_in.cadence, stand_in.order = subscription.cadence, subscription.order
    digest.subscription = stand_in
    built = message.build(digest, message.load_contents([digest]), visible_papers(digest))
    with Mailer() as mailer:
        try:
            mailer.open()
        except MailServerUnavailable as error:
            return Answer(Verdict.LATER, _("the mail server does not answer: %s") % error)
        return mailer.hand_over(built, lambda: True)


def _digest_of(subscription: Subscription, day: date | None) -> Digest:
    at = timezone.now()
    day = day or local_date(subscription, at)
    digest = (
        Digest.objects.own()
        .filter(subscription=subscription.pk, period=day)
        .exclude(state=Digest.State.SKIPPED)
        .select_related("subscription__user", "edition")
        .first()
    )
    if digest is None:
        edition = Edition.objects.filter(date=day).first() or draft_edition(day)
        [digest] = draft(edition, [subscription], at)
    return digest
