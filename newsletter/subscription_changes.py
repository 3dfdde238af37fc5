"""Subscribers won and lost: a row a change, told from what is so now, whoever changed it.

A subscriber is who confirmed, has not left, whose account is open and whose address is not suppressed; a pause is no
loss.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.db.models import OuterRef, Subquery
from django.utils import timezone

from accounts.addresses import normalise_email
from newsletter.models import Digest, Subscription, SubscriptionChange, Suppression
from newsletter.suppression import address_hashes

Kind = SubscriptionChange.Kind
GOT = (Digest.State.SENT, Digest.State.UNCERTAIN)
AT_ONCE = 500  # subscriptions asked for in one statement


def note_changes_of(addresses: Iterable[str], at: datetime | None = None) -> None:
    """For whoever knows an address only. That of an erased reader is empty, and nobody's."""
    emails = [normalise_email(address) for address in addresses if address]
    note_changes(Subscription.objects.filter(user__email__in=emails).values_list("pk", flat=True), at)


def note_changes(subscription_ids: Iterable[int], at: datetime | None = None) -> None:
    """After anything that may have won or lost these readers; as often as one likes, since only a change is kept."""
    ids, at = list(subscription_ids), at or timezone.now()
    for start in range(0, len(ids), AT_ONCE):
        _note(ids[start : start + AT_ONCE], at)


@transaction.atomic
def _note(ids: list[int], at: datetime) -> None:
    # Locked, so that of two who unsubscribe the same reader at once only one counts.
    list(Subscription.objects.select_for_update().filter(pk__in=ids).order_by("pk").values_list("pk"))
    last_change = SubscriptionChange.objects.filter(subscription=OuterRef("pk")).order_by("-pk")
    last_digest = Digest.objects.own().filter(subscription=OuterRef("pk"), state__in=GOT).order_by("-period")
    subscriptions = (
        Subscription.objects.filter(pk__in=ids)
        .select_related("user")
        .annotate(
            last_kind=Subquery(last_change.values("kind")[:1]),
            last_edition=Subquery(last_digest.values("edition")[:1]),
        )
    )
    hashes = {subscription.pk: address_hashes(subscription.user.email) for subscription in subscriptions}
    suppressions = dict(
        Suppression.objects.filter(address_hash__in=[one for each in hashes.values() for one in each]).values_list(
            "address_hash", "reason"
        )
    )
    changes = []
    for subscription in subscriptions:
        reasons = [suppressions[one] for one in hashes[subscription.pk] if one in suppressions]
        kind = _kind_now(subscription, reasons[0] if reasons else "", subscription.last_kind)
        was_won, is_won = subscription.last_kind in SubscriptionChange.WON, kind in SubscriptionChange.WON
        if was_won != is_won:
            changes.append(
                SubscriptionChange(subscription=subscription, kind=kind, at=at, edition_id=subscription.last_edition)
            )
    SubscriptionChange.objects.bulk_create(changes)


def _kind_now(subscription: Subscription, suppressed: str, last_kind: str | None) -> str:
    if subscription.unsubscribed_at is not None or subscription.confirmed_at is None:
        return Kind.UNSUBSCRIBED
    if not subscription.user.is_active:
        return Kind.CLOSED
    if suppressed:
        return Kind(suppressed)  # a suppression's reasons are among the kinds
    return Kind.RETURNED if last_kind else Kind.SUBSCRIBED
