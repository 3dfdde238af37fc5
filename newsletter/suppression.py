"""Addresses that must not be mailed, kept as a keyed hash so that an erased reader leaves no address behind."""

from __future__ import annotations

from django.db.models import Q
from django.utils.crypto import salted_hmac

from accounts.addresses import normalise_email
from newsletter.models import Suppression

Reason = Suppression.Reason
# A reader may take back having unsubscribed, and an erased one may come anew; a bounce or complaint only an editor.
READERS_OWN = (Reason.UNSUBSCRIBE, Reason.ERASED)


def address_hash(address: str) -> str:
    return salted_hmac("newsletter.suppression", normalise_email(address), algorithm="sha256").hexdigest()


def suppress(address: str, reason: str, note: str = "") -> None:
    """A bounce or complaint replaces what a reader said, never the other way round; erasing forgets the address."""
    key = address_hash(address)
    kept = "" if reason == Reason.ERASED else normalise_email(address)
    row, created = Suppression.objects.get_or_create(
        address_hash=key, defaults={"address": kept, "reason": reason, "note": note[:300]}
    )
    if created:
        return
    if reason == Reason.ERASED:
        Suppression.objects.filter(pk=row.pk).update(address="")
    if row.reason in READERS_OWN:
        Suppression.objects.filter(pk=row.pk).update(reason=reason, note=note[:300])


def suppression_of(address: str) -> Suppression | None:
    return Suppression.objects.filter(address_hash=address_hash(address)).first()


def lift_readers_own(address: str) -> None:
    Suppression.objects.filter(Q(reason__in=READERS_OWN), address_hash=address_hash(address)).delete()
