"""What arXiv's three services share: categories with readable names, and the day on which a paper was announced."""

from __future__ import annotations

import re
from bisect import bisect_left, insort
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from papers.identifiers import ARXIV, Identified, find_identified, parse_identifier
from papers.models import Identifier, Paper
from papers.parsers import Entry, Record
from papers.parsers.mentions import code_link_in, says_withdrawn
from papers.sources.announcement_days import midnight
from papers.sources.arxiv_categories import CATEGORIES

ARCHIVE = re.compile(r"[a-z-]+(?:\.[A-Za-z-]+)?")


def categories_of(query: str) -> list[str]:
    """cs.LG, cs.CL or stat as they stand in a source's query."""
    return ARCHIVE.findall(query)


def topic_names(categories: Iterable[str]) -> list[str]:
    """Readable names; what is no category of arXiv's (an MSC class among them) is left out."""
    return list(dict.fromkeys(CATEGORIES[category] for category in categories if category in CATEGORIES))


def is_wanted(categories: Iterable[str], wanted: list[str]) -> bool:
    """Whether one of the categories is wanted, or belongs to an archive that is; everything is when none is named."""
    return not wanted or any(
        category == wish or category.startswith(wish + ".") for category in categories for wish in wanted
    )


def paper_record(
    arxiv_id: str,
    *,
    title: str,
    abstract: str,
    authors: list[str],
    categories: Iterable[str],
    comment: str = "",
    doi: str = "",
    **announcement: Any,
) -> Record:
    identified = parse_identifier(arxiv_id)
    if identified.scheme is not ARXIV:
        raise ValueError(f"{arxiv_id[:100]!r} is not an arXiv id")
    withdrawn = says_withdrawn(comment) or says_withdrawn(abstract)
    return {
        "identifiers": [
            f"arXiv:{identified.value}{f'v{identified.version}' if identified.version else ''}",
            *doi.split(),
        ],
        "title": title,
        "abstract": abstract,
        "authors": authors,
        "topics": topic_names(categories),
        "url": identified.url,
        "pdf_url": identified.pdf_url,
        "code_url": code_link_in(abstract, comment),
        "status": Paper.Status.WITHDRAWN if withdrawn else Paper.Status.PUBLISHED,
        **announcement,
    }


# --- when it was announced ----------------------------------------------------------------------------------------


def settle_announcements(entries: list[Entry]) -> list[Entry]:
    """The entries in the order of their ids, those without a seen announcement dated by their neighbours.

    arXiv gives ids in the order of announcement, so a paper was announced no earlier than the one before it and no
    later than the one after it, whatever became of it in moderation.
    """
    numbered = sorted(((number_of(entry), entry) for entry in entries), key=lambda pair: pair[0])
    days = sorted(
        (number, announced_on(entry.record)) for number, entry in numbered if number and is_seen(entry.record)
    )
    known = find_identified(identified_in(entry) for number, entry in numbered if number)
    for number, entry in numbered:
        if entry.record and is_undated(entry.record) and (identified := identified_in(entry)).key not in known:
            settle(entry.record, identified, neighbours(number, identified, days))
            if entry.record["announcement"] == Paper.Announcement.ESTIMATED and number:
                insort(days, (number, announced_on(entry.record)))
    return [entry for _, entry in numbered]


def settle(record: Record, identified: Identified, between: tuple[date | None, date | None]) -> None:
    """Give a record its day: between its neighbours', and not before its submission allows.

    `changed_on` is on records of a harvest that has been complete so far, of papers without a later version: what is
    met there for the first time was announced on the day of its change, unless its id or its neighbours say otherwise.
    """
    below, above = between
    changed_on = record.pop("changed_on", None)
    if record.get("published_at"):
        day = max(announced_on(record), below or date.min)
        if changed_on and is_month_of(date.fromisoformat(changed_on), identified):
            day = max(day, date.fromisoformat(changed_on))
        if above and above >= (below or date.min):
            day = min(day, above)
        record |= {"published_at": day.isoformat(), "announcement": Paper.Announcement.ESTIMATED}
    elif below and below == above:
        record |= {"published_at": below.isoformat(), "announcement": Paper.Announcement.ESTIMATED}
    else:
        month = identified.month or datetime(1991, 8, 1, tzinfo=UTC)
        record |= {"published_at": f"{month:%Y-%m}", "announcement": Paper.Announcement.UNKNOWN}


def is_month_of(day: date, identified: Identified) -> bool:
    """Whether an id of its month can have been announced on a day; around midnight it may be the next month's first."""
    month = identified.month
    return month is not None and month.date() <= day <= month.date() + timedelta(days=33)


def neighbours(number: int, identified: Identified, days: list[tuple[int, date]]) -> tuple[date | None, date | None]:
    """When the papers with the next lower and the next higher id were announced, as this page or the catalogue says."""
    if not number:
        return None, None
    place = bisect_left(days, (number, date.min))
    below = [days[place - 1][1]] if place else []
    above = [days[place][1]] if place < len(days) else []
    dated = Identifier.objects.filter(scheme=ARXIV).exclude(paper__announcement=Paper.Announcement.UNKNOWN)
    lower = dated.filter(value__lt=identified.value, value__gte="0704").order_by("-value")
    higher = dated.filter(value__gt=identified.value, value__lt="9999").order_by("value")
    below += [at.date() for at in lower.values_list("paper__published_at", flat=True)[:1]]
    above += [at.date() for at in higher.values_list("paper__published_at", flat=True)[:1]]
    return max(below, default=None), min(above, default=None)


def number_of(entry: Entry) -> int:
    """Its place in the order of ids; 0 for what has none, the ids of before April 2007 among them."""
    value = identified_in(entry).value
    found = re.fullmatch(r"(\d{4})\.(\d{4,5})", value)
    return int(found[1]) * 100_000 + int(found[2]) if found else 0


def identified_in(entry: Entry) -> Identified:
    names = entry.record.get("identifiers", []) if entry.record else []
    return parse_identifier(names[0] if names else "")


def is_seen(record: Record | None) -> bool:
    return record is not None and record.get("announcement") == Paper.Announcement.SEEN


def is_undated(record: Record) -> bool:
    """Dated by a guess or not at all; a deleted record bears no date and wants none."""
    return "announcement" in record and not is_seen(record)


def announced_on(record: Record | None) -> date:
    return date.fromisoformat((record or {})["published_at"][:10])


def newest(entries: list[Entry]) -> datetime | None:
    """The newest announcement among them, as far as it is known."""
    records = [entry.record for entry in entries if entry.record]
    known = [record for record in records if record.get("announcement", "unknown") != Paper.Announcement.UNKNOWN]
    return midnight(max(announced_on(record) for record in known)) if known else None
