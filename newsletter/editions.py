"""Editions: one a publication day. Which papers are its candidates, and what the editors picked for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import NamedTuple

from django.utils import timezone

from newsletter.models import Edition
from papers.models import Paper
from recommender.candidates import DAY, window
from recommender.models import Interest, RankerVersion


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
    ranker = RankerVersion.in_use()
    return Edition(date=day, window_start=start, window_end=end, ranker=ranker)


def candidates(edition: Edition, at: datetime | None = None, days_more: int = 0) -> list[int]:
    """Papers a digest of this edition may carry: announced within its window and visible now, newest first.

    `days_more` opens the window for readers who were away.
    """
    at = at or timezone.now()
    end = min(edition.window_end, at)
    papers = Paper.objects.candidates_between(edition.window_start - days_more * DAY, end, at)
    return list(papers.newest_first().values_list("pk", flat=True))


class Picked(NamedTuple):
    paper_id: int
    topic_id: int | None  # for those who follow it; None: for everybody


def picks(edition: Edition, at: datetime | None = None) -> list[Picked]:
    """The editors' papers in their order, without those that are not to be seen."""
    if edition.pk is None:
        return []
    visible = Paper.objects.published(at)
    rows = edition.picks.filter(paper__in=visible).values_list("paper_id", "topic_id")
    return [Picked(*row) for row in rows]


def picks_by_reader(picked: Sequence[Picked], user_ids: Iterable[int]) -> dict[int, list[int]]:
    """Each reader's share of the picks, in the editors' order. One query where a pick is for a topic, else none."""
    topics = {pick.topic_id for pick in picked if pick.topic_id is not None}
    users = list(user_ids)
    follows: set[tuple[int, int | None]] = set()
    if topics:
        interests = Interest.objects.filter(user__in=users, topics__in=topics)
        follows.update(interests.values_list("user_id", "topics"))
    return {
        user_id: [pick.paper_id for pick in picked if pick.topic_id is None or (user_id, pick.topic_id) in follows]
        for user_id in users
    }
