"""One paper, once: when two descriptions are one paper, merging two rows, and taking them apart again.

The rules are written down in docs/one-paper-once.md; `verdict` is those rules and nothing else.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from django.apps import apps
from django.db import IntegrityError, models, transaction
from django.db.models import Q
from django.utils import timezone
from rapidfuzz import fuzz

from papers.authors import are_compatible
from papers.identifiers import VALUES_A_QUERY, chunks
from papers.models import Authorship, Identifier, Merge, Paper, Topic
from papers.titles import notices, numerals, says_enough, title_key, words

ALIKE = 90.0  # of 100, by rapidfuzz: enough to ask an editor, never enough to merge
YEARS_TO_PRINT = 6  # from preprint to journal
YEARS_ALIKE = 3
# Servers whose DOI may name the same paper as a publisher's.
PREPRINTS = ("10.1101", "10.64898", "10.21203", "10.2139", "10.26434", "10.31234", "10.31219", "10.20944", "10.36227",
             "10.22541", "10.5281", "10.48550")  # fmt: skip
FILLED = ("abstract", "raw_abstract", "url", "pdf_url", "code_url", "submitter")


class Same(StrEnum):
    YES = "yes"
    MAYBE = "maybe"
    NO = "no"


@dataclass(frozen=True)
class Description:
    """What can tell a paper from another."""

    title: str
    authors: list[str] = field(default_factory=list)
    year: int | None = None
    identifiers: frozenset[tuple[str, str]] = frozenset()

    @classmethod
    def of(cls, paper: Paper) -> Description:
        return described([paper])[0]


def described(papers: Sequence[Paper]) -> list[Description]:
    """In two queries for each 900 papers. Not by prefetch_related: over 1,000 authors that asks SQLite for a deeper
    expression than it takes."""
    authors: dict[int, list[str]] = defaultdict(list)
    identifiers: dict[int, set[tuple[str, str]]] = defaultdict(set)
    for chunk in chunks([paper.pk for paper in papers], VALUES_A_QUERY):
        written = Authorship.objects.filter(paper__in=chunk).order_by("position")
        for paper_id, name in written.values_list("paper_id", "author__name"):
            authors[paper_id].append(name)
        for paper_id, scheme, value in Identifier.objects.filter(paper__in=chunk).values_list(
            "paper_id", "scheme", "value"
        ):
            identifiers[paper_id].add((scheme, value))
    return [
        Description(paper.title, authors[paper.pk], paper.published_at.year, frozenset(identifiers[paper.pk]))
        for paper in papers
    ]


@dataclass(frozen=True)
class Verdict:
    same: Same
    reason: str


def verdict(one: Description, other: Description) -> Verdict:
    """Whether two descriptions are of one paper: identifiers decide, then title, numerals and authors together."""
    if shared := one.identifiers & other.identifiers:
        return Verdict(Same.YES, f"the same identifier {':'.join(min(shared))}")
    if reason := contradiction(one.identifiers, other.identifiers):
        return Verdict(Same.NO, reason)
    if numerals(one.title) != numerals(other.title):
        return Verdict(Same.NO, "the titles number different parts")
    if notices(one.title) != notices(other.title):
        return Verdict(Same.NO, "one is a notice about the other")
    years = abs(one.year - other.year) if one.year and other.year else 0
    if title_key(one.title) == title_key(other.title) and says_enough(one.title):
        if not one.authors or not other.authors:
            return Verdict(Same.MAYBE, "the same title, the authors of one are unknown")
        if not are_compatible(one.authors, other.authors):
            return Verdict(Same.NO, "the same title by other authors")
        if years > YEARS_TO_PRINT:
            return Verdict(Same.MAYBE, f"the same title and authors, {years} years apart")
        if both_published(one.identifiers, other.identifiers):
            return Verdict(Same.MAYBE, "the same title and authors, published in two places")
        return Verdict(Same.YES, "the same title and authors")
    likeness = fuzz.token_sort_ratio(" ".join(words(one.title)), " ".join(words(other.title)))
    if likeness >= ALIKE and years <= YEARS_ALIKE and are_compatible(one.authors, other.authors):
        return Verdict(Same.MAYBE, f"titles alike by {likeness:.0f} of 100, the same authors")
    return Verdict(Same.NO, "different titles")


def contradiction(one: Iterable[tuple[str, str]], other: Iterable[tuple[str, str]]) -> str:
    """Two ids that one paper never has both of: of arXiv, of one registrant of DOIs, of one catalogue."""
    left, right = by_registrant(one), by_registrant(other)
    for registrant in left.keys() & right.keys():
        return f"two ids of {registrant}: {min(left[registrant])} and {min(right[registrant])}"
    return ""


def by_registrant(identifiers: Iterable[tuple[str, str]]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for scheme, value in identifiers:
        if scheme == Identifier.Scheme.ARXIV:
            found["arXiv"].add(value)
        elif scheme == Identifier.Scheme.DOI:
            found[value.partition("/")[0]].add(value)
        elif ":" in value and "://" not in value and not value.startswith("title:"):  # citeulike:42
            found[value.partition(":")[0]].add(value)
    return found


def both_published(one: Iterable[tuple[str, str]], other: Iterable[tuple[str, str]]) -> bool:
    return all(
        any(name.startswith("10.") and name not in PREPRINTS for name in by_registrant(side)) for side in (one, other)
    )


# --- finding --------------------------------------------------------------------------------------------------------


def find_same(descriptions: Sequence[Description]) -> list[Paper | None]:
    """For each the paper of the catalogue that it is beyond doubt, by its title; identifiers were looked up before."""
    keys = {title_key(description.title) for description in descriptions if says_enough(description.title)}
    with_key: dict[str, list[tuple[Paper, Description]]] = defaultdict(list)
    for chunk in chunks(sorted(keys), VALUES_A_QUERY):
        found = list(Paper.objects.filter(title_key__in=chunk, merged_into=None).order_by("id"))
        for paper, known in zip(found, described(found), strict=True):
            with_key[paper.title_key].append((paper, known))
    return [
        next((paper for paper, known in with_key[title_key(told.title)] if verdict(told, known).same is Same.YES), None)
        for told in descriptions
    ]


def propose_merges(paper: Paper) -> int:
    """Ask the editors about papers that may be this one. Gives the number of new proposals."""
    description, n_proposed = Description.of(paper), 0
    others = may_be_the_same(paper, next(iter(description.authors), ""))
    for other, known in zip(others, described(others), strict=True):
        found = verdict(description, known)
        if found.same is not Same.NO and not settled(paper, other):
            kept, absorbed = sorted((paper, other), key=lambda row: row.pk)
            Merge.objects.get_or_create(kept=kept, absorbed=absorbed, defaults={"reason": found.reason})
            n_proposed += 1
    return n_proposed


def propose_for(papers: models.QuerySet[Paper]) -> int:
    """Proposals for every paper of a set, a few queries each."""
    return sum(propose_merges(paper) for paper in papers.filter(merged_into=None).iterator(chunk_size=500))


def may_be_the_same(paper: Paper, first: str) -> list[Paper]:
    """Papers with this title, and those of its first author from the years around, by the index of names."""
    near = Q(published_at__year__range=(paper.published_at.year - YEARS_ALIKE, paper.published_at.year + YEARS_ALIKE))
    by_author = Q(authorships__author__name=first, authorships__position=0) & near
    wanted = Q(title_key=paper.title_key or "none") | (by_author if first else Q(pk=None))
    found = Paper.objects.filter(wanted, merged_into=None).exclude(pk=paper.pk).distinct()
    return list(found.order_by("id")[:50])


def settled(one: Paper, other: Paper) -> bool:
    """Whether an editor has said already that these are two papers, or they are merged or proposed."""
    return Merge.objects.filter(Q(kept=one, absorbed=other) | Q(kept=other, absorbed=one)).exists()


def are_declared_different(one: Paper, other: Paper) -> bool:
    pair = Q(kept=one, absorbed=other) | Q(kept=other, absorbed=one)
    return Merge.objects.filter(pair, state__in=(Merge.State.UNDONE, Merge.State.DECLINED)).exists()


def merge_named_together(papers: Sequence[Paper], named_by: str) -> None:
    """A source says that these rows are one paper: merged into the oldest, unless something speaks against it."""
    kept, *others = sorted(papers, key=lambda paper: paper.pk)
    for other in others:
        one, two = Description.of(kept), Description.of(other)
        if settled(kept, other):
            continue
        doubts = (
            contradiction(one.identifiers, two.identifiers)
            or ("the titles number different parts" if numerals(one.title) != numerals(two.title) else "")
            or ("one is a notice about the other" if notices(one.title) != notices(two.title) else "")
            or ("other authors" if one.authors and two.authors and not are_compatible(one.authors, two.authors) else "")
        )
        if doubts:
            Merge.objects.create(kept=kept, absorbed=other, reason=f"named together by {named_by}, but {doubts}"[:300])
        else:
            merge(kept, other, f"named together by {named_by}")


# --- merging and taking apart ---------------------------------------------------------------------------------------


class CannotMerge(ValueError):
    """Why two rows cannot become one."""


@transaction.atomic
def merge(kept: Paper, absorbed: Paper, reason: str) -> Merge:
    """All that points to one paper points to the other; the absorbed row stays, hidden, and leads to the kept one.

    What both have (a reader's save of each) stays where it is, so that taking apart gives back every row.
    """
    rows = {row.pk: row for row in Paper.objects.select_for_update().filter(pk__in=(kept.pk, absorbed.pk))}
    if len(rows) < 2:
        raise CannotMerge("A paper cannot be merged with itself.")
    kept, absorbed = rows[kept.pk], rows[absorbed.pk]
    if kept.merged_into_id or absorbed.merged_into_id:
        raise CannotMerge("One of the two was merged into another paper before.")
    moved = move_rows(absorbed, kept)
    added = [topic.pk for topic in Topic.objects.filter(papers=absorbed).exclude(papers=kept)]
    kept.topics.add(*added)
    changed = fill(kept, absorbed)
    changed["topics"] = added
    changed["absorbed"] = {"status": absorbed.status, "status_reason": absorbed.status_reason}
    absorbed.merged_into, absorbed.status = kept, Paper.Status.HIDDEN
    absorbed.status_reason = f"merged into {kept.pk}: {reason}"[:300]
    absorbed.save(update_fields=["merged_into", "status", "status_reason", "updated_at"])
    done = {"state": Merge.State.DONE, "reason": reason[:300], "moved": moved, "changed": changed, "at": timezone.now()}
    return Merge.objects.update_or_create(kept=kept, absorbed=absorbed, defaults=done)[0]


def move_rows(absorbed: Paper, kept: Paper) -> dict[str, list[Any]]:
    moved: dict[str, list[Any]] = {}
    for relation in Paper._meta.related_objects:
        model, name = relation.related_model, relation.field.name
        if not isinstance(relation, models.ManyToOneRel) or model in (Merge, Paper):
            continue
        if model is Authorship and kept.authorships.exists():
            continue  # one list of authors or the other, not some of each
        pks = [pk for pk in model._base_manager.filter(**{name: absorbed}).values_list("pk", flat=True)
               if is_moved(model, name, pk, kept)]  # fmt: skip
        if pks:
            moved[f"{model._meta.label}.{name}"] = pks
    return moved


def is_moved(model: type[models.Model], name: str, pk: Any, kept: Paper) -> bool:
    try:
        with transaction.atomic():
            return bool(model._base_manager.filter(pk=pk).update(**{name: kept}))
    except IntegrityError:  # the kept paper has its own
        return False


def fill(kept: Paper, absorbed: Paper) -> dict[str, Any]:
    """Give the kept paper what it lacks. Each change is noted as [before, after]."""
    after: dict[str, Any] = {name: getattr(absorbed, name) for name in FILLED if not getattr(kept, name)}
    after["upvotes"] = max(kept.upvotes, absorbed.upvotes)
    after |= earlier_announcement(kept, absorbed)
    changed = {name: [getattr(kept, name), value] for name, value in after.items() if getattr(kept, name) != value}
    Paper.objects.filter(pk=kept.pk).update(**{name: pair[1] for name, pair in changed.items()})
    return {name: [stored(value) for value in pair] for name, pair in changed.items()}


EVIDENCE = [Paper.Announcement.UNKNOWN, Paper.Announcement.ESTIMATED, Paper.Announcement.SEEN]
SPANS = {Paper.Precision.YEAR: timedelta(days=366), Paper.Precision.MONTH: timedelta(days=31)}
DOUBT = timedelta(days=30)  # how long moderators hold a paper at most, or a journal takes to print a date


def earlier_announcement(kept: Paper, other: Paper) -> dict[str, Any]:
    """The columns to change when another source dates the paper too: it is as old as its first announcement.

    Of two that were seen the earlier counts; what was seen corrects a guess, and a guess what was seen only when it is
    older beyond doubt.
    """
    weights = (
        EVIDENCE.index(Paper.Announcement(kept.announcement)),
        EVIDENCE.index(Paper.Announcement(other.announcement)),
    )
    if weights == (2, 2):
        is_right = other.published_at < kept.published_at
    elif weights[1] > weights[0]:
        is_right = other.published_at <= kept.published_at + SPANS.get(Paper.Precision(kept.published_precision), DOUBT)
    else:
        span = SPANS.get(Paper.Precision(other.published_precision), timedelta(0))
        is_right = other.published_at + span + DOUBT < kept.published_at
    names = ("published_at", "published_precision", "announcement") if is_right else ()
    return {name: getattr(other, name) for name in names}


def stored(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


@transaction.atomic
def take_apart(done: Merge) -> None:
    """Two papers again, each with what was its own; what an editor changed since stays as it is."""
    done = Merge.objects.select_for_update().get(pk=done.pk)
    if done.state != Merge.State.DONE:
        raise CannotMerge("This merge is not in force.")
    kept, absorbed = done.kept, done.absorbed
    for label, pks in done.moved.items():
        model_label, _, name = label.rpartition(".")
        rows = apps.get_model(model_label)._base_manager.filter(pk__in=pks, **{name: kept})
        rows.update(**{name: absorbed})
    changed = dict(done.changed)
    kept.topics.remove(*changed.pop("topics", []))
    before = changed.pop("absorbed")
    unchanged = {name: pair[0] for name, pair in changed.items() if stored(getattr(kept, name)) == pair[1]}
    Paper.objects.filter(pk=kept.pk).update(**unchanged)
    Paper.objects.filter(pk=absorbed.pk).update(merged_into=None, **before)
    Merge.objects.filter(pk=done.pk).update(state=Merge.State.UNDONE, at=timezone.now())
