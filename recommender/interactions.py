"""What a reader did with a paper, told once: a page, a mail and an import all come through here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.models import User
from papers.models import Paper
from recommender.models import Interaction

Kind = Interaction.Kind

# What a reader says now takes back what they said before. Reading or clicking says nothing about either.
TAKEN_BACK: dict[str, Collection[str]] = {
    Kind.SAVE: Interaction.NEGATIVE,
    Kind.UPVOTE: Interaction.NEGATIVE,
    Kind.MORE: Interaction.NEGATIVE,
    Kind.LESS: (Kind.MORE,),
    Kind.DISMISS: (Kind.MORE,),
}


@transaction.atomic
def record(
    user: User, paper: Paper, kind: str, source: str = Interaction.Source.WEB, at: datetime | None = None
) -> None:
    """One event, however often and from however many processes it is told.

    A repeated event moves the instant forward, never back; a known instant replaces an unknown one.
    """
    at = at or timezone.now()
    known, created = Interaction.objects.get_or_create(
        user=user, paper=paper, kind=kind, defaults={"source": source, "at": at}
    )
    if not created:
        Interaction.objects.filter(Q(at__lt=at) | Q(at_is_known=False), pk=known.pk).update(
            source=source, at=at, at_is_known=True
        )
    if taken_back := TAKEN_BACK.get(kind):
        Interaction.objects.filter(user=user, paper=paper, kind__in=taken_back).delete()


def undo(user: User, paper: Paper, kind: str) -> None:
    Interaction.objects.filter(user=user, paper=paper, kind=kind).delete()


def kinds_by_paper(user: User, papers: Iterable[Paper]) -> dict[int, set[str]]:
    """What the reader did with each of these papers, for the buttons of a whole page in one query."""
    kinds: dict[int, set[str]] = defaultdict(set)
    rows = Interaction.objects.filter(user=user, paper__in=[paper.pk for paper in papers])
    for paper_id, kind in rows.values_list("paper_id", "kind"):
        kinds[paper_id].add(kind)
    return kinds
