"""bioRxiv and medRxiv: what was posted between two days. https://api.biorxiv.org/"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from papers.authors import split_authors
from papers.fetching import FetchError
from papers.models import Paper, Source
from papers.parsers import Entry, Record, decode, understood
from papers.parsers.jsontext import read_json
from papers.parsers.mentions import code_link_in, says_withdrawn
from papers.sources import Asking, Kind, Page
from papers.sources.announcement_days import midnight

DATED_DOI = re.compile(r"10\.\d{4,9}/(\d{4})\.(\d\d)\.(\d\d)\.\d+")


def pages(asking: Asking) -> Iterator[Page]:
    server, categories = server_and_categories(asking.query)
    first, last = asking.since.date(), (asking.until - timedelta(seconds=1)).date()
    cursor = int(asking.resume.get("cursor", 0))
    previous: list[str] = []
    while True:
        where = f"{asking.url.rstrip('/')}/details/{server}/{first}/{last}/{cursor}/json"
        document = read_json(decode(asking.get(where).body), lambda whole: whole["collection"], {"doi", "title"})
        message = ((document.whole or {}).get("messages") or [{}])[0]
        status = str(message.get("status", "ok"))
        if status != "ok" and "no posts found" not in status.lower():
            raise FetchError(f"{server} says: {status}"[:300])
        total = int(message.get("total") or 0)
        if not document.items and cursor < total:
            raise FetchError(f"{server} gave an empty page, at {cursor} of {total}")
        names = [str(item) for item in document.items]
        if names and names == previous:
            raise FetchError(f"{server} gave the same page twice, at {cursor} of {total}")
        previous = names
        entries = [entry_of(item) for item in document.items if is_wanted(item, categories)]
        entries += [Entry(piece, reason=document.fault) for piece in document.broken]
        cursor += len(document.items)
        done = cursor >= total
        yield Page(entries, where, {} if done else {"cursor": cursor}, newest(document.items), document.fault)
        if done:
            return


def server_and_categories(query: str) -> tuple[str, set[str]]:
    server, _, categories = query.partition(":")
    if server.strip().lower() not in ("biorxiv", "medrxiv"):
        raise FetchError("the query names no server, as in: biorxiv, or medrxiv: epidemiology, oncology")
    return server.strip().lower(), {name.strip().lower() for name in categories.split(",") if name.strip()}


def is_wanted(item: Any, categories: set[str]) -> bool:
    category = item.get("category") if isinstance(item, dict) else None
    return not categories or not isinstance(category, str) or category.strip().lower() in categories


def entry_of(item: Any) -> Entry:
    return understood(json.dumps(item), record_of, item)


def record_of(item: dict[str, Any]) -> Record:
    doi, abstract, version = item["doi"].strip(), item.get("abstract") or "", int(item.get("version") or 1)
    posted = date.fromisoformat(item["date"])
    withdrawn = says_withdrawn(abstract) or "withdrawn" in str(item.get("type", "")).lower()
    published = item.get("published") or ""
    server = str(item.get("server") or "biorxiv").lower()
    return {
        "identifiers": [doi, *([published] if published.startswith("10.") else [])],
        "title": item["title"],
        "abstract": abstract,
        "authors": split_authors(item.get("authors") or ""),
        "topics": [item["category"].strip().capitalize()] if item.get("category") else [],
        "url": f"https://www.{server}.org/content/{doi}v{version}",
        "pdf_url": f"https://www.{server}.org/content/{doi}v{version}.full.pdf",
        "code_url": code_link_in(abstract),
        "status": Paper.Status.WITHDRAWN if withdrawn else Paper.Status.PUBLISHED,
        **announcement(doi, version, posted),
    }


def announcement(doi: str, version: int, posted: date) -> dict[str, str]:
    """A first version is announced on the day it is posted; what a later one says is the day of the change."""
    if version == 1:
        return {"published_at": posted.isoformat(), "announcement": Paper.Announcement.SEEN}
    found = DATED_DOI.match(doi)
    day = "-".join(found.groups()) if found else str(posted.year)
    return {"published_at": day, "announcement": Paper.Announcement.UNKNOWN}


def newest(items: list[Any]) -> Any:
    days = [
        item["date"] for item in items
        if isinstance(item, dict) and str(item.get("version", "1")) == "1"
        and re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])", str(item.get("date")))
    ]  # fmt: skip
    try:
        return midnight(date.fromisoformat(max(days))) if days else None
    except ValueError:
        return None


KIND = Kind(
    name="biorxiv",
    label="bioRxiv, medRxiv",
    url="https://api.biorxiv.org",
    ask="biorxiv or medrxiv, and categories if not all: biorxiv: neuroscience, genomics",
    expects=Source.Expects.DAILY,
    pages=pages,
)
