"""Addresses somebody typed into the subscribe box and nobody ever proved theirs: not ours to keep."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db.models import Exists, OuterRef
from django.utils import timezone

from accounts.models import User


def forget_unproven() -> int:
    """Delete accounts that are older than UNPROVEN_DAYS, were never entered, and on which nothing hangs: a reader
    brought in by an import has reads, an editor rights. Returns how many."""
    users = User.objects.filter(
        last_login__isnull=True,
        is_staff=False,
        date_joined__lt=timezone.now() - timedelta(days=settings.UNPROVEN_DAYS),
    )
    for relation in User._meta.related_objects:
        rows = relation.related_model._default_manager.filter(**{relation.field.name: OuterRef("pk")})
        users = users.exclude(Exists(rows))
    _total, by_model = users.delete()
    return by_model.get(User._meta.label, 0)
