"""RIS -> entries. Also with a byte-order mark, one space where two belong, CR-only lines, and without a last ER."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from papers.authors import in_order
from papers.parsers import Entry, Record, understood
from papers.parsers.mentions import identifiers_in

# https://en.wikipedia.org/wiki/RIS_(file_format): two letters, two spaces, hyphen, space; files in the wild vary.
TAG = re.compile(r"^\s{0,3}([A-Z][A-Z0-9])\s{0,3}-(?:\s(.*))?$")
TITLES, ABSTRACTS, DATES = ("TI", "T1", "CT", "BT"), ("AB", "N2"), ("PY", "Y1", "DA", "Y2")
AUTHORS, LINKS, JOURNALS = (
    ("AU", "A1"),
    ("UR", "L2", "L1", "LK"),
    ("JO", "JF", "T2", "JA", "J2", "PB", "VL", "M1", "M3"),
)


def count_ris_lines(text: str) -> int:
    return sum(TAG.match(line) is not None for line in text.splitlines())


def read_ris(text: str) -> Iterator[Entry]:
    for raw in split(text):
        yield understood(raw, read_entry, raw)


def read_entry(raw: str) -> Record:
    return record_of(fields_of(raw))


def split(text: str) -> Iterator[str]:
    """An entry goes from TY to ER, or to the next TY where somebody forgot."""
    lines: list[str] = []
    for line in text.splitlines():
        tag = found[1] if (found := TAG.match(line)) else ""
        if tag == "TY" and lines:
            yield "\n".join(lines)
            lines = []
        if tag == "ER":
            if lines:
                yield "\n".join(lines)
            lines = []
        elif tag == "TY" or lines:
            lines.append(line)
    if lines:
        yield "\n".join(lines)


def fields_of(raw: str) -> dict[str, list[str]]:
    fields: dict[str, list[str]] = defaultdict(list)
    tag = ""
    for line in raw.splitlines():
        if found := TAG.match(line):
            tag = found[1]
            fields[tag].append((found[2] or "").strip())
        elif tag and line.strip():  # a long value goes on
            fields[tag][-1] = f"{fields[tag][-1]} {line.strip()}".strip()
    return fields


def record_of(fields: dict[str, list[str]]) -> Record:
    def first(*tags: str) -> str:
        return next((value for tag in tags for value in fields.get(tag, []) if value), "")

    def every(*tags: str) -> list[str]:
        return [value for tag in tags for value in fields.get(tag, []) if value]

    return {
        "identifiers": identifiers_in(dois=every("DO"), texts=[*every(*LINKS), *every(*JOURNALS), *every("AN", "C7")]),
        "title": first(*TITLES),
        "abstract": first(*ABSTRACTS),
        "authors": [in_order(name) for name in every(*AUTHORS)],
        "published_at": date_of(first(*DATES)),
        "url": next((link for link in every(*LINKS) if link.startswith(("http://", "https://"))), ""),
    }


def date_of(text: str) -> str:
    """2020/03/15/ or 2020/// or 2020-03-15 or 2020; what comes after a third slash is not a date."""
    found = re.match(r"\s*(\d{4})(?:[/-](\d{1,2}))?(?:[/-](\d{1,2}))?(?!\d)", text)
    return "-".join(part.zfill(2) for part in found.groups() if part) if found else ""
