"""On which days new papers are announced: arXiv's schedule, weekends, holidays.

arXiv (https://info.arxiv.org/help/availability.html): what was submitted until 14:00 Eastern time on a working day is
announced that evening at 20:00, Friday's on Sunday evening, and listed under the next day's date. That listing's date
is the announcement of a paper in this software.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from papers.models import Source

EASTERN = ZoneInfo("America/New_York")
CUTOFF = time(14)
# The day's listing is out by midnight Eastern; a source is not called stale before this.
GRACE = time(8)
DAY = timedelta(days=1)


def weekday_of_month(year: int, month: int, weekday: int, n: int) -> date:
    """The n-th Monday (0) ... of a month; the last one for n = -1."""
    if n > 0:
        first = date(year, month, 1)
        return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (n - 1))
    last = date(year + month // 12, month % 12 + 1, 1) - DAY
    return last - timedelta(days=(last.weekday() - weekday) % 7)


def holidays(year: int) -> set[date]:
    """When arXiv, at a US university, announces nothing. Its own list differs a little from year to year: what is
    missing here an operator adds to the source's quiet days."""
    thanksgiving = weekday_of_month(year, 11, 3, 4)
    return {
        date(year, 1, 1),
        weekday_of_month(year, 1, 0, 3),  # Martin Luther King
        weekday_of_month(year, 5, 0, -1),  # Memorial Day
        date(year, 6, 19),
        date(year, 7, 4),
        weekday_of_month(year, 9, 0, 1),  # Labor Day
        thanksgiving,
        thanksgiving + DAY,
        date(year, 12, 24),
        date(year, 12, 25),
    }


def is_working_day(day: date, quiet_days: Collection[date] = ()) -> bool:
    return day.weekday() < 5 and day not in holidays(day.year) and day not in quiet_days


def first_listing(submitted_at: datetime) -> date:
    """The earliest listing that can hold a paper; moderation may make it a later one.

    Holidays only move it later too, so they are left out: an estimate must never be too new.
    """
    local = submitted_at.astimezone(EASTERN)
    day = local.date()
    if local.time() >= CUTOFF:
        day += DAY
    while day.weekday() >= 5:
        day += DAY
    day += DAY
    while day.weekday() >= 5:
        day += DAY
    return day


def last_expected(expects: str, at: datetime, quiet_days: Collection[date] = ()) -> date | None:
    """The newest day whose papers must be there by now; None where nothing can be expected."""
    if expects == Source.Expects.ANY_TIME:
        return None
    local = at.astimezone(EASTERN)
    day = local.date() if local.time() >= GRACE else local.date() - DAY
    while expects == Source.Expects.WEEKDAYS and not is_working_day(day, quiet_days):
        day -= DAY
    while day in quiet_days:
        day -= DAY
    return day


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
