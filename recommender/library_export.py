"""Papers with their reader's tags and notes -> BibTeX, RIS, CSV, JSON."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

from accounts.models import User
from papers.citing import bibtex, citation_key, ris
from papers.identifiers import chunks
from papers.models import Identifier, Paper, PaperQuerySet
from recommender.library import Marks, marks_by_paper

PAPERS_AT_ONCE = 500
COLUMNS = (
    "title",
    "authors",
    "published",
    "topics",
    "arxiv",
    "doi",
    "url",
    "pdf_url",
    "kinds",
    "tags",
    "note",
    "abstract",
)
DATES = {Paper.Precision.YEAR: "%Y", Paper.Precision.MONTH: "%Y-%m"}
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would take a cell for that begins so


@dataclass(frozen=True)
class Kept:
    paper: Paper
    marks: Marks

    def describe(self) -> dict[str, Any]:
        """The entry as JSON values."""
        paper, names = self.paper, {name.scheme: name.value for name in self.paper.identifiers.all()}
        return {
            "title": paper.title,
            "authors": paper.author_names,
            "published": paper.published_at.strftime(DATES.get(Paper.Precision(paper.published_precision), "%Y-%m-%d")),
            "topics": [topic.name for topic in paper.topics.all()],
            "arxiv": names.get(Identifier.Scheme.ARXIV, ""),
            "doi": names.get(Identifier.Scheme.DOI, ""),
            "url": paper.url,
            "pdf_url": paper.pdf_url,
            "kinds": sorted(self.marks.kinds),
            "tags": self.marks.tags,
            "note": self.marks.note,
            "abstract": paper.abstract,
        }


def kept(user: User, papers: PaperQuerySet) -> Iterator[Kept]:
    """In a bounded number of queries for each 500 papers; which papers they are is asked once."""
    for ids in chunks(list(papers.values_list("pk", flat=True)), PAPERS_AT_ONCE):
        rows = Paper.objects.for_lists().prefetch_related("identifiers").in_bulk(ids)
        marks = marks_by_paper(user, list(rows.values()))
        yield from (Kept(rows[pk], marks[pk]) for pk in ids if pk in rows)


def as_bibtex(entries: Iterable[Kept]) -> Iterator[str]:
    taken: set[str] = set()
    for entry in entries:
        plain = citation_key(entry.paper)
        key = next(key for n in count(1) if (key := plain if n == 1 else f"{plain}-{n}") not in taken)
        taken.add(key)
        yield bibtex(entry.paper, key, {"keywords": ", ".join(entry.marks.tags), "annote": entry.marks.note}) + "\n"


def as_ris(entries: Iterable[Kept]) -> Iterator[str]:
    for entry in entries:
        yield ris(entry.paper, [*(("KW", tag) for tag in entry.marks.tags), ("N1", entry.marks.note)])


def as_csv(entries: Iterable[Kept]) -> Iterator[str]:
    writer = csv.writer(Echo())
    yield "\ufeff" + writer.writerow(COLUMNS)  # Excel reads UTF-8 only behind this mark
    for entry in entries:
        values = entry.describe()
        yield writer.writerow([_cell(values[column]) for column in COLUMNS])


def as_json(entries: Iterable[Kept]) -> Iterator[str]:
    before = "["
    for entry in entries:
        yield f"{before}\n{json.dumps(entry.describe(), ensure_ascii=False)}"
        before = ","
    yield "[]\n" if before == "[" else "\n]\n"


# One more format is one more line here.
FORMATS: dict[str, tuple[Callable[[Iterable[Kept]], Iterator[str]], str]] = {
    "bib": (as_bibtex, "application/x-bibtex"),
    "ris": (as_ris, "application/x-research-info-systems"),
    "csv": (as_csv, "text/csv"),
    "json": (as_json, "application/json"),
}


class Echo:
    """A file for csv.writer that hands each line on."""

    def write(self, line: str) -> str:
        return line


def _cell(value: str | list[str]) -> str:
    text = "; ".join(value) if isinstance(value, list) else value
    return f"'{text}" if text.startswith(FORMULA) else text
