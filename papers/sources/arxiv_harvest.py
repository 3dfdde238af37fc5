"""arXiv's OAI-PMH: every record that changed since a day, by resumption tokens.

http://www.openarchives.org/OAI/openarchivesprotocol.html, https://info.arxiv.org/help/oa/. A record's datestamp is its
last change and says nothing of its announcement.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from urllib.parse import urlencode

from lxml import etree

from papers.fetching import FetchError
from papers.models import Paper, Source
from papers.parsers import Entry, Record, decode
from papers.parsers.xmltext import XmlDocument, XmlEntry, inner_text, read_xml, text_of, understood_xml
from papers.sources import Asking, Kind, Page
from papers.sources.announcement_days import first_listing, midnight
from papers.sources.arxiv import categories_of, is_wanted, newest, paper_record, settle_announcements
from papers.sources.arxiv_categories import PHYSICS

URL = "https://oaipmh.arxiv.org/oai"
NEVER_MORE_PAGES = 5000


def pages(asking: Asking) -> Iterator[Page]:
    yield from harvest(asking)


def harvest(asking: Asking) -> Iterator[Page]:
    """All records changed since the window began, set after set; `resume` holds the set and the token."""
    wanted = categories_of(asking.query)
    sets = sorted({set_of(category) for category in wanted}) or [""]
    begin = sets.index(asking.resume["set"]) if asking.resume.get("set") in sets else 0
    for place, name in enumerate(sets[begin:], start=begin):
        token = str(asking.resume.get("token", "")) if place == begin else ""
        yield from pages_of_set(asking, name, token, wanted, following=sets[place + 1 : place + 2])


def pages_of_set(asking: Asking, name: str, token: str, wanted: list[str], following: list[str]) -> Iterator[Page]:
    seen = {token} if token else set()
    for _ in range(NEVER_MORE_PAGES):
        where = f"{asking.url}?{urlencode(parameters(asking, name, token))}"
        response = asking.get(where)
        document = read_xml(decode(response.body, response.headers.get_content_charset() or ""), "record")
        error, message = error_in(document)
        if error == "badResumptionToken" and token:
            token, seen = "", set()  # it has expired: the set from its beginning; what is known is unchanged
            continue
        if error and error != "noRecordsMatch":
            raise FetchError(f"OAI-PMH {error}: {message}"[:300])
        token = text_of(document.root, "ListRecords/resumptionToken")
        resume = {"set": name, "token": token} if token else {"set": following[0]} if following else {}
        entries = entries_of(document, wanted, is_steady=not asking.is_first)
        yield Page(entries, where, resume, newest(entries), document.fault)
        if not token:
            return
        if token in seen:
            raise FetchError("OAI-PMH gave the same resumption token twice")
        seen.add(token)
    raise FetchError(f"OAI-PMH did not end after {NEVER_MORE_PAGES} pages")


def parameters(asking: Asking, name: str, token: str) -> dict[str, str]:
    if token:
        return {"verb": "ListRecords", "resumptionToken": token}
    fixed = {"verb": "ListRecords", "metadataPrefix": "arXiv", "from": f"{asking.since:%Y-%m-%d}"}
    # `until` includes its day; a window that reaches to now has no end, since what changes meanwhile is welcome too.
    return fixed | ({"set": name} if name else {})


def error_in(document: XmlDocument) -> tuple[str, str]:
    if document.root is None:
        return "", ""
    if etree.QName(document.root).localname != "OAI-PMH":
        raise FetchError(f"not OAI-PMH but <{etree.QName(document.root).localname}>")
    found = document.root.find("{*}error")
    return (found.get("code") or "unknown", inner_text(found)) if found is not None else ("", "")


def entries_of(document: XmlDocument, wanted: list[str], *, is_steady: bool) -> list[Entry]:
    entries = [entry for item in document.entries if (entry := entry_of(item, wanted, is_steady))]
    return settle_announcements(entries)


def entry_of(item: XmlEntry, wanted: list[str], is_steady: bool) -> Entry | None:
    """The entry; None for a paper of another category, since sets are wider than what is asked for."""
    categories = text_of(item.element, "metadata/arXiv/categories").split()
    if categories and not is_wanted(categories, wanted):
        return None
    return understood_xml(item, record_of, categories, is_steady)


def record_of(record: etree._Element, categories: list[str], is_steady: bool = False) -> Record:
    header = record.find("{*}header")
    name = text_of(header, "identifier")
    if header is not None and header.get("status") == "deleted":
        return {"identifiers": [name], "status": Paper.Status.HIDDEN, "status_reason": "deleted by arXiv"}
    arxiv = record.find("{*}metadata/{*}arXiv")
    if arxiv is None:
        raise ValueError("a record without metadata")
    created = text_of(arxiv, "created")
    submitted_at = midnight(date.fromisoformat(created)) + timedelta(hours=12) if created else None
    is_as_announced = is_steady and not text_of(arxiv, "updated")
    known = {"changed_on": date.fromisoformat(text_of(header, "datestamp")).isoformat()} if is_as_announced else {}
    return paper_record(
        text_of(arxiv, "id") or name,
        title=text_of(arxiv, "title"),
        abstract=text_of(arxiv, "abstract"),
        authors=[author_of(author) for author in arxiv.findall("{*}authors/{*}author")],
        categories=categories,
        comment=text_of(arxiv, "comments"),
        doi=text_of(arxiv, "doi"),
        published_at=first_listing(submitted_at).isoformat() if submitted_at else "",
        announcement=Paper.Announcement.ESTIMATED if submitted_at else Paper.Announcement.UNKNOWN,
        **known,
    )


def author_of(author: etree._Element) -> str:
    parts = (text_of(author, "forenames"), text_of(author, "keyname"), text_of(author, "suffix"))
    return " ".join(part for part in parts if part)


def set_of(category: str) -> str:
    archive = category.partition(".")[0]
    return f"physics:{archive}" if archive in PHYSICS else archive


KIND = Kind(
    name="arxiv-oai",
    label="arXiv: harvest by OAI-PMH",
    url=URL,
    ask="Categories or archives: cs.LG, stat; empty for all of arXiv",
    expects=Source.Expects.ANY_TIME,
    pages=pages,
)
