"""What an editor does for a reader who writes: send a digest again, pause, resume. Nothing is done on an older view of
things than the database has, and no second copy goes out that nobody asked for."""

from __future__ import annotations

from datetime import date

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from newsletter import subscriptions
from newsletter.delivery import MAY_COME_TWICE, end_without_sending
from newsletter.edition_desk import DeskError
from newsletter.models import Digest, Subscription

State = Digest.State
Cadence = Subscription.Cadence


def may_have_a_copy(digest: Digest) -> bool:
    """The mail server took it, or nobody knows."""
    return digest.state in (State.SENT, State.UNCERTAIN) or digest.times_handed_over > 0


def seen(digest: Digest) -> str:
    """What an editor decides upon; another one, another situation."""
    return f"{digest.state}.{digest.attempts}.{digest.times_handed_over}"


def why_not_again(digest: Digest) -> str:
    """What stands against sending it again, or nothing. The moment of sending decides anew."""
    if digest.state in (State.COMPOSED, State.SENDING):
        return _("It is on its way already.")
    if not digest.items:
        return _("There is nothing in it: %s.") % digest.state_reason
    if digest.edition and digest.edition.stopped_at:
        return _("Its edition is stopped: resume it first.")
    end = end_without_sending(digest)
    return _("It would not be sent: %s.") % end[1] if end else ""


@transaction.atomic
def send_again(pk: int, *, seen_as: str, even_twice: bool) -> None:
    """The next sweep sends it, with the Message-ID it had, by which many mailboxes know a second copy. Where there may
    be a first one the editor has to have said so."""
    digest = Digest.objects.select_for_update(of=("self",)).select_related("subscription__user", "edition").get(pk=pk)
    if seen(digest) != seen_as:
        raise DeskError(_("Meanwhile it is %s: nothing was changed. Look again.") % digest.get_state_display())
    if reason := why_not_again(digest):
        raise DeskError(reason)
    is_second = may_have_a_copy(digest)
    if is_second and not even_twice:
        raise DeskError(_("The reader may have it already: say that a second copy is wanted."))
    told = MAY_COME_TWICE if is_second else "sent again by an editor"
    # A copy that a mail server may have counts as one even where it was not counted then.
    copies = {"times_handed_over": 1} if is_second and not digest.times_handed_over else {}
    Digest.objects.filter(pk=pk).update(
        state=State.COMPOSED, state_reason=told, lease_until=None, next_attempt_at=None, **copies
    )


def mark(subscription: Subscription) -> str:
    return f"{subscription.cadence}.{subscription.paused_until}.{bool(subscription.unsubscribed_at)}"


def is_paused(subscription: Subscription) -> bool:
    until = subscription.paused_until
    return subscription.cadence == Cadence.PAUSED or bool(until and until > timezone.now().date())


@transaction.atomic
def pause(pk: int, until: date | None, *, seen_as: str) -> Subscription:
    held = _held(pk, seen_as)
    if until is not None and until <= timezone.now().date():
        raise DeskError(_("A pause ends on a day that is still to come."))
    subscriptions.pause(held, until)
    return held


@transaction.atomic
def resume(pk: int, cadence: str = "", *, seen_as: str) -> Subscription:
    """At the cadence they had, where the pause had an end; else at the one that the reader names."""
    held = _held(pk, seen_as)
    held.paused_until = None
    if held.cadence == Cadence.PAUSED:
        if cadence not in (Cadence.DAILY, Cadence.WEEKLY):
            raise DeskError(_("Say how often: every day or once a week."))
        held.cadence = cadence
    subscriptions.reschedule(held, also=["paused_until", "cadence"])
    return held


def _held(pk: int, seen_as: str) -> Subscription:
    held = Subscription.objects.select_for_update(of=("self",)).select_related("user").get(pk=pk)
    if mark(held) != seen_as:
        raise DeskError(_("Somebody else, or the reader, has just changed it: look again."))
    if held.unsubscribed_at:
        raise DeskError(_("They unsubscribed: only they come back, by their own hand."))
    return held
