"""What a reader keeps: the papers they saved, read, upvoted or brought along, with their own tags and notes."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from django.db import transaction
from django.db.models import Count, F, OuterRef, Q, Subquery
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from papers.identifiers import find_papers
from papers.models import Authorship, Paper, PaperQuerySet
from recommender.interactions import kinds_by_paper
from recommender.models import Interaction, Note, Tag

Kind = Interaction.Kind

SHELVES: dict[str, tuple[Promise, tuple[str, ...]]] = {
    "saved": (_("Saved"), (Kind.SAVE,)),
    "read": (_("Read"), (Kind.READ, Kind.CLICK)),
    "upvoted": (_("Upvoted"), (Kind.UPVOTE,)),
    "imported": (_("Imported"), (Kind.IMPORT,)),
    "all": (_("Everything"), (Kind.SAVE, Kind.READ, Kind.CLICK, Kind.UPVOTE, Kind.IMPORT)),
}
MOST_WORDS = 8  # of a query within a library: each is looked for in five places
MOST_TAGS = 20  # on one paper
LONGEST_TAG = Tag._meta.get_field("name").max_length or 0
LONGEST_NOTE = 10_000


def shelf(user: User, name: str) -> PaperQuerySet:
    """The papers on one shelf, the latest first, with `at`, when the reader last put them there.

    A paper that was hidden or withdrawn since stays: it is the reader's library.
    """
    _label, kinds = SHELVES[name]
    theirs = Interaction.objects.filter(user=user, kind__in=kinds)
    is_on_it = Q(pk__in=theirs.values("paper"))
    if name == "all":
        is_on_it |= Q(pk__in=Tag.objects.filter(user=user).values("paper"))
        is_on_it |= Q(pk__in=Note.objects.filter(user=user).values("paper"))
    latest = theirs.filter(paper=OuterRef("pk")).order_by("-at").values("at")[:1]
    return (
        Paper.objects.exclude(status__in=[Paper.Status.PENDING, Paper.Status.EMBARGOED])
        .filter(is_on_it)
        .annotate(at=Subquery(latest))
        .order_by(F("at").desc(nulls_last=True), "-id")
    )


def find(user: User, papers: PaperQuerySet, query: str = "", tag: str = "") -> PaperQuerySet:
    """Of these papers, those with every word of the query in text, authors, tags or note; or the one so identified."""
    if tag:
        papers = papers.filter(pk__in=Tag.objects.filter(user=user, name=tag).values("paper"))
    if named := find_papers([query[:300]]).get(query[:300]):
        return papers.filter(pk=named.pk)
    for word in re.findall(r"\S+", query)[:MOST_WORDS]:
        papers = papers.filter(
            Q(title__icontains=word)
            | Q(abstract__icontains=word)
            | Q(pk__in=Authorship.objects.filter(author__name__icontains=word).values("paper"))
            | Q(pk__in=Tag.objects.filter(user=user, name__icontains=word).values("paper"))
            | Q(pk__in=Note.objects.filter(user=user, text__icontains=word).values("paper"))
        )
    return papers


def tags_of(user: User) -> list[tuple[str, int]]:
    """Every tag of the reader's with the number of papers it is on."""
    counted = Tag.objects.filter(user=user).order_by("name").values("name").annotate(n=Count("pk"))
    return list(counted.values_list("name", "n"))


@dataclass
class Marks:
    """What a reader did with, and wrote on, one paper."""

    kinds: set[str] = field(default_factory=set)
    tags: list[str] = field(default_factory=list)
    note: str = ""


def marks_by_paper(user: User, papers: Collection[Paper]) -> dict[int, Marks]:
    """For a whole page in three queries."""
    marks: dict[int, Marks] = defaultdict(Marks)
    for paper_id, kinds in kinds_by_paper(user, papers).items():
        marks[paper_id].kinds = kinds
    ids = [paper.pk for paper in papers]
    for paper_id, name in Tag.objects.filter(user=user, paper__in=ids).values_list("paper_id", "name"):
        marks[paper_id].tags.append(name)
    for paper_id, text in Note.objects.filter(user=user, paper__in=ids).values_list("paper_id", "text"):
        marks[paper_id].note = text
    return marks


def parse_tags(text: str) -> list[str]:
    """ "To read,  maths, maths" -> maths, to read."""
    names = (" ".join(name.split()).lower() for name in text.split(","))
    return sorted({name for name in names if name})


@transaction.atomic
def annotate(user: User, paper: Paper, tags: Iterable[str], note: str) -> None:
    """The reader's tags and note on a paper are these from now on."""
    wanted = set(tags)
    theirs = Tag.objects.filter(user=user, paper=paper)
    theirs.exclude(name__in=wanted).delete()
    Tag.objects.bulk_create([Tag(user=user, paper=paper, name=name) for name in sorted(wanted)], ignore_conflicts=True)
    if note:
        Note.objects.update_or_create(user=user, paper=paper, defaults={"text": note})
    else:
        Note.objects.filter(user=user, paper=paper).delete()
