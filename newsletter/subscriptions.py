"""Confirming, pausing, leaving, coming back. Nothing is mailed before an address is confirmed."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from newsletter.models import Subscription
from newsletter.schedule import next_digest_at
from newsletter.subscription_changes import note_changes
from newsletter.suppression import lift_readers_own, suppress
from recommender.models import Membership

FEWEST_PAPERS = 3


def address_confirmed(sender: object, email_address: Any, **kwargs: object) -> None:
    """allauth's signal: the reader proved the address theirs, which is the second half of double opt-in."""
    confirm(email_address.user)


@transaction.atomic
def confirm(user: User, at: datetime | None = None) -> Subscription:
    """Start the reader's subscription. Proving an address again changes nothing, least of all that they had left."""
    at = at or timezone.now()
    subscription, _ = Subscription.objects.select_for_update().get_or_create(user=user)
    if subscription.confirmed_at is None:
        subscription.confirmed_at = at
        lift_readers_own(user.email)
        reschedule(subscription, at, also=["confirmed_at"])
    note_changes([subscription.pk], at)  # or it is another address, to which mail goes again
    return subscription


def reschedule(subscription: Subscription, at: datetime | None = None, also: list[str] | None = None) -> None:
    """After anything that moves the schedule: save those fields and when the next digest is due."""
    subscription.next_digest_at = next_digest_at(subscription, at or timezone.now())
    subscription.save(update_fields=["next_digest_at", *(also or [])])
    Membership.objects.filter(user=subscription.user_id).update(next_mail_at=None)  # looked at by group_digest.schedule


def pause(subscription: Subscription, until: date | None) -> None:
    """Until a date, or until the reader says otherwise."""
    subscription.paused_until = until
    if until is None:
        subscription.cadence = Subscription.Cadence.PAUSED
    reschedule(subscription, also=["paused_until", "cadence"])


def send_fewer(subscription: Subscription) -> None:
    """A daily reader becomes a weekly one, a weekly one gets half as many papers."""
    if subscription.cadence == Subscription.Cadence.DAILY:
        subscription.cadence = Subscription.Cadence.WEEKLY
    else:
        subscription.n_papers = max(FEWEST_PAPERS, subscription.n_papers // 2)
    reschedule(subscription, also=["cadence", "n_papers"])


@transaction.atomic
def unsubscribe(subscription: Subscription, at: datetime | None = None) -> None:
    """At once and as often as one likes: the second time changes nothing."""
    at = at or timezone.now()
    if subscription.unsubscribed_at is None:
        subscription.unsubscribed_at = at
    reschedule(subscription, also=["unsubscribed_at"])
    suppress(subscription.user.email, "unsubscribe")
    note_changes([subscription.pk], at)


@transaction.atomic
def resubscribe(subscription: Subscription) -> None:
    """Back again, by the reader's own hand. A bounce or complaint stays until an editor lifts it."""
    subscription.unsubscribed_at = None
    subscription.paused_until = None
    if subscription.cadence == Subscription.Cadence.PAUSED:
        subscription.cadence = Subscription.Cadence.DAILY
    lift_readers_own(subscription.user.email)
    reschedule(subscription, also=["unsubscribed_at", "paused_until", "cadence"])
    note_changes([subscription.pk])
