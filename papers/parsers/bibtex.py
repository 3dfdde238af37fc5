"""BibTeX -> entries. The text is cut at its entries first, so that a lost brace costs one of them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from papers.authors import split_authors
from papers.parsers import Entry, Record, understood
from papers.parsers.mentions import identifiers_in

START = re.compile(r"^[ \t]*@[ \t]*([A-Za-z]+)[ \t]*[{(]", re.MULTILINE)
KEY = re.compile(r"\s*([^\s,={}\"]*)\s*,?")
FIELD = re.compile(r"[\s,]*([A-Za-z][\w:+.-]*)\s*=\s*")
WORD = re.compile(r"[^\s,#{}\"()=]+")
VALUE = re.compile(r"\b[A-Za-z]+\s*=\s*[{\"]")
NOT_PAPERS = ("string", "preamble", "comment")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def count_bibtex_fields(text: str) -> int:
    return len(VALUE.findall(text)) if START.search(text) else 0


def read_bibtex(text: str) -> Iterator[Entry]:
    starts = list(START.finditer(text))
    strings: dict[str, str] = {}
    for found, following in zip(starts, [*(later.start() for later in starts[1:]), len(text)], strict=True):
        raw = text[found.start() : following].strip()
        if found[1].lower() == "string":
            strings |= defined_by(raw, strings)
        elif found[1].lower() not in NOT_PAPERS:
            yield understood(raw, read_entry, raw, strings)


def read_entry(raw: str, strings: dict[str, str]) -> Record:
    return record_of(fields_of(raw, strings))


def defined_by(raw: str, strings: dict[str, str]) -> dict[str, str]:
    try:
        return read_fields(raw, raw.index("{") + 1 if "{" in raw else raw.index("(") + 1, strings)
    except ValueError:
        return {}


def fields_of(raw: str, strings: dict[str, str]) -> dict[str, str]:
    start = START.match(raw)
    if not start:
        raise ValueError("not a BibTeX entry")
    key = KEY.match(raw, start.end())
    return read_fields(raw, key.end() if key else start.end(), strings)


def read_fields(raw: str, position: int, strings: dict[str, str]) -> dict[str, str]:
    """name = value pairs; of a name given twice the first counts, as in BibTeX."""
    fields: dict[str, str] = {}
    while found := FIELD.match(raw, position):
        name = found[1].lower()
        value, position = read_value(raw, found.end(), strings, name)
        fields.setdefault(name, value)
    rest = raw[position:].strip(" \t\n,")
    if not rest.startswith(("}", ")")):
        raise ValueError(
            f"the entry does not end as it should, after {rest[:30]!r}" if rest else "the entry never ends"
        )
    return fields


def read_value(raw: str, position: int, strings: dict[str, str], name: str) -> tuple[str, int]:
    """{braced}, "quoted" or a word, joined by #; and where it ends."""
    parts = []
    while True:
        opening = raw[position : position + 1]
        if opening in ("{", '"') and opening:
            end = end_of_value(raw, position, name)
            parts.append(raw[position + 1 : end])
            position = end + 1
        elif word := WORD.match(raw, position):
            parts.append(strings.get(word[0].lower(), word[0]))
            position = word.end()
        else:
            raise ValueError(f"{name} has no value")
        joined = re.compile(r"\s*#\s*").match(raw, position)
        if not joined:
            return "".join(parts).strip(), position
        position = joined.end()


def end_of_value(raw: str, start: int, name: str) -> int:
    depth = 0
    for found in re.compile(r'[{}"]').finditer(raw, start + 1):
        if depth == 0 and found[0] == ("}" if raw[start] == "{" else '"'):
            return found.start()
        depth += {"{": 1, "}": -1}.get(found[0], 0)
        if depth < 0:
            break
    raise ValueError(f"the value of {name} never ends")


def record_of(fields: dict[str, str]) -> Record:
    archive = (fields.get("archiveprefix") or fields.get("eprinttype") or "").lower()
    eprint = fields.get("eprint", "")
    return {
        "identifiers": identifiers_in(
            dois=[fields.get("doi", "")],
            arxiv=[eprint] if archive in ("arxiv", "") else [],
            texts=[fields.get(name, "") for name in ("url", "journal", "note", "howpublished", "number", "volume")],
        ),
        "title": fields.get("title", ""),
        "abstract": fields.get("abstract", ""),
        "authors": split_authors(fields.get("author", "")),
        "published_at": date_of(fields),
        "url": next((link for link in re.findall(r"https?://[^\s{}\\]+", fields.get("url", ""))), ""),
    }


def date_of(fields: dict[str, str]) -> str:
    """biblatex's date, or year and month, of which the month may be a name, a number or nonsense."""
    if found := re.match(r"(\d{4})(?:-(\d{2}))?(?:-(\d{2}))?", fields.get("date", "")):
        return "-".join(part for part in found.groups() if part)
    year = re.search(r"\b(1[5-9]\d\d|2\d\d\d)\b", fields.get("year", ""))
    if not year:
        return ""
    month = fields.get("month", "").strip(" {}\"'.").lower()
    number = MONTHS.index(month[:3]) + 1 if month[:3] in MONTHS else int(month) if month.isdecimal() else 0
    return f"{year[1]}-{number:02}" if 1 <= number <= 12 else year[1]
