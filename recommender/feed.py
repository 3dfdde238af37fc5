"""A reader's own page: new papers -> without what they had -> ranked -> with why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

from django.utils import timezone

from accounts.models import User
from papers.models import Author, Paper, Topic
from recommender.candidates import DAY, window
from recommender.models import Interaction, Interest
from recommender.ranking import rank
from recommender.reasons import describe

STEERING = (Interaction.Kind.MORE, Interaction.Kind.LESS, Interaction.Kind.DISMISS)
SAID_SHOWN = 5


@dataclass(frozen=True)
class Recommended:
    paper: Paper
    why: str


@dataclass(frozen=True)
class Feed:
    start: datetime
    end: datetime
    n_candidates: int  # new papers in the window, whether or not the reader has had them
    recommended: list[Recommended]

    @property
    def last(self) -> date:
        return (self.end - DAY).date()


def feed(user: User, k: int = 30, at: datetime | None = None) -> Feed:
    at = at or timezone.now()
    start, end = window(at.astimezone(UTC).date())
    candidates = list(Paper.objects.candidates_between(start, end, at).newest_first().values_list("pk", flat=True))
    ranked = rank([user.pk], candidates, k, at=at)[user.pk]  # without what the reader had already
    papers = Paper.objects.for_lists().in_bulk([item.paper_id for item in ranked])
    sentences = describe([item.reason for item in ranked])
    recommended = [Recommended(papers[item.paper_id], why) for item, why in zip(ranked, sentences, strict=True)]
    return Feed(start, end, len(candidates), recommended)


@dataclass(frozen=True)
class Taste:
    """What the page goes by, to show to the reader it is about."""

    topics: list[Topic]
    authors: list[Author]
    sentences: list[str]
    n_papers: int
    said: list[Interaction]  # more, less and not this, the latest first: each can be taken back

    @property
    def is_known(self) -> bool:
        return bool(self.topics or self.authors or self.sentences or self.n_papers or self.said)


def taste(user: User) -> Taste:
    theirs = Interaction.objects.filter(user=user)
    said = (
        theirs.filter(kind__in=STEERING, paper__in=Paper.objects.published())
        .select_related("paper")
        .order_by("-at")[:SAID_SHOWN]
    )
    interest = Interest.objects.filter(user=user).prefetch_related("topics", "authors").first()
    return Taste(
        topics=list(interest.topics.all()) if interest else [],
        authors=list(interest.authors.all()) if interest else [],
        sentences=interest.sentences if interest else [],
        n_papers=theirs.positive().values("paper").distinct().count(),
        said=list(said),
    )
