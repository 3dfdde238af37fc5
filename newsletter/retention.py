"""Clicks and digests are not kept for ever: a click has been told to the recommender, a digest has been read."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from newsletter.models import Click, Digest

DELETED_AT_ONCE = 5000


def forget_old(at: datetime | None = None) -> dict[str, int]:
    """0 days keep for ever. A digest is kept at least as long as its papers may come again."""
    at = at or timezone.now()
    forgotten = {"clicks": 0, "digests": 0}
    if settings.CLICKS_KEPT_DAYS:
        old_clicks = Click.objects.filter(at__lt=at - timedelta(days=settings.CLICKS_KEPT_DAYS))
        forgotten["clicks"] = _delete(old_clicks)
    if settings.DIGESTS_KEPT_DAYS:
        days = max(settings.DIGESTS_KEPT_DAYS, settings.CATCH_UP_DAYS, settings.CANDIDATE_WINDOW_DAYS) + 1
        forgotten["digests"] = _delete(Digest.objects.filter(period__lt=(at - timedelta(days=days)).date()))
    return forgotten


def _delete(rows: QuerySet[Any]) -> int:
    """In bites, so that nobody waits for the database meanwhile."""
    n_deleted = 0
    while ids := list(rows.order_by().values_list("pk", flat=True)[:DELETED_AT_ONCE]):
        rows.model._default_manager.filter(pk__in=ids).delete()
        n_deleted += len(ids)
    return n_deleted
