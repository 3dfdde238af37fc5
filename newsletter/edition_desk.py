"""What an editor does with an edition: look at its candidates, pick, freeze, send, stop, resume.

Each change is one conditional UPDATE or holds the edition's row, so of two editors at once the second is told.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.core.cache import cache
from django.core.paginator import Page, Paginator
from django.db import transaction
from django.db.models import Count, Max, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from accounts.models import User
from newsletter.editions import candidates
from newsletter.models import Digest, Edition, Pick, Subscription
from newsletter.schedule import instant
from papers.models import Paper, Topic
from recommender.models import Interaction
from recommender.trending import by_points

READERS_TRIED = 50
TRIED_PAPERS = 10
TRIED_FOR_SECONDS = 600
CANDIDATES_A_PAGE = 30
DAY = timedelta(days=1)


class DeskError(Exception):
    """Nothing was changed, and the sentence says why."""


# --- candidates -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Candidate:
    paper: Paper
    points: float  # trending.py's
    wanted_by: int  # of READERS_TRIED or fewer
    mean_score: float  # of those readers; 0 without any
    n_reads: int  # readers who read, saved, upvoted or clicked it
    is_picked: bool


@dataclass(frozen=True)
class Candidates:
    page: Page
    rows: list[Candidate]
    tried: Tried
    topics: list[Topic]


@dataclass(frozen=True)
class Tried:
    """What the ranker would do for some readers, those whose turn comes next."""

    n_readers: int
    wanted: Counter[int]  # in how many of their first ten each paper stands
    means: dict[int, float]  # its mean score there
    guesses_scores: bool  # by rule of thumb, not learnt on this site yet


SORTS = {
    "trending": _lazy("trending"),
    "wanted": _lazy("wanted by readers"),
    "reads": _lazy("reads"),
    "upvotes": _lazy("upvotes"),
    "newest": _lazy("newest"),
}


def candidates_of(
    edition: Edition, *, sort: str = "trending", topic: str = "", words: str = "", page: str | int = 1
) -> Candidates:
    """A page of the edition's candidates with what an editor chooses by. About ten queries, however many papers."""
    ids = candidates(edition)
    tried = try_on_readers(edition, ids)
    wanted = tried.wanted
    papers: Any = Paper.objects.filter(pk__in=ids)
    if topic:
        papers = papers.filter(topics__slug=topic)
    for word in words.split():
        papers = papers.filter(title__icontains=word)
    papers = by_points(papers, (edition.window_end - edition.window_start) / 2)
    papers = papers.defer("abstract", "raw_abstract", "raw_title").prefetch_related("topics")
    if sort == "wanted":  # which only the ranker knows
        papers = sorted(papers, key=lambda paper: (-wanted[paper.pk], -paper.points))
    elif sort == "reads":
        is_liking = ~Q(interactions__kind__in=Interaction.NEGATIVE)
        n_readers = Count("interactions__user", filter=is_liking, distinct=True)
        papers = papers.annotate(n_readers=n_readers).order_by("-n_readers", "-points", "-pk")
    elif sort == "upvotes":
        papers = papers.order_by("-upvotes", "-points", "-pk")
    elif sort == "newest":
        papers = papers.newest_first()
    shown = Paginator(papers, CANDIDATES_A_PAGE).get_page(page)
    on_page = [paper.pk for paper in shown]
    counted = Interaction.objects.positive().filter(paper__in=on_page).values_list("paper")
    reads = dict(counted.annotate(n=Count("user", distinct=True)).order_by())
    picked = set(edition.picks.values_list("paper_id", flat=True))
    rows = [
        Candidate(
            paper,
            paper.points,
            wanted[paper.pk],
            tried.means.get(paper.pk, 0.0),
            reads.get(paper.pk, 0),
            paper.pk in picked,
        )
        for paper in shown
    ]
    return Candidates(shown, rows, tried, list(Topic.objects.filter(papers__in=ids).distinct()))


