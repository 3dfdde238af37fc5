"""What mail providers tell of deliveries, through anymail, which checks that it is them."""

from __future__ import annotations

from typing import Any

from django.core.signing import BadSignature

from newsletter.answers import ADDRESS_ERRORS, enhanced_code
from newsletter.bounces import Kind, Report, digest_of, take
from newsletter.models import Digest
from newsletter.subscriptions import unsubscribe

BOUNCED_FOR_NOW = ("timed_out", "blocked", "spam", "other")


def provider_told(sender: object, event: Any, **kwargs: object) -> None:
    """anymail's signal. The event's digest is known by the token that we sent as metadata."""
    try:
        digest_id = digest_of(str((event.metadata or {}).get("digest", "")))
    except BadSignature:
        return
    if event.event_type == "unsubscribed":
        if digest := Digest.objects.select_related("subscription__user").filter(pk=digest_id).first():
            unsubscribe(digest.subscription)
        return
    said = " ".join(str(part) for part in (event.description, event.mta_response) if part)
    take(Report(digest_id, kind_of(event.event_type, event.reject_reason, said), said))


def kind_of(event_type: str, reject_reason: str | None, said: str) -> Kind | None:
    """ "bounced" without more is the provider's word for "for good"; a full mailbox or a policy is not."""
    if event_type == "complained":
        return Kind.COMPLAINT
    if event_type not in ("bounced", "rejected"):
        return None
    if reject_reason == "invalid":
        return Kind.HARD
    code = enhanced_code(said)
    if reject_reason in BOUNCED_FOR_NOW or event_type == "rejected" or (code and code not in ADDRESS_ERRORS):
        return Kind.SOFT
    return Kind.HARD
