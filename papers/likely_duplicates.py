"""Papers of the catalogue that may be what a reader submitted, for the editor to look at."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import reduce
from operator import or_

from django.db.models import Q
from rapidfuzz import fuzz

from papers.merging import YEARS_ALIKE, Description, Same, described, verdict
from papers.models import Authorship, Paper
from papers.titles import words

LOOKED_THROUGH = 200  # papers that share the longest word of a title, the newest first
MOST_TITLES = 20_000  # read for one list
ALIKE = 85.0  # of 100, by rapidfuzz: enough to look twice, since a reader's title comes without authors

Found = list[tuple[Paper, str]]
Pair = tuple[int, int]  # a paper's key and another's


def likely_duplicates(paper: Paper) -> Found:
    """Each with the reason."""
    return likely_duplicates_of([paper])[paper.pk]


def likely_duplicates_of(papers: Sequence[Paper]) -> dict[int, Found]:
    """For the key of each paper; the same number of queries, however many papers."""
    told = {paper.pk: one for paper, one in zip(papers, described(papers), strict=True)}
    pairs = {
        pair for pair in [*with_the_title(papers), *by_the_author(told), *with_a_like_title(told)] if len({*pair}) > 1
    }
    others = Paper.objects.defer("abstract", "raw_abstract").in_bulk({other for _paper, other in pairs})
    known = dict(zip(others, described(list(others.values())), strict=True))
    found: dict[int, Found] = {pk: [] for pk in told}
    for pk, other in sorted(pairs):
        if reason := likeness(told[pk], known[other]):
            found[pk].append((others[other], reason))
    return found


def with_the_title(papers: Sequence[Paper]) -> Iterator[Pair]:
    ids = defaultdict(list)
    keys = {paper.title_key for paper in papers if paper.title_key}
    for key, pk in Paper.objects.filter(title_key__in=keys, merged_into=None).values_list("title_key", "pk"):
        ids[key].append(pk)
    return ((paper.pk, other) for paper in papers for other in ids[paper.title_key])


def by_the_author(told: dict[int, Description]) -> Iterator[Pair]:
    """By the same first author, in the years around."""
    written = defaultdict(list)
    firsts = Authorship.objects.filter(
        position=0, author__name__in={one.authors[0] for one in told.values() if one.authors}, paper__merged_into=None
    )
    for name, pk, at in firsts.values_list("author__name", "paper_id", "paper__published_at"):
        written[name].append((pk, at.year))
    for pk, one in told.items():
        for other, year in written[one.authors[0]] if one.authors else []:
            if one.year is None or abs(year - one.year) <= YEARS_ALIKE:
                yield pk, other


def with_a_like_title(told: dict[int, Description]) -> Iterator[Pair]:
    """Of the papers that share the longest word of the title those with the others like it as well."""
    longest = {pk: max(words(one.title), key=len, default="") for pk, one in told.items()}
    asked = {word for word in longest.values() if len(word) >= 4}
    if not asked:
        return
    rows = Paper.objects.filter(reduce(or_, (Q(title__icontains=word) for word in sorted(asked))), merged_into=None)
    rows = rows.exclude(status=Paper.Status.HIDDEN).order_by("-id")
    titles = [(pk, title, title.lower()) for pk, title in rows.values_list("pk", "title")[:MOST_TITLES]]
    for pk, word in longest.items():
        sharing = [(other, title) for other, title, lower in titles if word in asked and word in lower]
        for other, title in sharing[:LOOKED_THROUGH]:
            if titles_alike(told[pk].title, title) >= ALIKE:
                yield pk, other


def likeness(told: Description, known: Description) -> str:
    found = verdict(told, known)
    if found.same is not Same.NO:
        return found.reason
    alike = titles_alike(told.title, known.title)
    return f"titles alike by {alike:.0f} of 100" if alike >= ALIKE else ""


def titles_alike(one: str, other: str) -> float:
    return fuzz.token_sort_ratio(" ".join(words(one)), " ".join(words(other)))
