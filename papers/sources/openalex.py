"""OpenAlex: works that match a filter or a search. https://docs.openalex.org/api-entities/works"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from django.conf import settings

from papers.fetching import FetchError
from papers.models import Paper, Source
from papers.parsers import Entry, Record, decode, understood
from papers.parsers.jsontext import read_json
from papers.parsers.mentions import code_link_in, identifiers_in
from papers.sources import Asking, Kind, Page

PAGE_SIZE = 200
FIELDS = (
    "id,doi,ids,title,publication_date,created_date,authorships,abstract_inverted_index,primary_location,locations,"
    "topics,is_retracted"
)


def pages(asking: Asking) -> Iterator[Page]:
    cursor = str(asking.resume.get("cursor", "*"))
    seen = {cursor}
    while True:
        where = f"{asking.url.rstrip('/')}/works?{urlencode(parameters(asking, cursor))}"
        document = read_json(decode(asking.get(where).body), lambda whole: whole["results"], {"id", "title"})
        entries = [understood(json.dumps(item), record_of, item) for item in document.items]
        entries += [Entry(piece, reason=document.fault) for piece in document.broken]
        following = ((document.whole or {}).get("meta") or {}).get("next_cursor") if document.items else None
        yield Page(entries, where, {"cursor": following} if following else {}, fault=document.fault)
        if not following:
            return
        if following in seen:
            raise FetchError("OpenAlex gave the same cursor twice")
        seen.add(following)
        cursor = following


def parameters(asking: Asking, cursor: str) -> dict[str, Any]:
    query = " ".join(asking.query.split())
    last = (asking.until - timedelta(seconds=1)).date()
    filters = f"from_publication_date:{asking.since.date()},to_publication_date:{last}"
    wish = (
        {"filter": f"{query},{filters}"} if ":" in query else {"filter": filters} | ({"search": query} if query else {})
    )
    return wish | {"select": FIELDS, "per-page": PAGE_SIZE, "cursor": cursor, "mailto": settings.FETCH_CONTACT}


def record_of(work: dict[str, Any]) -> Record:
    abstract = abstract_of(work.get("abstract_inverted_index") or {})
    places = [place for place in (work.get("primary_location"), *(work.get("locations") or [])) if place]
    landing = [place["landing_page_url"] for place in places if place.get("landing_page_url")]
    return {
        "identifiers": [*identifiers_in(dois=[work.get("doi") or ""], texts=landing), openalex_id(work["id"])],
        "title": work["title"] or "",
        "abstract": abstract,
        "authors": [authorship["author"]["display_name"] for authorship in work.get("authorships") or []],
        "topics": [topic["display_name"] for topic in (work.get("topics") or [])[:3]],
        "url": work.get("doi") or next(iter(landing), ""),
        "pdf_url": next((place["pdf_url"] for place in places if place.get("pdf_url")), ""),
        "code_url": code_link_in(abstract),
        "status": Paper.Status.WITHDRAWN if work.get("is_retracted") else Paper.Status.PUBLISHED,
        **announcement(work.get("publication_date") or "", (work.get("created_date") or "")[:10]),
    }


def openalex_id(address: str) -> str:
    return f"openalex:{address.rpartition('/')[2]}"


def announcement(published: str, created: str) -> dict[str, str]:
    """A publication date may lie ahead (an issue in print): then the paper is known since OpenAlex met it. The first
    of January is how OpenAlex writes a bare year, of which no day can be called new."""
    days = sorted(date.fromisoformat(day) for day in (published, created) if day)
    if not days:
        raise ValueError("a work without a date")
    if published.endswith("-01-01") and str(days[0]) == published:
        return {"published_at": published[:4], "announcement": Paper.Announcement.UNKNOWN}
    return {"published_at": days[0].isoformat(), "announcement": Paper.Announcement.SEEN}


def abstract_of(inverted: dict[str, list[int]]) -> str:
    """The words back in their places. A place that no word claims is left out, as nothing tells what stood there."""
    words = sorted((place, word) for word, places in inverted.items() for place in places)
    return " ".join(word for _, word in words)


KIND = Kind(
    name="openalex",
    label="OpenAlex",
    url="https://api.openalex.org",
    ask="A filter (primary_topic.id:T10102,type:article) or words to search for",
    expects=Source.Expects.ANY_TIME,
    pages=pages,
)
