"""lines -> batches -> readers and interactions: what people read elsewhere, taken in."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from datetime import UTC, date, datetime, time
from typing import Any, NamedTuple

from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from accounts.addresses import clean_address
from accounts.models import User
from papers.identifiers import find_papers
from papers.importing import Report
from papers.jsonlines import Line, Place
from papers.models import Paper
from recommender.models import Interaction

BATCH_LINES = 1000


class Read(NamedTuple):
    place: Place
    email: str
    paper: str
    kind: str
    at: datetime | None


class BadRead(ValueError):
    """Why a record is not a read."""


def take_reads(
    lines: Iterable[Line],
    report: Report,
    *,
    simulated: bool = False,
    on_readers: Callable[[Collection[User]], None] = lambda readers: None,
) -> None:
    """Store reads batch by batch; a batch is stored whole or not at all, in the same number of queries whatever it
    holds. Readers who are not there yet are made; `on_readers` gets every batch's readers inside its transaction."""
    batch: list[Read] = []
    for place, record in lines:
        try:
            batch.append(parse_read(place, record))
        except BadRead as error:
            report.reject(place, str(error))
        if len(batch) == BATCH_LINES:
            store_reads(batch, report, simulated, on_readers)
            batch = []
    if batch:
        store_reads(batch, report, simulated, on_readers)


def parse_read(place: Place, record: dict[str, Any]) -> Read:
    for field in ("user", "paper", "kind"):
        if not isinstance(record.get(field), str) or not record[field].strip():
            raise BadRead(f"{field} is missing" if record.get(field) in (None, "") else f"{field} is not text")
    if record["kind"] not in Interaction.Kind.values:
        raise BadRead(f"kind {record['kind']!r} is none of {', '.join(Interaction.Kind.values)}")
    try:
        email = clean_address(record["user"])
    except ValidationError as error:
        raise BadRead(f"{record['user']!r} is not an e-mail address readers can have: {error.messages[0]}") from error
    return Read(place, email, record["paper"].strip(), record["kind"], parse_instant(record.get("at")))


def parse_instant(value: Any) -> datetime | None:
    """An instant or a day in ISO 8601, UTC where no zone is given; None where nothing was said."""
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise BadRead("at is not text such as 2025-05-01 or 2025-05-01T07:30:00Z")
    try:
        at = parse_datetime(value) or midnight(parse_date(value))
        if at is None:
            raise ValueError(value)
        at = (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise BadRead(f"at {value!r} is not a date such as 2025-05-01 or 2025-05-01T07:30:00Z") from error
    if at > timezone.now():
        raise BadRead(f"at {value} is in the future")
    return at


def midnight(day: date | None) -> datetime | None:
    return datetime.combine(day, time(tzinfo=UTC)) if day else None


@transaction.atomic
def store_reads(
    reads: list[Read], report: Report, simulated: bool, on_readers: Callable[[Collection[User]], None]
) -> None:
    papers = find_papers({read.paper for read in reads})
    known = []
    for read in reads:
        if read.paper in papers:
            known.append(read)
        else:
            report.reject(read.place, f"no paper {read.paper!r} in the catalogue")
    readers = find_or_make_readers({read.email for read in known}, simulated)
    store_interactions(known, readers, papers, report)
    on_readers(readers.values())


def find_or_make_readers(emails: Collection[str], simulated: bool) -> dict[str, User]:
    """By address. Who is new can log in by a mailed code, and is mailed nothing before asking for it."""
    existing = set(User.objects.filter(email__in=emails).values_list("email", flat=True))
    User.objects.bulk_create(
        [User(email=email, password=make_password(None), is_simulated=simulated) for email in set(emails) - existing],
        ignore_conflicts=True,  # somebody may be signing up at this moment
    )
    return {user.email: user for user in User.objects.filter(email__in=emails)}


def store_interactions(reads: list[Read], readers: dict[str, User], papers: dict[str, Paper], report: Report) -> None:
    """A repeated read moves its instant forward; an instant that is known wins over one that is not."""
    stored = {
        (interaction.user_id, interaction.paper_id, interaction.kind): interaction
        for interaction in Interaction.objects.filter(
            user__in=readers.values(), paper__in={papers[read.paper].pk for read in reads}
        )
    }
    changed: dict[tuple[int, int, str], Interaction] = {}
    now = timezone.now()
    for read in reads:
        key = (readers[read.email].pk, papers[read.paper].pk, read.kind)
        interaction = stored.get(key)
        if interaction is None:
            interaction = stored[key] = Interaction(
                user_id=key[0],
                paper_id=key[1],
                kind=read.kind,
                source=Interaction.Source.IMPORT,
                at=read.at or now,
                at_is_known=read.at is not None,
            )
            report.added += 1
        elif read.at and (not interaction.at_is_known or read.at > interaction.at):
            interaction.at, interaction.at_is_known = read.at, True
            report.updated += 1
        else:
            report.unchanged += 1
            continue
        changed[key] = interaction
    Interaction.objects.bulk_create(
        changed.values(),
        update_conflicts=True,
        unique_fields=["user", "paper", "kind"],
        update_fields=["at", "at_is_known"],
    )
