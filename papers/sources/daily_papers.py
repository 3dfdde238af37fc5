"""Hugging Face's daily papers: what its readers submitted and upvoted, day by day. https://huggingface.co/papers

A day's list is windowed on `submittedOnDailyAt`; the paper itself was announced by arXiv, mostly some days before.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

from papers.models import Paper, Source
from papers.parsers import Entry, Record, decode, understood
from papers.parsers.jsontext import read_json
from papers.parsers.mentions import code_link_in
from papers.sources import Asking, Kind, Page
from papers.sources.announcement_days import first_listing, midnight
from papers.sources.arxiv import paper_record, settle_announcements

DAY = timedelta(days=1)


def pages(asking: Asking) -> Iterator[Page]:
    day = date.fromisoformat(asking.resume["day"]) if asking.resume.get("day") else asking.since.date()
    last = (asking.until - timedelta(seconds=1)).date()
    while day <= last:
        where = f"{asking.url.rstrip('/')}/api/daily_papers?date={day}"
        document = read_json(decode(asking.get(where).body), lambda whole: whole, {"paper"})
        items = [
            item for item in document.items if (on := listed_on(item)) is None or asking.since.date() <= on <= last
        ]
        entries = [understood(json.dumps(item), record_of, item) for item in items]
        entries += [Entry(piece, reason=document.fault) for piece in document.broken]
        days = [on for item in items if (on := listed_on(item))]
        resume = {"day": (day + DAY).isoformat()} if day < last else {}
        newest_at = midnight(max(days)) if days else None
        yield Page(settle_announcements(entries), where, resume, newest_at, document.fault)
        day += DAY


def listed_on(item: Any) -> date | None:
    """The day of the list; None where the item is not of the expected shape, which `record_of` will tell."""
    try:
        return datetime.fromisoformat(item["paper"]["submittedOnDailyAt"]).date()
    except (LookupError, TypeError, ValueError):
        return None


def is_within(on: date | None, first: date, last: date) -> bool:
    return on is None or first <= on <= last


def record_of(item: dict[str, Any]) -> Record:
    paper = item["paper"]
    submitted_at = datetime.fromisoformat(paper.get("publishedAt") or item["publishedAt"])
    if submitted_at.tzinfo is None:
        raise ValueError("publishedAt without a time zone")
    abstract = paper.get("summary") or item.get("summary") or ""
    submitter = paper.get("submittedOnDailyBy") or item.get("submittedBy") or {}
    record = paper_record(
        paper["id"],
        title=paper.get("title") or item["title"],
        abstract=abstract,
        authors=[author["name"] for author in paper.get("authors") or [] if author.get("name")],
        categories=[],
        published_at=first_listing(submitted_at).isoformat(),
        announcement=Paper.Announcement.ESTIMATED,
    )
    return record | {
        "upvotes": int(paper.get("upvotes") or 0),
        "submitter": submitter.get("fullname") or submitter.get("name") or submitter.get("user") or "",
        "code_url": code_link_in(paper.get("githubRepo") or "") or record["code_url"],
    }


KIND = Kind(
    name="daily-papers",
    label="Hugging Face daily papers",
    url="https://huggingface.co",
    ask="Nothing: the list of each day is taken",
    expects=Source.Expects.WEEKDAYS,
    pages=pages,
)