def try_on_readers(edition: Edition, paper_ids: Sequence[int]) -> Tried:
    """Kept for ten minutes, since the page is opened again and again."""
    from recommender.published import model  # brings the mathematics along, which every process would load otherwise
    from recommender.ranking import rank

    next_ones = Subscription.objects.running().order_by("next_digest_at", "pk")
    users = list(next_ones.values_list("user_id", flat=True)[:READERS_TRIED])
    key = f"tried-readers:{edition.pk}:{hash((tuple(paper_ids), tuple(users)))}"

    def try_them() -> tuple[dict[int, list[float]], bool]:
        found: dict[int, list[float]] = defaultdict(list)
        for items in rank(users, paper_ids, TRIED_PAPERS).values():
            for item in items:
                found[item.paper_id].append(item.score)
        return dict(found), model().ranker.guesses_chances

    found, guesses = cache.get_or_set(key, try_them, TRIED_FOR_SECONDS) or ({}, True)
    means = {paper_id: sum(scores) / len(scores) for paper_id, scores in found.items()}
    return Tried(len(users), Counter({paper_id: len(scores) for paper_id, scores in found.items()}), means, guesses)


# --- picks ----------------------------------------------------------------------------------------------------------


@transaction.atomic
def pick(edition: Edition, paper: Paper, editor: User, topic: Topic | None = None) -> Pick:
    """Below the picks that are there already."""
    held = Edition.objects.select_for_update().get(pk=edition.pk)
    if held.frozen_at:
        raise DeskError(_("The edition is frozen: its picks do not change any more."))
    if not paper.is_visible():
        raise DeskError(_("The paper is %s: it cannot be picked.") % paper.get_status_display())
    if edition.picks.filter(paper=paper).exists():
        raise DeskError(_("The paper is picked already."))
    last = edition.picks.aggregate(last=Max("position"))["last"]
    position = 0 if last is None else last + 1
    return edition.picks.create(paper=paper, topic=topic, editor=editor, position=position)


# --- freezing, stopping ---------------------------------------------------------------------------------------------


def freeze(edition: Edition) -> None:
    if not Edition.objects.filter(pk=edition.pk, frozen_at=None).update(frozen_at=timezone.now()):
        raise DeskError(_("The edition is frozen already."))


def thaw(edition: Edition) -> None:
    if not Edition.objects.filter(pk=edition.pk, frozen_at__isnull=False).update(frozen_at=None):
        raise DeskError(_("The edition is not frozen."))


def stop(edition: Edition) -> None:
    """At once: each worker ends with the digest it has in hand, and DigestQuerySet.claim gives out no other."""
    if not Edition.objects.filter(pk=edition.pk, stopped_at=None).update(stopped_at=timezone.now()):
        raise DeskError(_("The edition is stopped already."))


@transaction.atomic
def resume(edition: Edition) -> None:
    """What waits is asked for by the next sweep, within a minute."""
    if not Edition.objects.filter(pk=edition.pk, stopped_at__isnull=False).update(stopped_at=None):
        raise DeskError(_("The edition is not stopped."))
    edition.digests.filter(state=Digest.State.COMPOSED).update(lease_until=None)


# --- sending now ----------------------------------------------------------------------------------------------------


def turns_to_come(edition: Edition, at: datetime | None = None) -> int:
    """Readers whose own turn for this edition is still to come: whom `send_now` would mail now."""
    at = at or timezone.now()
    return sum(turns.count() for turns in _turns_by_zone(edition.date, at))


@transaction.atomic
def send_now(edition: Edition, at: datetime | None = None) -> int:
    """Brings today's turns forward to now and freezes the edition; how many turns. The schedule does the rest."""
    at = at or timezone.now()
    held = Edition.objects.select_for_update().get(pk=edition.pk)
    if held.stopped_at:
        raise DeskError(_("The edition is stopped: resume it first."))
    n_moved = sum(turns.update(next_digest_at=at) for turns in _turns_by_zone(edition.date, at))
    if not n_moved:
        raise DeskError(_("Nobody's turn for this edition is still to come."))
    Edition.objects.filter(pk=edition.pk, frozen_at=None).update(frozen_at=at)
    return n_moved


def _turns_by_zone(day: date, at: datetime) -> list[QuerySet[Subscription]]:
    """For each time zone in which it is that day: the turns between now and the day's end. A turn of a reader for whom
    it is another day belongs to that day's edition."""
    later = Subscription.objects.filter(next_digest_at__gt=at, next_digest_at__lt=at + 2 * DAY, user__is_active=True)
    out: list[QuerySet[Subscription]] = []
    for name in later.order_by().values_list("time_zone", flat=True).distinct():
        zone = _zone(name)
        if at.astimezone(zone).date() == day:
            out.append(later.filter(time_zone=name, next_digest_at__lt=instant(day + DAY, time(), zone)))
    return out


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return ZoneInfo("UTC")
