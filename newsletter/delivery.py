"""claim -> look up -> hand over -> record, one digest at a time over one connection.

Whoever dies in between leaves a lease that ends: before `handed_over_at` the digest is simply composed again, after it
nobody knows whether the reader has it, and it is `uncertain`.
"""

from __future__ import annotations

import contextlib
import logging
import random
import secrets
import smtplib
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.mail import get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.backends.smtp import EmailBackend as SMTPBackend
from django.db import OperationalError, connection
from django.db.models import Case, F, Value, When
from django.utils import timezone
from django.utils.translation import gettext as _

from newsletter import providers, smtp
from newsletter.answers import Answer, Verdict
from newsletter.bounces import Kind, classify, note_bounce
from newsletter.headers import envelope
from newsletter.message import Built, Contents, build, load_contents
from newsletter.models import Digest, DigestQuerySet, Subscription
from newsletter.pace import wait_for_turn
from newsletter.schedule import local_date
from newsletter.suppression import suppression_of
from papers.models import Paper
from recommender.models import Membership

logger = logging.getLogger(__name__)

State = Digest.State
RETRIED_FOR = timedelta(days=1)
LONGEST_WAIT = timedelta(hours=3)
RECORD_TRIES = 5
MOST_COPIES = 3
MAY_COME_TWICE = "sent again after an answer was lost: it may have come twice"


class MailServerUnavailable(Exception):
    """No digest can be sent at all now. None was lost: they stay composed."""


class Mailer:
    """One connection for many messages, opened again when it broke."""

    def __init__(self) -> None:
        self.backend: BaseEmailBackend = get_connection()
        self.is_open = False

    def __enter__(self) -> Mailer:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def open(self) -> None:
        if self.is_open:
            return
        try:
            self.backend.open()
        except (smtplib.SMTPException, OSError) as error:
            raise MailServerUnavailable(" ".join(str(error).split()) or type(error).__name__) from error
        self.is_open = True

    def close(self) -> None:
        self.is_open = False
        with contextlib.suppress(smtplib.SMTPException, OSError):  # it may be gone already
            self.backend.close()
        if isinstance(self.backend, SMTPBackend):
            self.backend.connection = None

    def hand_over(self, built: Built, may_finish: Callable[[], bool]) -> Answer:
        backend = self.backend
        if isinstance(backend, SMTPBackend) and backend.connection is not None:
            message = built.message
            answer = smtp.hand_over(
                backend.connection, envelope(message.from_email), envelope(message.to[0]), built.wire, may_finish
            )
        else:
            answer = providers.hand_over(backend, built.message, may_finish)
        if answer.is_connection_over:
            self.close()
        return answer


def deliver(digest_ids: Sequence[int]) -> Counter[str]:
    """Send those that are still to be sent; how many came to which end ("later" for another try)."""
    digests = list(
        Digest.objects.deliverable()
        .filter(pk__in=digest_ids)
        .select_related("subscription__user", "edition", "group")
        .order_by("composed_at", "pk")
    )
    tally: Counter[str] = Counter()
    if not digests:
        return tally
    contents = load_contents(digests)
    with Mailer() as mailer:
        for position, digest in enumerate(digests):
            try:
                mailer.open()
            except MailServerUnavailable as error:
                postpone([digest.pk for digest in digests[position:]], str(error))
                raise
            wait_for_turn()
            if end := deliver_one(digest, contents, mailer):
                tally[end] += 1
    return tally


def deliver_one(digest: Digest, contents: Contents, mailer: Mailer) -> str | None:
    """None if somebody else has it."""
    token = secrets.token_hex(16)
    lease_until = timezone.now() + timedelta(seconds=settings.DIGEST_LEASE_SECONDS)
    if not Digest.objects.claim(digest.pk, lease_until, token):
        return None
    digest.attempts += 1
    held = _Held(digest, token)
    if end := end_without_sending(digest):
        return held.record(*end)
    visible = visible_papers(digest)
    if not visible:
        return held.record(State.SKIPPED, _("every paper in it was withdrawn before it was sent"))
    try:
        built = build(digest, contents, visible)
    except Exception as error:
        logger.exception("Digest %s could not be written", digest.pk)
        return held.record(State.FAILED, f"could not be written: {type(error).__name__}: {error}")
    return conclude(held, mailer.hand_over(built, held.mark_handed_over))


def end_without_sending(digest: Digest) -> tuple[str, str] | None:
    """What forbids the digest at this very moment, whatever was true when it was composed."""
    subscription = Subscription.objects.select_related("user").get(pk=digest.subscription_id)
    digest.subscription = subscription
    address = subscription.user.email
    if subscription.unsubscribed_at or not subscription.user.is_active:
        return State.SUPPRESSED, _("unsubscribed before it was sent")
    if suppression := suppression_of(address):
        return State.SUPPRESSED, _("the address is suppressed: %s") % suppression.get_reason_display()
    if subscription.confirmed_at is None:
        return State.SUPPRESSED, _("the address is not confirmed")
    if digest.group_id is not None and not is_wanted(digest):
        return State.SUPPRESSED, _("left the group, or its weekly mail, before it was sent")
    if is_paused(digest):
        return State.SKIPPED, _("paused before it was sent")
    if not address.rpartition("@")[0].isascii():
        return State.FAILED, _("mail servers do not take an address with letters outside ASCII before the @")
    return None


