"""What arXiv announced: today's listing by RSS or Atom, then the last week again by OAI-PMH.

The listing says exactly what is new today and forgets it tomorrow (and is cut at 2,000 papers); the harvest says what
changed since a day, and so heals any gap. https://info.arxiv.org/help/rss_specifications.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from email.utils import parsedate_to_datetime

from lxml import etree

from papers.authors import split_authors
from papers.fetching import FetchError
from papers.models import Paper, Source
from papers.parsers import BadDocument, Record, decode
from papers.parsers.xmltext import XmlDocument, inner_text, read_xml, text_of, understood_xml
from papers.sources import Asking, Kind, Page
from papers.sources.announcement_days import EASTERN, midnight
from papers.sources.arxiv import categories_of, paper_record, settle_announcements
from papers.sources.arxiv_harvest import URL as HARVEST_URL
from papers.sources.arxiv_harvest import harvest

PREFACE = re.compile(r"^arXiv:\S+\s+Announce Type:\s*\S+\s*(?:Abstract:\s*)?", re.IGNORECASE)


def pages(asking: Asking) -> Iterator[Page]:
    if not asking.resume:
        categories = categories_of(asking.query)
        if not categories:
            raise FetchError("the query names no arXiv category, as in: cs.LG, cs.CL")
        address = f"{asking.url.rstrip('/')}/rss/{'+'.join(categories)}"
        response = asking.get(address, conditionally=True)
        if response.is_unchanged:
            return
        yield listing(decode(response.body, response.headers.get_content_charset() or ""), address)
    yield from harvest(replace(asking, url=HARVEST_URL if asking.url == KIND.url else f"{asking.url}/oai"))


def listing(text: str, where: str) -> Page:
    document = read_listing(text)
    day = listed_on(document)
    entries = [understood_xml(item, record_of, day) for item in document.entries]
    has_new = any(entry.record and entry.record["announcement"] == Paper.Announcement.SEEN for entry in entries)
    return Page(settle_announcements(entries), where, {}, midnight(day) if has_new and day else None, document.fault)


def read_listing(text: str) -> XmlDocument:
    for tag in ("item", "entry"):
        document = read_xml(text, tag)
        if document.entries:
            return document
    name = etree.QName(document.root).localname if document.root is not None else ""
    if name not in ("rss", "feed", "RDF"):
        raise BadDocument(document.fault or f"not a feed but <{name}>")
    return document


def listed_on(document: XmlDocument) -> date | None:
    """The date of the listing as arXiv's clock says it: pubDate is midnight Eastern time."""
    for path in ("channel/pubDate", "updated"):
        if at := instant_of(text_of(document.root, path)):
            return at.astimezone(EASTERN).date()
    return None


def instant_of(text: str) -> datetime | None:
    for read in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            at = read(text)
        except (ValueError, TypeError, IndexError):
            continue
        return at if at.tzinfo else at.replace(tzinfo=EASTERN)
    return None


def record_of(item: etree._Element, listed: date | None) -> Record:
    arxiv_id = (text_of(item, "guid") or text_of(item, "id")).removeprefix("oai:arXiv.org:")
    kind = text_of(item, "announce_type").lower()
    at = instant_of(text_of(item, "pubDate") or text_of(item, "published"))
    day = at.astimezone(EASTERN).date() if at else listed
    if kind not in ("new", "cross", "replace", "replace-cross"):
        raise ValueError(f"announced as {kind[:40]!r}, which is none of new, cross, replace, replace-cross")
    if kind == "new" and not day:
        raise ValueError("announced on no day")
    abstract = PREFACE.sub("", text_of(item, "description") or text_of(item, "summary"))
    seen = {"published_at": day.isoformat(), "announcement": Paper.Announcement.SEEN} if kind == "new" and day else {}
    return paper_record(
        arxiv_id or text_of(item, "link"),
        title=text_of(item, "title"),
        abstract=abstract,
        authors=split_authors(text_of(item, "creator")),
        categories=[category.get("term") or inner_text(category) for category in item.findall("{*}category")],
        doi=text_of(item, "DOI"),
        **({"published_at": "", "announcement": Paper.Announcement.UNKNOWN} | seen),
    )


KIND = Kind(
    name="arxiv",
    label="arXiv: what is announced",
    url="https://rss.arxiv.org",
    ask="Categories or archives: cs.LG, cs.CL, stat",
    expects=Source.Expects.WEEKDAYS,
    pages=pages,
)
