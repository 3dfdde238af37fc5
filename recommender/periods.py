"""A day, a week or a month of papers, and its neighbours."""

from __future__ import annotations

import calendar
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal, get_args

from django.db.models.functions import TruncDate
from django.urls import reverse

from papers.models import Paper, PaperQuerySet

Span = Literal["day", "week", "month"]
SPANS: tuple[Span, ...] = get_args(Span)


@dataclass(frozen=True)
class Period:
    """`first` is its first day: a week begins on Monday, a month on the first."""

    span: Span
    first: date

    @classmethod
    def around(cls, span: Span, day: date) -> Period:
        if span == "week":
            day -= timedelta(days=day.weekday())
        elif span == "month":
            day = day.replace(day=1)
        return cls(span, day)

    @property
    def last(self) -> date:
        if self.span == "month":
            return self.first.replace(day=calendar.monthrange(self.first.year, self.first.month)[1])
        return self.first + timedelta(days=6 if self.span == "week" else 0)

    @property
    def start(self) -> datetime:
        return datetime.combine(self.first, time(), UTC)

    @property
    def end(self) -> datetime:
        """The first instant after it."""
        return datetime.combine(self.last + timedelta(days=1), time(), UTC)

    def get_absolute_url(self) -> str:
        return reverse(self.span, args=[self.first])

    def previous(self, papers: PaperQuerySet) -> Period | None:
        """The nearest earlier one that has papers."""
        return self._around_first(papers.filter(published_at__lt=self.start).order_by("-published_at"))

    def next(self, papers: PaperQuerySet) -> Period | None:
        return self._around_first(papers.filter(published_at__gte=self.end).order_by("published_at"))

    def _around_first(self, papers: PaperQuerySet) -> Period | None:
        day = first_day(papers)
        return Period.around(self.span, day) if day else None


def newest_day(papers: PaperQuerySet) -> date | None:
    return first_day(papers.order_by("-published_at"))


def first_day(papers: PaperQuerySet) -> date | None:
    at = papers.values_list("published_at", flat=True).first()
    return at.astimezone(UTC).date() if at else None


@dataclass(frozen=True)
class CalendarDay:
    date: date
    n_papers: int
    in_month: bool


def month_of(day: date, papers: PaperQuerySet) -> list[list[CalendarDay]]:
    """The weeks of the day's month, each day with how many papers it has."""
    month = Period.around("month", day)
    found = papers.between(month.start, month.end).annotate(day=TruncDate("published_at", tzinfo=UTC))
    counts = Counter(found.order_by().values_list("day", flat=True))
    return [
        [CalendarDay(day, counts[day], day.month == month.first.month) for day in week]
        for week in calendar.Calendar().monthdatescalendar(month.first.year, month.first.month)
    ]


def topics_of(papers: Iterable[Paper]) -> Counter:
    """How many of these papers are in each topic, from what `for_lists` fetched."""
    return Counter(topic for paper in papers for topic in paper.topics.all())
