"""lines -> descriptions -> batches -> papers: what is new is added, what changed is updated, what is wrong is rejected.

A batch is one transaction, so that an import that is broken off leaves whole batches and can simply be run again, and
it takes about the same number of queries whatever it holds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db import IntegrityError, transaction
from django.utils import timezone

from papers.identifiers import VALUES_A_QUERY, Identified, chunks, find_rows
from papers.importing import Report
from papers.jsonlines import Line, Place
from papers.merging import Description as Told
from papers.merging import earlier_announcement, find_same, merge_named_together
from papers.models import Author, Authorship, Identifier, Paper, Topic
from papers.records import GONE, BadRecord, Description, describe
from papers.titles import title_key

BATCH_LINES = 500
# Why a paper is hidden that only a reader's library named; the first source that tells of it shows it to everybody.
FROM_A_LIBRARY = "from a reader's library"
SUBMITTED = "submitted by a reader"  # and pending: the first source that tells of it answers for the editors
ANNOUNCEMENT = ("published_at", "published_precision", "announcement")
PaperTopic = Paper.topics.through


class Described(NamedTuple):
    place: Place
    description: Description


@dataclass
class Taken:
    """A description and the row it is about: a new one until it has a key."""

    paper: Paper
    description: Description
    is_new: bool = False
    may_rewrite: bool = True  # else it only fills what is empty
    has_changed: bool = False


def take_lines(lines: Iterable[Line], report: Report) -> None:
    batch: list[Described] = []
    first_places: dict[tuple[str, str], Place] = {}
    now = timezone.now()
    for place, record in lines:
        if batch and (len(batch) == BATCH_LINES or batch[-1].place.path != place.path):
            store_batch(batch, report)
            batch = []
        try:
            description = describe(record, now)
            check_is_first(description, place, first_places)
        except BadRecord as error:
            report.reject(place, str(error))
        else:
            batch.append(Described(place, description))
    if batch:
        store_batch(batch, report)


def check_is_first(description: Description, place: Place, first_places: dict[tuple[str, str], Place]) -> None:
    """One file says everything about a paper in one place; another file, or a service, may say something newer."""
    for identified in description.identifiers:
        first = first_places.get(identified.key)
        if first and first.path == place.path and description.decides:
            raise BadRecord(f"id {identified.value} stands on line {first.number} already")
    first_places |= dict.fromkeys((identified.key for identified in description.identifiers), place)


def store_batch(batch: Sequence[Described], report: Report) -> None:
    while batch:
        try:
            done, later = store(batch)
        except IntegrityError:  # another import added one of these papers at this moment: now it is there to be updated
            done, later = store(batch)
        report.added += done.added
        report.updated += done.updated
        report.unchanged += done.unchanged
        report.rejections += done.rejections
        batch = later


@transaction.atomic
def store(batch: Sequence[Described]) -> tuple[Report, list[Described]]:
    """What was done, and what says more of a paper of this batch: it is stored after it."""
    report = Report()
    rows = merged_rows(batch)
    taken, later = find_or_make_papers(batch, rows, report)
    save_papers(taken)
    save_identifiers(taken, rows)
    save_authors(taken)
    save_topics(taken)
    report.added += sum(one.is_new for one in taken)
    report.updated += sum(one.has_changed and not one.is_new for one in taken)
    report.unchanged += sum(not one.has_changed and not one.is_new for one in taken)
    return report, later


# --- which paper it is -----------------------------------------------------------------------------------------------


def merged_rows(batch: Sequence[Described]) -> dict[tuple[str, str], Identifier]:
    """The known identifiers of a batch, after papers that one description names together have become one."""
    every = [found for _, description in batch for found in description.identifiers]
    rows = find_rows(every)
    together = []
    for place, description in batch:
        ids = {rows[found.key].paper_id for found in description.identifiers if found.key in rows}
        if len(ids) > 1:
            together.append((place, ids))
    for place, ids in together:
        papers = list(Paper.objects.filter(pk__in=ids, merged_into=None))
        if len(papers) > 1:
            merge_named_together(papers, str(place.path))
    return find_rows(every) if together else rows


def find_or_make_papers(
    batch: Sequence[Described], rows: dict[tuple[str, str], Identifier], report: Report
) -> tuple[list[Taken], list[Described]]:
    known = [
        next((rows[found.key].paper_id for found in description.identifiers if found.key in rows), None)
        for _, description in batch
    ]
    by_title = found_by_title([one.description for one, pk in zip(batch, known, strict=True) if pk is None])
    known = [pk if pk is not None else by_title.get(id(one.description)) for one, pk in zip(batch, known, strict=True)]
    papers = Paper.objects.select_for_update().order_by("pk").in_bulk({pk for pk in known if pk is not None})
    names = first_names(papers)
    places: dict[int, Place] = {}
    in_batch: set[Any] = set()  # identifiers, and titles of new papers
    taken: list[Taken] = []
    later: list[Described] = []
    for one, pk in zip(batch, known, strict=True):
        place, description = one
        key = title_key(description.columns.get("title", ""))
        if pk is not None and pk in places:
            if description.decides:
                report.reject(place, f"the same paper as line {places[pk].number} under another id")
            else:
                later.append(one)
            continue
        keys = {found.key for found in description.identifiers}
        if keys & in_batch or (pk is None and key and key in in_batch):
            later.append(one)  # by then it shows whether this is the paper that came before it
            continue
        in_batch |= keys
        if pk is not None:
            places[pk] = place
            may_rewrite = description.decides or names.get(pk) == description.identifiers[0].key
            taken.append(Taken(papers[pk], description, may_rewrite=may_rewrite))
        elif "title" in description.columns:
            in_batch.add(key)
            taken.append(Taken(Paper(), description, is_new=True))
        elif description.status in GONE:
            report.unchanged += 1  # a source says that a paper is gone, which was never here
        else:
            report.reject(place, f"{description.identifiers[0].value} is not in the catalogue, and has no title here")
    return taken, later


def found_by_title(descriptions: Sequence[Description]) -> dict[int, int]:
    """Papers known under other identifiers: id(description) -> primary key. See docs/one-paper-once.md."""
    told = [
        Told(
            one.columns.get("title", ""),
            one.authors,
            (one.columns | one.for_new)["published_at"].year,
            frozenset(found.key for found in one.identifiers),
        )
        for one in descriptions
    ]
    found = find_same(told)
    return {id(one): paper.pk for one, paper in zip(descriptions, found, strict=True) if paper}


def first_names(papers: dict[int, Paper]) -> dict[int, tuple[str, str]]:
    """The identifier under which each paper first came; who speaks of it by that name may rewrite what it says."""
    names: dict[int, tuple[str, str]] = {}
    for chunk in chunks(sorted(papers), VALUES_A_QUERY):
        found = Identifier.objects.filter(paper__in=chunk).order_by("pk")
        for paper_id, scheme, value in found.values_list("paper_id", "scheme", "value"):
            names.setdefault(paper_id, (scheme, value))
    return names


# --- the paper itself ------------------------------------------------------------------------------------------------


def save_papers(taken: Sequence[Taken]) -> None:
    now = timezone.now()
    by_columns: dict[frozenset[str], list[Paper]] = defaultdict(list)
    for one in taken:
        values = values_for(one)
        changed = {name: value for name, value in values.items() if getattr(one.paper, name) != value}
        if not changed:
            continue
        one.has_changed = True
        changed["title_key"] = title_key(values.get("title", one.paper.title))
        changed["updated_at"] = now
        for name, value in changed.items():
            setattr(one.paper, name, value)
        if not one.is_new:
            by_columns[frozenset(changed)].append(one.paper)
    Paper.objects.bulk_create([one.paper for one in taken if one.is_new])
    for columns, papers in by_columns.items():
        Paper.objects.bulk_update(papers, sorted(columns))


def values_for(one: Taken) -> dict[str, Any]:
    """The columns as the description has them, as far as it may decide."""
    paper, description = one.paper, one.description
    if one.is_new:
        status = {"status": description.status or Paper.Status.PUBLISHED, "status_reason": description.status_reason}
        return description.for_new | description.columns | status
    values = {
        name: value
        for name, value in description.columns.items()
        if name not in ANNOUNCEMENT and (one.may_rewrite or not getattr(paper, name))
    }
    if "published_at" in description.columns:
        dates = {name: description.columns[name] for name in ANNOUNCEMENT}
        values |= dates if description.decides else earlier_announcement(paper, Paper(**dates))
    # An import may take a paper away; what is hidden or withdrawn only an editor brings back.
    if description.status in GONE and paper.status not in GONE:
        values |= {"status": description.status, "status_reason": description.status_reason}
    if description.status == Paper.Status.PUBLISHED and is_known_from_readers_only(paper):
        values |= {"status": description.status, "status_reason": ""}
    return values


def is_known_from_readers_only(paper: Paper) -> bool:
    return (paper.status, paper.status_reason) in (
        (Paper.Status.HIDDEN, FROM_A_LIBRARY),
        (Paper.Status.PENDING, SUBMITTED),
    )


# --- the rows around it ----------------------------------------------------------------------------------------------


def save_identifiers(taken: Sequence[Taken], rows: dict[tuple[str, str], Identifier]) -> None:
    new: list[Identifier] = []
    newer: list[Identifier] = []
    for one in taken:
        for identified in one.description.identifiers:
            row = rows.get(identified.key)
            if row is None:
                new.append(identifier_of(one.paper, identified))
            elif row.paper_id == one.paper.pk and (identified.version or 0) > (row.version or 0):
                row.version = identified.version
                newer.append(row)
            else:
                continue
            one.has_changed = True
    Identifier.objects.bulk_create(new)
    Identifier.objects.bulk_update(newer, ["version"])


def identifier_of(paper: Paper, identified: Identified) -> Identifier:
    return Identifier(paper=paper, scheme=identified.scheme, value=identified.value, version=identified.version)


def save_authors(taken: Sequence[Taken]) -> None:
    stored: dict[int, list[str]] = defaultdict(list)
    known = Authorship.objects.filter(paper__in=[one.paper for one in taken if not one.is_new]).order_by("position")
    for paper_id, name in known.values_list("paper_id", "author__name"):
        stored[paper_id].append(name)
    changed = [
        one
        for one in taken
        if (names := one.description.authors)
        and names != stored[one.paper.pk]
        and (one.may_rewrite or not stored[one.paper.pk])
    ]
    Authorship.objects.filter(paper__in=[one.paper for one in changed if stored[one.paper.pk]]).delete()
    authors = find_or_make_authors({name for one in changed for name in one.description.authors})
    Authorship.objects.bulk_create(
        Authorship(paper=one.paper, author=authors[name], position=position)
        for one in changed
        for position, name in enumerate(one.description.authors)
    )
    for one in changed:
        one.has_changed = True


def find_or_make_authors(names: set[str]) -> dict[str, Author]:
    authors = find_authors(names)
    if missing := names - authors.keys():
        Author.objects.bulk_create([Author(name=name) for name in sorted(missing)], ignore_conflicts=True)
        authors |= find_authors(missing)
    return authors


def find_authors(names: set[str]) -> dict[str, Author]:
    return {
        author.name: author
        for chunk in chunks(sorted(names), VALUES_A_QUERY)
        for author in Author.objects.filter(name__in=chunk)
    }


def save_topics(taken: Sequence[Taken]) -> None:
    topics = find_or_make_topics({slug: name for one in taken for slug, name in one.description.topics.items()})
    stored: dict[int, dict[str, int]] = defaultdict(dict)
    known = PaperTopic.objects.filter(paper__in=[one.paper for one in taken if not one.is_new])
    for pk, paper_id, slug in known.values_list("pk", "paper_id", "topic__slug"):
        stored[paper_id][slug] = pk
    gone: list[int] = []
    new: list[Any] = []
    for one in taken:
        before, after = stored[one.paper.pk], one.description.topics
        dropped = [pk for slug, pk in before.items() if slug not in after] if after and one.description.decides else []
        added = [PaperTopic(paper=one.paper, topic=topics[slug]) for slug in after if slug not in before]
        gone += dropped
        new += added
        one.has_changed |= bool(dropped or added)
    PaperTopic.objects.filter(pk__in=gone).delete()
    PaperTopic.objects.bulk_create(new)


def find_or_make_topics(names: dict[str, str]) -> dict[str, Topic]:
    """By slug; an existing one keeps the name that an editor may have given it."""
    known = set(Topic.objects.filter(slug__in=names).values_list("slug", flat=True))
    missing = [Topic(slug=slug, name=name) for slug, name in names.items() if slug not in known]
    Topic.objects.bulk_create(missing, ignore_conflicts=True)
    return {topic.slug: topic for topic in Topic.objects.filter(slug__in=names)}
