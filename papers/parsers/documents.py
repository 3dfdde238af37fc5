"""Any file of papers -> entries: what it is is told by its content, never by its name."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from papers.parsers import BadDocument, Entry, clean, decode
from papers.parsers.bibtex import looks_like_bibtex, read_bibtex
from papers.parsers.idlist import looks_like_ids, read_ids
from papers.parsers.reference_json import read_reference_json
from papers.parsers.ris import looks_like_ris, read_ris
from papers.parsers.tables import looks_like_table, read_table


@dataclass(frozen=True)
class Document:
    kind: str  # as a person calls it
    entries: Iterator[Entry]


Test = Callable[[str], bool]
Read = Callable[[str], Iterator[Entry]]
# The first whose test holds. BibTeX may hold anything in its values, ids are what is left.
KINDS: list[tuple[str, Test, Read]] = [
    ("JSON", lambda text: text.lstrip()[:1] in ("{", "["), read_reference_json),
    ("RIS", looks_like_ris, read_ris),
    ("BibTeX", looks_like_bibtex, read_bibtex),
    ("a table", looks_like_table, read_table),
    ("a list of ids", looks_like_ids, read_ids),
]


def read_document(content: bytes | str) -> Document:
    """BadDocument says what would have been understood."""
    text = clean(content) if isinstance(content, str) else decode(content)
    if not text.strip():
        raise BadDocument("there is nothing in it")
    for kind, test, read in KINDS:
        if test(text):
            return Document(kind, read(text))
    raise BadDocument(
        "this is neither BibTeX, RIS, JSON, a table with a title column, nor a list of ids, DOIs or addresses"
    )


def is_json_lines(start: bytes) -> bool:
    """Whether a file's first line is a JSON object by itself, which the first line of a JSON document is not."""
    line = start.removeprefix(b"\xef\xbb\xbf").lstrip().partition(b"\n")[0]
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False
