"""The map of a day's papers."""

from __future__ import annotations

from datetime import date

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.models import User
from papers.models import Paper
from recommender.map_of_papers import HEIGHT, WIDTH, map_of
from recommender.periods import Period, newest_day


@require_safe
def map_of_day(request: HttpRequest, day: date | None = None) -> HttpResponse:
    """Of the newest day that has papers, or of another."""
    published = Paper.objects.published()
    day = day or newest_day(published)
    if day is None:
        return render(request, "recommender/no_papers.html")
    period = Period("day", day)
    context = {
        "map": map_of(day, request.user if isinstance(request.user, User) else None),
        "period": period,
        "previous": period.previous(published),
        "next": period.next(published),
        "width": WIDTH,
        "height": HEIGHT,
    }
    return render(request, "recommender/map.html", context)
