"""A table of papers -> entries: Zotero's CSV, or any with a column called title."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from papers.authors import split_authors
from papers.parsers import Entry, Record, understood
from papers.parsers.mentions import identifiers_in
from papers.parsers.ris import date_of

MAX_LINES_A_ROW = 200
COLUMNS = {
    "title": ("title",),
    "abstract": ("abstract note", "abstract"),
    "authors": ("author", "authors"),
    "date": ("date", "publication date", "publication year", "year"),
    "doi": ("doi",),
    "url": ("url", "link"),
    "arxiv": ("arxiv", "arxiv id", "arxiv_id"),
}


def looks_like_table(text: str) -> bool:
    return "title" in header(text) and len(header(text)) > 1


def header(text: str) -> list[str]:
    first = text.lstrip("\n").partition("\n")[0][:5000]
    return [name.strip().lower() for name in next(csv.reader([first], delimiter=delimiter_of(first)), [])]


def delimiter_of(line: str) -> str:
    return max(",;\t", key=line.count)


def read_table(text: str) -> Iterator[Entry]:
    names, delimiter = header(text), delimiter_of(text.lstrip("\n").partition("\n")[0])
    lines = text.lstrip("\n").split("\n")[1:]
    for raw, row in rows_of(lines, len(names), delimiter):
        if row is None:
            yield Entry(raw, reason=f"not a row of {len(names)} columns")
        elif any(row):
            yield understood(raw, record_of, dict(zip(names, row, strict=True)))


def rows_of(lines: list[str], n_columns: int, delimiter: str) -> Iterator[tuple[str, list[str] | None]]:
    """Rows, of which one may go over several lines inside quotes; a quote that never closes costs its own row."""
    open_lines: list[str] = []
    for line in lines:
        if not line.strip() and not open_lines:
            continue
        open_lines.append(line)
        if row := whole_row("\n".join(open_lines), n_columns, delimiter):
            yield "\n".join(open_lines), row
            open_lines = []
        elif (row := whole_row(line, n_columns, delimiter)) or len(open_lines) > MAX_LINES_A_ROW:
            yield "\n".join(open_lines[:-1]), None
            open_lines = [] if row else [line]
            if row:
                yield line, row
    if open_lines:
        yield "\n".join(open_lines), None


def whole_row(text: str, n_columns: int, delimiter: str) -> list[str] | None:
    try:
        rows = list(csv.reader(io.StringIO(text), delimiter=delimiter, strict=True))
    except csv.Error:
        return None
    return rows[0] if len(rows) == 1 and len(rows[0]) == n_columns else None


def record_of(row: dict[str, str]) -> Record:
    def value(name: str) -> str:
        return next((row[column].strip() for column in COLUMNS[name] if row.get(column, "").strip()), "")

    if not value("title"):
        raise ValueError("a row without a title")
    return {
        "identifiers": identifiers_in(
            dois=[value("doi")],
            arxiv=[value("arxiv")],
            texts=[value("url"), row.get("extra", ""), row.get("archive location", "")],
        ),
        "title": value("title"),
        "abstract": value("abstract"),
        "authors": split_authors(value("authors")),
        "published_at": date_of(value("date")),
        "url": value("url") if value("url").startswith(("http://", "https://")) else "",
    }
