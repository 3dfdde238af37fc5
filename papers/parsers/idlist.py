"""A list of arXiv ids, DOIs and their URLs -> entries that say which paper, and nothing of it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from papers.identifiers import ARXIV, DOI, parse_identifier
from papers.parsers import Entry

# Between a bare arXiv id or DOI and what follows it; a DOI may hold a comma or a semicolon inside.
SEPARATORS = re.compile(r"[\s,;|]*\s[\s,;|]*|[,;|]+(?=(?:https?:|arxiv|doi|10\.\d{4}|\d{4}\.\d))", re.IGNORECASE)


def count_ids(text: str) -> int:
    return sum(entry.record is not None for entry in read_ids(text))


def read_ids(text: str) -> Iterator[Entry]:
    for line in text.splitlines():
        line = line.partition("#")[0].strip() if line.lstrip().startswith("#") else line.strip()
        if line:
            yield from of_line(line)


def of_line(line: str) -> Iterator[Entry]:
    """A line is one identifier, or several, or something else as a whole."""
    for pieces in ([piece for piece in SEPARATORS.split(line) if piece], [line]):
        names = [piece.strip(" ,;<>\"'()[]") for piece in pieces]
        names = [name for name in names if name.lower() not in ("arxiv:", "doi:", "doi")]
        if names and all(parse_identifier(name).scheme in (ARXIV, DOI) for name in names):
            yield from (Entry(name, {"identifiers": [name]}) for name in names)
            return
    yield Entry(line, reason="neither an arXiv id nor a DOI nor an address of one")
