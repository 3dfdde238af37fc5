"""Readers who did not sign up here: their consent was given elsewhere, and the operator answers for it."""

from __future__ import annotations

from collections.abc import Collection

from django.utils import timezone

from accounts.models import User
from newsletter.models import Subscription
from newsletter.schedule import next_digest_at
from newsletter.subscription_changes import note_changes


def subscribe(readers: Collection[User]) -> None:
    """A confirmed daily subscription for each who has none. Who has one keeps it as it is, above all who left."""
    now = timezone.now()
    subscribed = set(Subscription.objects.filter(user__in=readers).values_list("user_id", flat=True))
    subscriptions = [Subscription(user=user, confirmed_at=now) for user in readers if user.pk not in subscribed]
    for subscription in subscriptions:
        subscription.next_digest_at = next_digest_at(subscription, now)
    Subscription.objects.bulk_create(subscriptions, ignore_conflicts=True)
    new = [subscription.user_id for subscription in subscriptions]
    note_changes(Subscription.objects.filter(user__in=new).values_list("pk", flat=True), now)
