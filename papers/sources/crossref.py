"""Crossref: works registered between two days that match a query. https://api.crossref.org/swagger-ui/index.html"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode

from django.conf import settings

from papers.fetching import FetchError
from papers.models import Paper, Source
from papers.parsers import Entry, Record, decode, understood
from papers.parsers.jsontext import read_json
from papers.parsers.mentions import code_link_in, identifiers_in
from papers.sources import Asking, Kind, Page

PAGE_SIZE = 200
SAME_WORK = ("is-preprint-of", "has-preprint", "is-identical-to", "is-version-of", "has-version")
RETRACTIONS = ("retraction", "withdrawal", "removal")


def pages(asking: Asking) -> Iterator[Page]:
    """Crossref's cursor stays the same from page to page; the end is a page with fewer works than asked for."""
    cursor, previous = str(asking.resume.get("cursor", "*")), None
    while True:
        where = f"{asking.url.rstrip('/')}/works?{urlencode(parameters(asking, cursor))}"
        document = read_json(decode(asking.get(where).body), lambda whole: whole["message"]["items"], {"DOI", "URL"})
        if (document.whole or {}).get("status", "ok") != "ok":
            raise FetchError(f"Crossref answered {str(document.whole['status'])[:100]!r}")
        if document.items and document.items == previous:
            raise FetchError("Crossref gave the same page twice")
        previous = document.items
        entries = [understood(json.dumps(item), record_of, item) for item in document.items]
        entries += [Entry(piece, reason=document.fault) for piece in document.broken]
        following = (document.whole or {}).get("message", {}).get("next-cursor")
        done = len(document.items) < PAGE_SIZE or not following
        yield Page(entries, where, {} if done else {"cursor": following}, fault=document.fault)
        if done:
            return
        cursor = str(following)


def parameters(asking: Asking, cursor: str) -> dict[str, Any]:
    query = " ".join(asking.query.split())
    wish = dict(parse_qsl(query)) if "=" in query else {"query.bibliographic": query} if query else {}
    last = (asking.until - timedelta(seconds=1)).date()
    window = f"from-created-date:{asking.since.date()},until-created-date:{last}"
    wish["filter"] = f"{wish['filter']},{window}" if wish.get("filter") else window
    return wish | {"rows": PAGE_SIZE, "cursor": cursor, "mailto": settings.FETCH_CONTACT}


def record_of(work: dict[str, Any]) -> Record:
    abstract = work.get("abstract") or ""
    titles = [title for title in work.get("title") or [] if title]
    related = [
        item["id"] for kind in SAME_WORK for item in (work.get("relation") or {}).get(kind, [])
        if item.get("id-type") in ("doi", "arxiv")
    ]  # fmt: skip
    retracted = any(update.get("type") in RETRACTIONS for update in work.get("updated-by") or [])
    return {
        "identifiers": identifiers_in(dois=[work["DOI"], *related]),
        "title": titles[0] if titles else "",
        "abstract": abstract,
        "authors": [name for author in work.get("author") or [] if (name := name_of(author))],
        "topics": [str(subject) for subject in (work.get("subject") or [])[:3]],
        "url": f"https://doi.org/{work['DOI']}",
        "pdf_url": next((link["URL"] for link in work.get("link") or [] if "pdf" in str(link.get("content-type"))), ""),
        "code_url": code_link_in(abstract),
        "status": Paper.Status.WITHDRAWN if retracted else Paper.Status.PUBLISHED,
        **announcement(work),
    }


def name_of(author: dict[str, str]) -> str:
    person = " ".join(filter(None, (author.get("given"), author.get("family"), author.get("suffix"))))
    return person or author.get("name") or ""


def announcement(work: dict[str, Any]) -> dict[str, str]:
    """The earliest day that is told: the DOI's registration, or a publication before it. An issue's date may lie ahead
    of the paper, or be a bare year."""
    told = [day for kind in ("published-online", "published", "posted", "created") if (day := day_of(work.get(kind)))]
    if not told:
        raise ValueError("a work without a date")
    first = min(told, key=lambda day: day.ljust(10, "~"))  # 2024-05-17 comes before a bare 2024, of which it is part
    exact = len(first) == 10
    return {"published_at": first, "announcement": Paper.Announcement.SEEN if exact else Paper.Announcement.UNKNOWN}


def day_of(value: Any) -> str:
    """2024-05-17, 2024-05, 2024 or nothing, of {"date-parts": [[2024, 5, 17]]}, [[2024]] or [[null]]."""
    parts = ((value or {}).get("date-parts") or [[]])[0] or []
    known = []
    for part in parts[:3]:
        if not isinstance(part, int):
            break
        known.append(part)
    if not known:
        return ""
    date(known[0], known[1] if len(known) > 1 else 1, known[2] if len(known) > 2 else 1)  # or ValueError
    return "-".join(f"{part:02}" for part in known)


KIND = Kind(
    name="crossref",
    label="Crossref",
    url="https://api.crossref.org",
    ask="Words to search for, or parameters: query.bibliographic=graph neural networks&filter=type:journal-article",
    expects=Source.Expects.ANY_TIME,
    pages=pages,
)
