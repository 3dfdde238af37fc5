"""arXiv's search API: backfill of categories or a search, page by page. https://info.arxiv.org/help/api/user-manual.html

The API finds by submission, so the window opens some days earlier than the announcements that are asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from urllib.parse import urlencode

from lxml import etree

from papers.fetching import FetchError
from papers.models import Paper, Source
from papers.parsers import Record, decode
from papers.parsers.xmltext import XmlDocument, read_xml, text_of, understood_xml
from papers.sources import Asking, Kind, Page
from papers.sources.announcement_days import first_listing
from papers.sources.arxiv import ARCHIVE, paper_record, settle_announcements

PAGE_SIZE = 200
MAX_START = 30_000  # the API refuses to go further; a longer backfill is done window by window
# A paper is announced one to four days after its submission, later where moderators hold it.
SUBMITTED_BEFORE = timedelta(days=14)
EMPTY_TRIES = 3


def pages(asking: Asking) -> Iterator[Page]:
    start = int(asking.resume.get("start", 0))
    previous: list[str] = []
    while start < MAX_START:
        where = f"{asking.url}?{urlencode(parameters(asking, start))}"
        document, total = whole_page(asking, where, start)
        entries = [understood_xml(item, record_of) for item in document.entries]
        raws = [entry.raw for entry in entries]
        if raws and raws == previous:
            raise FetchError(f"the API gave the same page twice, at {start} of {total}")
        previous = raws
        start += max(len(entries), 1)
        done = start >= total
        yield Page(settle_announcements(entries), where, {} if done else {"start": start}, fault=document.fault)
        if done:
            return
    raise FetchError(f"more than {MAX_START} papers match; ask for a shorter time with --since and --until")


def parameters(asking: Asking, start: int) -> dict[str, str | int]:
    begin, end = asking.since - SUBMITTED_BEFORE, asking.until
    window = f"submittedDate:[{begin:%Y%m%d%H%M} TO {end:%Y%m%d%H%M}]"
    return {
        "search_query": f"({search_of(asking.query)}) AND {window}" if asking.query.strip() else window,
        "start": start,
        "max_results": PAGE_SIZE,
        "sortBy": "submittedDate",
        "sortOrder": "ascending",
    }


def search_of(query: str) -> str:
    """Categories become a search for any of them; what has a colon is a search already."""
    query = " ".join(query.split())
    return query if ":" in query else " OR ".join(f"cat:{name}" for name in ARCHIVE.findall(query))


def whole_page(asking: Asking, where: str, start: int) -> tuple[XmlDocument, int]:
    """A page; the API is known to send an empty one where there should be results, and right ones a moment later."""
    for _ in range(EMPTY_TRIES):
        response = asking.get(where)
        document = read_xml(decode(response.body, response.headers.get_content_charset() or ""), "entry")
        if document.root is not None and etree.QName(document.root).localname != "feed":
            raise FetchError(f"not an Atom feed but <{etree.QName(document.root).localname}>")
        found = text_of(document.root, "totalResults")
        total = int(found) if found.isdecimal() else len(document.entries)
        for item in document.entries:
            if item.element is not None and text_of(item.element, "title") == "Error":
                raise FetchError(f"arXiv says: {text_of(item.element, 'summary')}"[:300])
        if document.entries or total <= start:
            return document, total
    raise FetchError(f"the API gave an empty page {EMPTY_TRIES} times, though {total} papers match")


def record_of(entry: etree._Element) -> Record:
    submitted_at = datetime.fromisoformat(text_of(entry, "published"))
    return paper_record(
        text_of(entry, "id"),
        title=text_of(entry, "title"),
        abstract=text_of(entry, "summary"),
        authors=[name for author in entry.findall("{*}author") if (name := text_of(author, "name"))],
        categories=[category.get("term") or "" for category in entry.findall("{*}category")],
        comment=text_of(entry, "comment"),
        doi=text_of(entry, "doi"),
        published_at=first_listing(submitted_at).isoformat(),
        announcement=Paper.Announcement.ESTIMATED,
    )


KIND = Kind(
    name="arxiv-api",
    label="arXiv: backfill by search",
    url="https://export.arxiv.org/api/query",
    ask="Categories (cs.LG, cs.CL) or a search (cat:cs.LG AND abs:speech)",
    expects=Source.Expects.ANY_TIME,
    pages=pages,
)
