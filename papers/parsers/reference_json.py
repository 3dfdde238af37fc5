"""JSON of reference managers and services -> entries: CSL-JSON (Zotero, Mendeley), Semantic Scholar, our own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from papers.authors import in_order
from papers.parsers import Entry, Record, understood
from papers.parsers.jsontext import read_json
from papers.parsers.mentions import identifiers_in

LISTS = ("items", "data", "papers", "results", "references")


def read_reference_json(text: str) -> Iterator[Entry]:
    document = read_json(text, items_of, {"title"})
    for item in document.items:
        yield understood(json.dumps(item, ensure_ascii=False), record_of, item)
    for piece in document.broken:
        yield Entry(piece, reason=document.fault)


def items_of(whole: Any) -> Any:
    """A list, a list under one of the usual names, or a single item."""
    if isinstance(whole, dict):
        return next((whole[name] for name in LISTS if isinstance(whole.get(name), list)), [whole])
    return whole


def record_of(item: dict[str, Any]) -> Record:
    item = item.get("paper") or item.get("citedPaper") or item  # as Semantic Scholar wraps them
    if not isinstance(item, dict) or not item.get("title"):
        raise ValueError("an item without a title")
    external = {str(key).lower(): str(value) for key, value in (item.get("externalIds") or {}).items()}
    links = [text for name in ("URL", "url", "openAccessPdf") if isinstance(text := item.get(name), str)]
    arxiv = [external["arxiv"]] if external.get("arxiv") else []
    hiding = [str(item.get(name) or "") for name in ("number", "note", "archive_location", "container-title")]
    return {
        "identifiers": identifiers_in(
            dois=[str(item.get("DOI") or item.get("doi") or ""), external.get("doi", "")],
            arxiv=arxiv,
            texts=[*links, *hiding],
        ),
        "title": text_of(item["title"]),
        "abstract": text_of(item.get("abstract") or ""),
        "authors": [name for author in item.get("author") or item.get("authors") or [] if (name := name_of(author))],
        "published_at": date_of(item),
        "url": next((link for link in links if link.startswith(("http://", "https://"))), ""),
    }


def text_of(value: Any) -> str:
    value = value[0] if isinstance(value, list) and value else value
    if not isinstance(value, str):
        raise ValueError(f"{str(value)[:40]!r} where a text belongs")
    return value


def name_of(author: Any) -> str:
    if isinstance(author, str):
        return in_order(author)
    parts = (author.get("given"), author.get("non-dropping-particle"), author.get("family"), author.get("suffix"))
    return " ".join(part for part in parts if part) or author.get("literal") or author.get("name") or ""


def date_of(item: dict[str, Any]) -> str:
    """issued (CSL), publicationDate or year (Semantic Scholar)."""
    parts = ((item.get("issued") or {}).get("date-parts") or [[]])[0]
    if parts and parts[0]:
        return "-".join(f"{int(part):02}" for part in parts[:3] if part)
    return str(item.get("publicationDate") or item.get("year") or "")
