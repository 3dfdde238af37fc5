"""What the newsletter holds of a reader, and how it lets go of it."""

from __future__ import annotations

from typing import Any

from accounts.models import User
from newsletter.models import Bounce, Click, Digest, Subscription, SubscriptionChange, Suppression, Vote
from newsletter.subscription_changes import note_changes
from newsletter.suppression import suppress, suppression_of

SUBSCRIPTION_FIELDS = [
    "cadence",
    "hour",
    "weekday",
    "time_zone",
    "n_papers",
    "order",
    "threshold",
    "confirmed_at",
    "paused_until",
    "unsubscribed_at",
    "created_at",
]


def export(user: User) -> dict[str, Any]:
    suppression = suppression_of(user.email)
    return {
        "subscription": Subscription.objects.filter(user=user).values(*SUBSCRIPTION_FIELDS).first(),
        "digests": [
            {
                "period": digest.period,
                "state": digest.state,
                "reason": digest.state_reason,
                "subject": digest.subject,
                "sent_at": digest.sent_at,
                "web_copy": digest.get_absolute_url(),
                "items": digest.items,
            }
            for digest in Digest.objects.filter(subscription__user=user).order_by("period")
        ],
        "clicks": list(
            Click.objects.filter(digest__subscription__user=user)
            .order_by("at")
            .values("at", "paper_id", "paper__title", "link", "scanner")
        ),
        "votes": list(
            Vote.objects.filter(digest__subscription__user=user)
            .order_by("at")
            .values("at", "paper_id", "paper__title", "kind")
        ),
        "bounces": list(
            Bounce.objects.filter(digest__subscription__user=user).order_by("at").values("at", "kind", "said")
        ),
        "subscribed_and_left": list(
            SubscriptionChange.objects.filter(subscription__user=user).order_by("at", "pk").values("at", "kind")
        ),
        "suppression": suppression and {"reason": suppression.reason, "note": suppression.note, "at": suppression.at},
    }


def account_changed(user: User) -> None:
    note_changes(Subscription.objects.filter(user=user).values_list("pk", flat=True))


def erase(user: User) -> None:
    """Subscription, digests, clicks and bounces go; of the address a keyed hash stays: nothing late is sent. That
    somebody came and left is still counted, with no name to it."""
    suppress(user.email, Suppression.Reason.ERASED)
    note_changes(Subscription.objects.filter(user=user).values_list("pk", flat=True))
    Subscription.objects.filter(user=user).delete()
