"""files of papers, of whatever kind -> records with their places."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from papers.jsonlines import Line, Place, read_json_lines
from papers.models import Paper
from papers.parsers import BadDocument, Record
from papers.parsers.documents import is_json_lines, read_document
from papers.titles import name_by_title

START = 64 * 1024


def read_paper_files(
    paths: Sequence[Path], reject: Callable[[Place, str], None], advance: Callable[[int], None] = lambda n_bytes: None
) -> Iterator[Line]:
    """JSON Lines line by line, other kinds entry by entry; the number in a place is the line's or the entry's."""
    for path in paths:
        if not path.is_file() or is_json_lines_file(path):  # a pipe can be read once only, and is JSON Lines
            yield from read_json_lines([path], reject, advance)
        else:
            yield from read_entries(path, reject, advance)


def is_json_lines_file(path: Path) -> bool:
    with path.open("rb") as file:
        start = file.read(START)
    return not start.strip() or (start.strip()[:1] == b"{" and is_json_lines(start))


def known_only(record: Record) -> Record:
    """A record of a file that says in which year a paper came out, never on which day: it is no news.

    One without an identifier is known by its title, first author and year.
    """
    names = record["identifiers"] or [name_by_title(record["title"], record["authors"], record["published_at"])]
    return record | {"identifiers": names, "announcement": Paper.Announcement.UNKNOWN}


def read_entries(path: Path, reject: Callable[[Place, str], None], advance: Callable[[int], None]) -> Iterator[Line]:
    content = path.read_bytes()
    try:
        document = read_document(content)
    except BadDocument as error:
        reject(Place(path, 1), str(error))
        return
    for number, entry in enumerate(document.entries, start=1):
        if entry.record is None:
            reject(Place(path, number, "entry"), entry.reason)
        else:
            yield Line(Place(path, number, "entry"), known_only(entry.record))
    advance(len(content))
