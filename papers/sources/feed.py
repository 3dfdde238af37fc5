"""Any RSS or Atom feed, of a journal, a blog or a laboratory, as feeds are in the wild: RSS 0.9 to 2.0, RDF, Atom."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from django.utils import timezone
from lxml import etree

from papers.authors import in_order, split_authors
from papers.fetching import FetchError
from papers.models import Paper, Source
from papers.parsers import BadDocument, Record, decode
from papers.parsers.mentions import code_link_in, identifiers_in, says_withdrawn
from papers.parsers.xmltext import XmlDocument, inner_text, read_xml, text_of, understood_xml
from papers.sources import Asking, Kind, Page

ABSTRACTS = ("abstract", "description", "summary", "encoded", "content")
DATES = ("published", "pubDate", "date", "issued", "publicationDate", "updated", "modified")


def pages(asking: Asking) -> Iterator[Page]:
    if not asking.url:
        raise FetchError("a feed needs its address")
    response = asking.get(asking.url, conditionally=True)
    if not response.is_unchanged:
        text = decode(response.body, response.headers.get_content_charset() or "")
        yield read_feed(text, asking.url, asking.is_first)


def read_feed(text: str, where: str, is_first: bool) -> Page:
    document = read_items(text)
    entries = [understood_xml(item, record_of, is_first) for item in document.entries]
    told = [instant for item in document.entries if item.element is not None and (instant := instant_in(item.element))]
    return Page(entries, where, newest_at=max(told, default=None), fault=document.fault)


def read_items(text: str) -> XmlDocument:
    document = read_xml(text, "item")
    if not document.entries:
        document = read_xml(text, "entry")
    root = etree.QName(document.root).localname if document.root is not None else ""
    if not document.entries and root not in ("rss", "feed", "RDF"):
        raise BadDocument(document.fault or f"not a feed but <{root}>")
    return document


def record_of(item: etree._Element, is_first: bool) -> Record:
    links = links_of(item)
    abstract = max((text_of(item, name) for name in ABSTRACTS), key=len)
    categories = [category.get("term") or inner_text(category) for category in item.findall("{*}category")]
    identifiers = identifiers_in(
        dois=[text_of(item, "doi")],
        texts=[text_of(item, "identifier"), text_of(item, "guid"), text_of(item, "id"), *links],
    )
    name = text_of(item, "guid") or text_of(item, "id") or next(iter(links), "")
    return {
        "identifiers": identifiers or [name],
        "title": text_of(item, "title"),
        "abstract": abstract,
        "authors": authors_of(item),
        "topics": [category for category in categories if category][:3],
        "url": next(iter(links), ""),
        "code_url": code_link_in(abstract),
        "status": Paper.Status.WITHDRAWN if says_withdrawn(abstract) else Paper.Status.PUBLISHED,
        **announcement(item, is_first),
    }


def links_of(item: etree._Element) -> list[str]:
    """RSS has the address as text, Atom as an attribute, with other links (a PDF, comments) beside it."""
    links = item.findall("{*}link")
    own = [link for link in links if link.get("rel", "alternate") == "alternate"]
    found = [(link.get("href") or inner_text(link)).strip() for link in own]
    guid = item.find("{*}guid")
    if guid is not None and guid.get("isPermaLink", "true") == "true":
        found.append(inner_text(guid))
    return [link for link in found if link.startswith(("http://", "https://"))]


def authors_of(item: etree._Element) -> list[str]:
    """One element an author, or one element with all of them."""
    elements = [*item.findall("{*}author"), *item.findall("{*}creator")]
    named = [text_of(element, "name") or inner_text(element) for element in elements]
    named = [name for name in dict.fromkeys(named) if name and "@" not in name]
    return split_authors(named[0]) if len(named) == 1 else [in_order(name) for name in named]


def announcement(item: etree._Element, is_first: bool) -> Record:
    """Its date; without one it is new today if the feed has been read before, and unknown otherwise."""
    if at := instant_in(item):
        return {"published_at": at.isoformat(), "announcement": Paper.Announcement.SEEN}
    now = timezone.now()
    if is_first:
        return {"published_at": f"{now:%Y}", "announcement": Paper.Announcement.UNKNOWN}
    return {"published_at": f"{now:%Y-%m-%d}", "announcement": Paper.Announcement.ESTIMATED}


def instant_in(item: etree._Element) -> datetime | None:
    for name in DATES:
        text = text_of(item, name)
        for read in (parsedate_to_datetime, datetime.fromisoformat):
            try:
                at = read(text)
            except (ValueError, TypeError, IndexError, OverflowError):
                continue
            return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    return None


KIND = Kind(
    name="feed",
    label="RSS or Atom feed",
    url="",
    ask="Nothing: the feed's address says it all",
    expects=Source.Expects.ANY_TIME,
    pages=pages,
)