def is_wanted(digest: Digest) -> bool:
    """A group's: by a member who wants to be told."""
    user = digest.subscription.user_id
    return Membership.objects.filter(group=digest.group_id, user=user, is_mailed=True).exists()


def is_paused(digest: Digest) -> bool:
    """Away until a day: nothing comes. The cadence is of a reader's own digests alone."""
    subscription = digest.subscription
    if digest.group_id is None and subscription.cadence == Subscription.Cadence.PAUSED:
        return True
    day = digest.period if digest.group_id is None else local_date(subscription, digest.composed_at)
    return subscription.paused_until is not None and subscription.paused_until > day


def visible_papers(digest: Digest) -> set[int]:
    ids = digest.paper_ids
    return set(Paper.objects.published().filter(pk__in=ids).values_list("pk", flat=True))


def conclude(held: _Held, answer: Answer) -> str | None:
    digest = held.digest
    no_copy: dict[str, Any] = {"times_handed_over": F("times_handed_over") - held.was_handed_over}
    match answer.verdict:
        case Verdict.SENT:
            is_second = When(times_handed_over__gt=1, then=Value(MAY_COME_TWICE))
            return held.record(State.SENT, "", sent_at=timezone.now(), state_reason=Case(is_second, default=Value("")))
        case Verdict.UNKNOWN:
            return held.record(State.UNCERTAIN, answer.said)
        case Verdict.REFUSED:
            if kind := Kind.HARD if answer.is_address_error else classify("", answer.said):
                note_bounce(digest, kind, answer.said)
            return held.record(State.FAILED, answer.said, **no_copy)
        case Verdict.LATER if timezone.now() - digest.composed_at > RETRIED_FOR:
            return held.record(State.FAILED, _("refused for a day: %s") % answer.said, **no_copy)
        case Verdict.LATER:
            next_attempt_at = timezone.now() + wait_after(digest.attempts)
            held.record(State.COMPOSED, answer.said, next_attempt_at=next_attempt_at, lease_until=None, **no_copy)
            return "later"
    return None


def wait_after(attempts: int) -> timedelta:
    """Doubling up to three hours, a quarter more or less, so that what failed together is spread."""
    doubled: timedelta = min(
        timedelta(seconds=settings.DIGEST_RETRY_SECONDS) * 2 ** min(max(attempts, 1) - 1, 10), LONGEST_WAIT
    )
    return doubled * random.uniform(0.75, 1.25)


class _Held:
    """A digest claimed by us, as long as the lease is ours."""

    def __init__(self, digest: Digest, token: str) -> None:
        self.digest = digest
        self.mine = Digest.objects.filter(pk=digest.pk, lease_token=token)
        self.was_handed_over = 0  # or 1

    def mark_handed_over(self) -> bool:
        now = timezone.now()
        held = self.mine.filter(state=State.SENDING, lease_until__gt=now)
        self.was_handed_over = held.update(handed_over_at=now, times_handed_over=F("times_handed_over") + 1)
        return bool(self.was_handed_over)

    def record(self, state: str, reason: str, **fields: Any) -> str:
        """Also over `uncertain`, should the lease have ended while we waited for the server: we know better."""
        values = {"state": state, "state_reason": " ".join(reason.split())[:300], **fields}
        for tries_left in reversed(range(RECORD_TRIES)):
            try:
                self.mine.filter(state__in=(State.SENDING, State.UNCERTAIN)).update(**values)
                break
            except OperationalError:  # the database is locked or restarting; the message is out, so this must be kept
                if not tries_left or connection.in_atomic_block:
                    raise
                connection.close_if_unusable_or_obsolete()
                time.sleep(1)
        return state


def postpone(digest_ids: Iterable[int], reason: str) -> None:
    """No server, no try: the digests wait a little, as they are."""
    Digest.objects.filter(pk__in=list(digest_ids), state=State.COMPOSED).update(
        next_attempt_at=timezone.now() + wait_after(1), state_reason=f"the mail server does not answer: {reason}"[:300]
    )


def recover_expired_leases(at: datetime) -> None:
    """Of workers that died: what they had not handed over is composed again, what they had is uncertain."""
    expired = Digest.objects.filter(state=State.SENDING, lease_until__lte=at)
    expired.filter(handed_over_at__isnull=True).update(state=State.COMPOSED, lease_until=None)
    expired.filter(handed_over_at__isnull=False).update(
        state=State.UNCERTAIN, state_reason="the worker ended while the mail server had the message"
    )
    if settings.UNCERTAIN_POLICY == "rather-twice":
        lately = Digest.objects.filter(composed_at__gt=at - RETRIED_FOR, times_handed_over__lt=MOST_COPIES)
        send_uncertain_again(lately)


def send_uncertain_again(digests: DigestQuerySet) -> int:
    """With the Message-ID it had, by which many mailboxes know a second copy."""
    return digests.filter(state=State.UNCERTAIN).update(
        state=State.COMPOSED, lease_until=None, state_reason=MAY_COME_TWICE
    )
