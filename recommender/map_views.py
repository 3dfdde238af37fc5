"""The map of a day's, a week's or a month's papers."""

from __future__ import annotations

from datetime import date

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.models import User
from papers.models import Paper
from recommender.map_of_papers import HEIGHT, WIDTH, map_of
from recommender.periods import SPANS, Period, Span, newest_day

FEWEST = 12  # papers that make a map worth looking at; a thinner day is shown with its week


@require_safe
def newest_map(request: HttpRequest) -> HttpResponse:
    """Of the newest day that has papers, or of its week."""
    published = Paper.objects.published()
    day = newest_day(published)
    if day is None:
        return render(request, "recommender/no_papers.html")
    period = Period("day", day)
    is_thin = published.between(period.start, period.end).count() < FEWEST
    return _map(request, Period.around("week" if is_thin else "day", day))


@require_safe
def map_of_period(request: HttpRequest, span: Span, day: date) -> HttpResponse:
    return _map(request, Period.around(span, day))


def _map(request: HttpRequest, period: Period) -> HttpResponse:
    published = Paper.objects.published()
    context = {
        "map": map_of(period, request.user if isinstance(request.user, User) else None),
        "period": period,
        "spans": [Period.around(span, period.first) for span in SPANS],
        "previous": period.previous(published),
        "next": period.next(published),
        "width": WIDTH,
        "height": HEIGHT,
    }
    return render(request, "recommender/map.html", context)
