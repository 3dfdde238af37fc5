"""Atom feeds: what is trending, each topic, and each reader's own under a secret address that can be renewed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.syndication.views import Feed
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import add_never_cache_headers
from django.utils.feedgenerator import Atom1Feed
from django.utils.functional import Promise
from django.utils.html import escape
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.models import User
from accounts.views import signed_in_reader
from papers.models import Paper, Topic
from recommender.feed import feed
from recommender.library import shelf
from recommender.library_models import new_secret
from recommender.models import FeedAddress, SavedSearch
from recommender.periods import Period, Span, newest_day
from recommender.search import search_papers
from recommender.trending import trending

ENTRIES = 50
SEARCHED_BACK = timedelta(days=90)  # from the newest paper: a feed tells news, a search finds the best of all times
TRENDING: dict[Span, Promise] = {
    "day": gettext_lazy("Trending today"),
    "week": gettext_lazy("Trending this week"),
    "month": gettext_lazy("Trending this month"),
}
NOT_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def absolute(path: str) -> str:
    """One configured address, whatever host a request named."""
    return f"{settings.BASE_URL}{path}"


@dataclass(frozen=True)
class Entry:
    paper: Paper
    why: str = ""


@dataclass(frozen=True)
class Subject:
    """What one feed is about. Feeds themselves are shared by all requests, and hold nothing."""

    title: str
    page: str  # the path that shows the same
    path: str  # the feed's own
    entries: list[Entry]


class PaperFeed(Feed):
    """Papers as entries. Atom's titles are plain text, its summaries HTML. A feed is a subclass with `get_object`."""

    feed_type = Atom1Feed

    def title(self, subject: Subject) -> str:
        return NOT_XML.sub(" ", f"{subject.title} · {settings.MAIL_FROM_NAME}")

    def link(self, subject: Subject) -> str:
        return absolute(subject.page)

    def feed_url(self, subject: Subject) -> str:
        return absolute(subject.path)

    def items(self, subject: Subject) -> list[Entry]:
        return subject.entries

    def item_title(self, item: Entry) -> str:
        return NOT_XML.sub(" ", item.paper.title)

    def item_description(self, item: Entry) -> str:
        texts = [text for text in (item.why, item.paper.abstract) if text]
        return "".join(f"<p>{escape(NOT_XML.sub(' ', text))}</p>" for text in texts)

    def item_link(self, item: Entry) -> str:
        return absolute(item.paper.get_absolute_url())

    def item_author_name(self, item: Entry) -> str:
        return NOT_XML.sub(" ", ", ".join(item.paper.author_names))

    def item_categories(self, item: Entry) -> list[str]:
        return [NOT_XML.sub(" ", topic.name) for topic in item.paper.topics.all()]

    def item_pubdate(self, item: Entry) -> datetime:
        return item.paper.published_at

    def item_updateddate(self, item: Entry) -> datetime:
        return item.paper.published_at


def without_why(papers: Iterable[Paper]) -> list[Entry]:
    return [Entry(paper) for paper in papers]


# --- for everybody ---------------------------------------------------------------------------------------------------


class TrendingFeed(PaperFeed):
    """The newest day, week or month that has papers."""

    def get_object(self, request: HttpRequest, span: Span) -> Subject:
        period = Period.around(span, newest_day(Paper.objects.published()) or timezone.now().date())
        return Subject(
            title=str(TRENDING[span]),
            page=period.get_absolute_url(),
            path=reverse("trending_feed", args=[span]),
            entries=without_why(trending(period.start, period.end, limit=ENTRIES)),
        )


class TopicFeed(PaperFeed):
    def get_object(self, request: HttpRequest, slug: str) -> Subject:
        topic = get_object_or_404(Topic, slug=slug)
        papers = Paper.objects.published().filter(topics=topic).newest_first().for_lists()
        return Subject(
            title=topic.name,
            page=topic.get_absolute_url(),
            path=reverse("topic_feed", args=[slug]),
            entries=without_why(papers[:ENTRIES]),
        )


# --- a reader's own --------------------------------------------------------------------------------------------------


class OwnFeed(PaperFeed):
    """Behind a secret address: kept by nobody on the way, and listed by no search engine."""

    def __call__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response: HttpResponse = super().__call__(request, *args, **kwargs)
        response["X-Robots-Tag"] = "noindex"
        add_never_cache_headers(response)
        return response


def reader_behind(secret: str) -> User:
    return get_object_or_404(FeedAddress.objects.select_related("user"), secret=secret, user__is_active=True).user


class ForYouFeed(OwnFeed):
    def get_object(self, request: HttpRequest, secret: str) -> Subject:
        return Subject(
            title=_("For you"),
            page=reverse("for_you"),
            path=reverse("for_you_feed", args=[secret]),
            entries=[Entry(item.paper, item.why) for item in feed(reader_behind(secret), ENTRIES).recommended],
        )


class SavedFeed(OwnFeed):
    """What the reader saved, without what readers may not see any more."""

    def get_object(self, request: HttpRequest, secret: str) -> Subject:
        papers = shelf(reader_behind(secret), "saved").published().for_lists()
        return Subject(
            title=_("Saved"),
            page=reverse("library"),
            path=reverse("saved_feed", args=[secret]),
            entries=without_why(papers[:ENTRIES]),
        )


class SearchFeed(OwnFeed):
    """What a saved search finds among the new papers, the newest first."""

    def get_object(self, request: HttpRequest, secret: str, pk: int) -> Subject:
        search = get_object_or_404(SavedSearch.objects.filter(user=reader_behind(secret)), pk=pk)
        papers = Paper.objects.all()
        if newest := papers.published().newest_first().first():
            papers = papers.filter(published_at__gt=newest.published_at - SEARCHED_BACK)
        if search.topic:
            papers = papers.filter(topics=search.topic)
        found = search_papers(search.query, ENTRIES, papers)
        return Subject(
            title=search.query,
            page=reverse("search", query={"q": search.query}),
            path=reverse("search_feed", args=[secret, pk]),
            entries=without_why(sorted(found, key=lambda paper: paper.published_at, reverse=True)),
        )


# --- where they are --------------------------------------------------------------------------------------------------


@never_cache
@require_safe
def addresses(request: HttpRequest) -> HttpResponse:
    """Every feed there is for whoever asks. A reader's own have an address once they ask for one."""
    user = request.user
    context: dict[str, Any] = {"spans": list(TRENDING.items())}
    if isinstance(user, User):
        followed = Topic.objects.filter(followers__user=user).distinct()
        context |= {
            "address": FeedAddress.objects.filter(user=user).first(),
            "topics": followed,
            "searches": SavedSearch.objects.filter(user=user).select_related("topic"),
        }
    return render(request, "recommender/feeds.html", context)


@login_required
@require_POST
def renew(request: HttpRequest) -> HttpResponse:
    """A new secret; whoever had the old address reads nothing there from now on."""
    values = {"secret": new_secret(), "renewed_at": timezone.now()}
    _address, is_first = FeedAddress.objects.update_or_create(user=signed_in_reader(request), defaults=values)
    messages.success(request, _("Here are your addresses.") if is_first else _("The old addresses work no longer."))
    return redirect("feeds")
