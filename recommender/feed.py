"""A reader's own page: new papers, this week's or all -> without what they had -> ranked -> with why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Literal, get_args

from django.db.models import Q
from django.utils import timezone

from accounts.models import User
from papers.models import Author, Paper, PaperQuerySet, Topic
from recommender.all_time import pool
from recommender.candidates import DAY, window
from recommender.models import Interaction, Interest, SavedSearch
from recommender.ranking import rank
from recommender.reasons import describe

Show = Literal["new", "week", "all"]
SHOWS: tuple[Show, ...] = get_args(Show)
STEERING = (Interaction.Kind.MORE, Interaction.Kind.LESS, Interaction.Kind.DISMISS)
SAID_SHOWN = 5
WEEK_DAYS = 7


@dataclass(frozen=True)
class Recommended:
    paper: Paper
    why: str
    is_promised: bool


@dataclass(frozen=True)
class Feed:
    start: datetime
    end: datetime
    at: datetime  # when it was made: up to here the reader has seen it
    n_candidates: int  # papers it chose from, whether or not the reader has had them
    recommended: list[Recommended]

    @property
    def last(self) -> date:
        return (self.end - DAY).date()


def feed(
    user: User, k: int = 30, at: datetime | None = None, *, show: Show = "new", interest: Interest | None = None
) -> Feed:
    """`interest`: one that the reader keeps apart, alone."""
    at = at or timezone.now()
    start, end = window(at.astimezone(UTC).date(), WEEK_DAYS if show == "week" else None)
    if show == "all":
        candidates = pool(user, at)
    else:
        papers = Paper.objects.candidates_between(start, end, at)
        seen_until = Interest.of(user).seen_until if show == "new" else None
        candidates = _ids(unseen(papers, seen_until) if seen_until else papers)
    ranked = rank([user.pk], candidates, k, at=at, interest=interest.pk if interest else None)[user.pk]
    rows = Paper.objects.for_lists().in_bulk([item.paper_id for item in ranked])
    recommended = [
        Recommended(rows[item.paper_id], why, item.is_promised)
        for item, why in zip(ranked, describe([item.reason for item in ranked]), strict=True)
    ]
    return Feed(start, end, at, len(candidates), recommended)


def unseen(papers: PaperQuerySet, seen_until: datetime) -> PaperQuerySet:
    """A paper may come into the catalogue days after it was announced, and is new to the reader then."""
    return papers.filter(Q(published_at__gt=seen_until) | Q(created_at__gt=seen_until))


def _ids(papers: PaperQuerySet) -> list[int]:
    return list(papers.newest_first().values_list("pk", flat=True))


@dataclass(frozen=True)
class Taste:
    """What the page goes by, to show to the reader it is about."""

    interest: Interest
    apart: list[Interest]
    topics: list[Topic]
    authors: list[Author]
    searches: list[SavedSearch]
    n_papers: int
    said: list[Interaction]  # more, less and not this, the latest first: each can be taken back

    @property
    def sentences(self) -> list[str]:
        sentences: list[str] = self.interest.sentences
        return sentences

    @property
    def is_known(self) -> bool:
        return any((self.topics, self.authors, self.sentences, self.searches, self.n_papers, self.said, self.apart))


def taste(user: User) -> Taste:
    interest = Interest.of(user)
    theirs = Interaction.objects.filter(user=user)
    if interest.learnt_since:
        theirs = theirs.filter(at__gte=interest.learnt_since)
    said = (
        theirs.filter(kind__in=STEERING, paper__in=Paper.objects.published())
        .select_related("paper")
        .order_by("-at")[:SAID_SHOWN]
    )
    return Taste(
        interest=interest,
        apart=list(user.interests.exclude(name="")),
        topics=list(interest.topics.all()) if interest.pk else [],
        authors=list(interest.authors.all()) if interest.pk else [],
        searches=list(user.saved_searches.filter(in_digest=True).select_related("topic")),
        n_papers=theirs.positive().values("paper").distinct().count(),
        said=list(said),
    )
