"""Addresses that must not be mailed, kept as a keyed hash so that an erased reader leaves no address behind."""

from __future__ import annotations

from django.conf import settings
from django.db.models import Q
from django.utils.crypto import salted_hmac

from accounts.addresses import normalise_email
from newsletter.models import Suppression

Reason = Suppression.Reason
# A reader may take back having unsubscribed, and an erased one may come anew; a bounce or complaint only an editor.
READERS_OWN = (Reason.UNSUBSCRIBE, Reason.ERASED)


def address_hashes(address: str) -> list[str]:
    """By the key of today and by older ones (SECRET_KEY_FALLBACKS): a new key must not mail those who said no."""
    spelt = normalise_email(address)
    keys = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    return [salted_hmac("newsletter.suppression", spelt, secret=key, algorithm="sha256").hexdigest() for key in keys]


def suppress(address: str, reason: str, note: str = "") -> Suppression:
    """A bounce or complaint replaces what a reader said, never the other way round; erasing forgets the address."""
    kept = "" if reason == Reason.ERASED else normalise_email(address)
    row = suppression_of(address)
    if row is None:
        row, created = Suppression.objects.get_or_create(
            address_hash=address_hashes(address)[0], defaults={"address": kept, "reason": reason, "note": note[:300]}
        )
        if created:
            return row
    if reason == Reason.ERASED:
        Suppression.objects.filter(pk=row.pk).update(address="")
    if row.reason in READERS_OWN:
        Suppression.objects.filter(pk=row.pk).update(reason=reason, note=note[:300])
    return row


def suppression_of(address: str) -> Suppression | None:
    return Suppression.objects.filter(address_hash__in=address_hashes(address)).first()


def lift_readers_own(address: str) -> None:
    Suppression.objects.filter(Q(reason__in=READERS_OWN), address_hash__in=address_hashes(address)).delete()
