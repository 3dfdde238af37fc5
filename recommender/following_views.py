"""The buttons by which a reader follows an author or a topic, or lets them go."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from accounts.models import User
from papers.models import Author, Topic
from recommender.models import Interest
from recommender.way_back import way_back


@require_POST
def follow_author(request: HttpRequest, pk: int) -> HttpResponse:
    author = get_object_or_404(Author, pk=pk)
    return _follow(request, author, "authors", reverse("author", args=[pk]))


@require_POST
def follow_topic(request: HttpRequest, slug: str) -> HttpResponse:
    topic = get_object_or_404(Topic, slug=slug)
    return _follow(request, topic, "topics", topic.get_absolute_url())


def _follow(request: HttpRequest, followed: Author | Topic, kind: str, page: str) -> HttpResponse:
    """`undo` lets go, anything else follows: a request sent twice does it once."""
    back = way_back(request, page)
    if not isinstance(request.user, User):
        return redirect_to_login(back)
    is_followed = "undo" not in request.POST
    interest, _created = Interest.objects.get_or_create(user=request.user, name="")
    theirs: Any = getattr(interest, kind)
    (theirs.add if is_followed else theirs.remove)(followed)
    if not getattr(request, "htmx", False):
        return redirect(back)
    context = {"name": followed.name, "action": request.path, "next": back, "is_followed": is_followed}
    return render(request, "recommender/_follow.html", context)


def followed_authors(request: HttpRequest, author_ids: list[int]) -> set[int] | None:
    """Which of these the reader follows; None for somebody not signed in, who gets no buttons."""
    if not isinstance(request.user, User):
        return None
    links = Interest.authors.through.objects.filter(interest__user=request.user, author__in=author_ids)
    return set(links.values_list("author_id", flat=True))


def follows_topic(request: HttpRequest, topic: Topic) -> bool | None:
    if not isinstance(request.user, User):
        return None
    return Interest.objects.filter(user=request.user, name="", topics=topic).exists()
