"""Any file of papers -> entries: what it is is told by its content, never by its name."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from papers.parsers import BadDocument, Entry, clean, decode
from papers.parsers.bibtex import count_bibtex_fields, read_bibtex
from papers.parsers.idlist import count_ids, read_ids
from papers.parsers.reference_json import read_reference_json
from papers.parsers.ris import count_ris_lines, read_ris
from papers.parsers.tables import looks_like_table, read_table


@dataclass(frozen=True)
class Document:
    kind: str  # as a person calls it
    entries: Iterator[Entry]


SAMPLE = 200_000  # characters that tell a kind; one broken entry among them must not tell another


def read_document(content: bytes | str) -> Document:
    """BadDocument says what would have been understood."""
    text = clean(content) if isinstance(content, str) else decode(content)
    sample = text[:SAMPLE]
    if not sample.strip():
        raise BadDocument("there is nothing in it")
    if sample.lstrip()[0] in "{[" and '"title"' in sample:
        return Document("JSON", read_reference_json(text))
    if looks_like_table(sample):
        return Document("a table", read_table(text))
    read: dict[str, tuple[int, Callable[[str], Iterator[Entry]]]] = {
        "BibTeX": (count_bibtex_fields(sample), read_bibtex),
        "RIS": (count_ris_lines(sample), read_ris),
        "a list of ids": (count_ids(sample), read_ids),
    }
    kind = max(read, key=lambda name: read[name][0])
    if not read[kind][0]:
        raise BadDocument("neither BibTeX, RIS, JSON, a table with titles, nor a list of ids, DOIs or addresses")
    return Document(kind, read[kind][1](text))


def is_json_lines(start: bytes) -> bool:
    """Whether a file's first line is a JSON object by itself, which the first line of a JSON document is not."""
    line = start.removeprefix(b"\xef\xbb\xbf").lstrip().partition(b"\n")[0]
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False
