"""A reader's library -> what was understood -> interactions: BibTeX, RIS, JSON, tables, ids, DOIs, addresses.

`preview` changes nothing; `apply` does what the preview says. Papers that the catalogue does not have are added as
known and hidden: their text counts for the reader's taste, nobody else sees what one reader uploaded, and they are
never new. When a source tells of one of them later, it becomes a paper like any other.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from papers.identifiers import find_identified, parse_identifier
from papers.importing import Report
from papers.ingest import FROM_A_LIBRARY, found_by_title, take_lines
from papers.jsonlines import Line, Place
from papers.models import Paper
from papers.paper_files import known_only
from papers.parsers import BadDocument, Record
from papers.parsers.documents import read_document
from papers.records import BadRecord, Description, describe
from recommender.models import Interaction

MAX_BYTES = 2 * 1024 * 1024
MAX_ENTRIES = 5000


class CannotImport(ValueError):
    """Why a library as a whole cannot be read; one line for the reader."""


@dataclass(frozen=True)
class Refused:
    entry: str
    reason: str


@dataclass
class Preview:
    """What was understood of a library."""

    kind: str
    matched: list[Paper] = field(default_factory=list)  # in the catalogue already
    to_add: list[Record] = field(default_factory=list)  # not in it, and known well enough to be
    not_found: list[str] = field(default_factory=list)  # bare ids of papers that are not in it
    refused: list[Refused] = field(default_factory=list)

    @property
    def n_understood(self) -> int:
        return len(self.matched) + len(self.to_add)


def preview(content: bytes | str) -> Preview:
    if len(content) > MAX_BYTES:
        raise CannotImport(f"This is larger than {MAX_BYTES // 1024**2} MB; import it in parts.")
    try:
        document = read_document(content)
    except BadDocument as error:
        raise CannotImport(f"This could not be read: {error}.") from error
    found = Preview(document.kind)
    described: list[tuple[Record, Description]] = []
    for number, entry in enumerate(document.entries):
        if number == MAX_ENTRIES:
            raise CannotImport(f"This holds more than {MAX_ENTRIES} entries; import it in parts.")
        try:
            if entry.record is None:
                raise BadRecord(entry.reason)
            record = known_only(entry.record)
            described.append((record, describe(record, timezone.now())))
        except BadRecord as error:
            found.refused.append(Refused(entry.raw[:200], str(error)))
    match(described, found)
    return found


def match(described: list[tuple[Record, Description]], found: Preview) -> None:
    """Against the catalogue, by identifiers and then by title and authors; a paper that stands twice counts once."""
    by_id = find_identified(name for _, description in described for name in description.identifiers)
    unknown = [one for _, one in described if not any(name.key in by_id for name in one.identifiers)]
    by_title = found_by_title(unknown)
    papers = Paper.objects.in_bulk({*(paper.pk for paper in by_id.values()), *by_title.values()})
    seen: set[object] = set()
    for record, description in described:
        pk = next((by_id[name.key].pk for name in description.identifiers if name.key in by_id), None)
        pk = pk or by_title.get(id(description))
        key = pk or description.identifiers[0].key
        if key in seen:
            continue
        seen.add(key)
        if pk:
            found.matched.append(papers[pk])
        elif "title" in description.columns:
            found.to_add.append(record)
        else:
            found.not_found.append(description.identifiers[0].value)


@transaction.atomic
def apply(user: User, understood: Preview) -> int:
    """The reader's `import` interactions, without a time since a library tells none. Gives how many are new."""
    lines = [
        Line(Place(Path("library"), number), record | {"status": Paper.Status.HIDDEN, "status_reason": FROM_A_LIBRARY})
        for number, record in enumerate(understood.to_add)
    ]
    take_lines(lines, Report())
    names = [parse_identifier(record["identifiers"][0]) for record in understood.to_add]
    papers = {paper.pk for paper in find_identified(names).values()} | {paper.pk for paper in understood.matched}
    known = set(Interaction.objects.filter(user=user, kind=Interaction.Kind.IMPORT).values_list("paper_id", flat=True))
    new = [
        Interaction(
            user=user,
            paper_id=pk,
            kind=Interaction.Kind.IMPORT,
            source=Interaction.Source.IMPORT,
            at_is_known=False,
        )
        for pk in sorted(papers - known)
    ]
    Interaction.objects.bulk_create(new, ignore_conflicts=True)
    return len(new)
