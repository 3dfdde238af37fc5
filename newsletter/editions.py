"""Editions: one a publication day. Which papers are its candidates, and what the editors picked for it."""

from __future__ import annotations

from datetime import date, datetime

from django.utils import timezone

from newsletter.models import Edition
from papers.models import Paper
from recommender.candidates import DAY, window
from recommender.models import RankerVersion


def edition_for(day: date, window_days: int | None = None) -> Edition:
    """The day's edition, made by whoever asks first; any number may ask at once."""
    draft = draft_edition(day, window_days)
    edition, _created = Edition.objects.get_or_create(
        date=day,
        defaults={"window_start": draft.window_start, "window_end": draft.window_end, "ranker": draft.ranker},
    )
    return edition


def draft_edition(day: date, window_days: int | None = None) -> Edition:
    """The edition as it would be made, unsaved."""
    start, end = window(day, window_days)
    ranker = RankerVersion.objects.filter(state=RankerVersion.State.PUBLISHED).first()
    return Edition(date=day, window_start=start, window_end=end, ranker=ranker)


def candidates(edition: Edition, at: datetime | None = None, days_more: int = 0) -> list[int]:
    """Papers a digest of this edition may carry: announced within its window and visible now, newest first.

    `days_more` opens the window for readers who were away.
    """
    at = at or timezone.now()
    end = min(edition.window_end, at)
    papers = Paper.objects.candidates_between(edition.window_start - days_more * DAY, end, at)
    return list(papers.newest_first().values_list("pk", flat=True))


def picks(edition: Edition, at: datetime | None = None) -> list[int]:
    """The editors' papers in their order, without those that are not to be seen."""
    if edition.pk is None:
        return []
    visible = Paper.objects.published(at)
    return list(edition.picks.filter(paper__in=visible).values_list("paper_id", flat=True))
