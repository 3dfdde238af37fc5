"""Which papers are new: what digests and the reader's own page choose from."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from django.conf import settings
from django.db.models import Max

from papers.models import Paper

DAY = timedelta(days=1)


def window(day: date, days: int | None = None) -> tuple[datetime, datetime]:
    """[start, end): the last `days` days up to this one, or up to the newest paper's where the catalogue ended earlier.

    Which of the two, and how many days, the settings say.
    """
    end = datetime.combine(day + DAY, time(), UTC)
    if settings.CANDIDATE_WINDOW_ANCHOR == "newest":
        newest = Paper.objects.published().filter(published_at__lt=end).aggregate(newest=Max("published_at"))["newest"]
        if newest:
            end = datetime.combine(newest.astimezone(UTC).date() + DAY, time(), UTC)
    return end - (days or settings.CANDIDATE_WINDOW_DAYS) * DAY, end
