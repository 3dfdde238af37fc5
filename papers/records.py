"""What a record of a paper may say: a line of JSON Lines, or what a parser made of anything else, judged.

    {"id": "arXiv:2301.00001v2", "title": "...", "abstract": "...", "authors": ["..."], "topics": ["cs.LG"],
     "published_at": "2023-01-02", "url": "...", "pdf_url": "...", "code_url": "...", "upvotes": 12}

`id` and `title` are needed, other fields are not, unknown ones are passed over. What is absent or empty says nothing
about a paper that is known already. Sources say a little more: `identifiers` (a list) instead of `id`, `submitter`,
`status` and `status_reason`, and `announcement` (how well the day is known).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.utils.text import slugify

from papers.authors import PARTICLES, in_order, split_authors
from papers.identifiers import Identified, parse_identifier
from papers.models import Author, Identifier, Paper, Topic
from papers.plaintext import plain_text, raw_beside
from papers.sources.arxiv_categories import CATEGORIES

MAX_TITLE = 2_000
MAX_ABSTRACT = 50_000  # the longest real one we met has 12,000 characters
MAX_UPVOTES = 2_000_000_000  # what the column holds
EARLIEST_YEAR = 1500  # instants before it overflow in some reader's time zone sooner or later
URL_FIELDS = ("url", "pdf_url", "code_url")

is_web_address = URLValidator(schemes=["http", "https"])


GONE = (Paper.Status.HIDDEN, Paper.Status.WITHDRAWN)


class BadRecord(ValueError):
    """Why a record is no paper."""


@dataclass(frozen=True)
class Description:
    """What a record says, cleaned: columns of the paper, and the rows around it."""

    identifiers: list[Identified]
    columns: dict[str, Any]
    for_new: dict[str, Any] = field(default_factory=dict)  # columns that only a new paper gets
    # A file of ours says what is; a source what it saw, which may be late, or another version of the paper.
    decides: bool = True
    authors: list[str] = field(default_factory=list)
    topics: dict[str, str] = field(default_factory=dict)  # slug -> name
    status: str = ""
    status_reason: str = ""


def describe(record: dict[str, Any], now: datetime) -> Description:
    """BadRecord says in one clause what is wrong."""
    identifiers = identifiers_of(record)
    status = choice(record, "status", Paper.Status) if record.get("status") else ""
    is_news = record.get("announcement") != Paper.Announcement.UNKNOWN
    columns = text_columns(record, needs_title=is_news and status not in GONE)
    columns |= {name: address for name in URL_FIELDS if (address := web_address(record, name))}
    if (upvotes := record.get("upvotes")) is not None:
        columns["upvotes"] = whole_number(upvotes)
    if submitter := plain_text(text(record, "submitter")):
        columns["submitter"] = submitter[: max_length(Paper, "submitter")]
    dates, for_new = dated(record, identifiers, now)
    for_new |= {
        "url": next((found.url for found in identifiers if found.url), ""),
        "pdf_url": next((found.pdf_url for found in identifiers if found.pdf_url), ""),
    }
    return Description(
        identifiers,
        columns | dates,
        for_new,
        decides=not record.get("announcement"),
        authors=authors_of(record),
        topics=topics_of(record),
        status=status,
        status_reason=plain_text(text(record, "status_reason"))[: max_length(Paper, "status_reason")],
    )


# --- its parts -----------------------------------------------------------------------------------------------------


def identifiers_of(record: dict[str, Any]) -> list[Identified]:
    names = record.get("identifiers") or [record.get("id")]
    if not isinstance(names, list) or names in ([None], [""]):
        raise BadRecord("id is missing")
    found: dict[tuple[str, str], Identified] = {}
    for name in names:
        if not isinstance(name, str):
            raise BadRecord(f"id {name!r} is not text")
        identified = parse_identifier(name)
        if not identified.value:
            raise BadRecord("id is empty")
        if len(identified.value) > max_length(Identifier, "value"):
            raise BadRecord(f"id is longer than {max_length(Identifier, 'value')} characters")
        found.setdefault(identified.key, identified)
    return list(found.values())


def text_columns(record: dict[str, Any], *, needs_title: bool) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    for name, limit in (("title", MAX_TITLE), ("abstract", MAX_ABSTRACT)):
        raw = text(record, name)
        if len(raw) > limit:
            raise BadRecord(f"{name} is longer than {limit} characters")
        if plain := plain_text(raw):
            columns |= {name: plain, f"raw_{name}": raw_beside(raw, plain)}
    if needs_title and "title" not in columns:
        raise BadRecord("title is empty" if record.get("title") else "title is missing")
    return columns


def text(record: dict[str, Any], name: str) -> str:
    value = record.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise BadRecord(f"{name} is not text")
    return value


def choice(record: dict[str, Any], name: str, choices: Any) -> str:
    value = record[name]
    if value not in choices.values:
        raise BadRecord(f"{name} {value!r} is none of {', '.join(choices.values)}")
    return str(choices(value).value)


def web_address(record: dict[str, Any], name: str) -> str:
    address = text(record, name).strip()
    if not address:
        return ""
    try:
        is_web_address(address)
    except ValidationError as error:
        raise BadRecord(f"{name} {address[:80]!r} is not an http or https address") from error
    if len(address) > max_length(Paper, name):
        raise BadRecord(f"{name} is longer than {max_length(Paper, name)} characters")
    return address


def whole_number(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_UPVOTES:
        raise BadRecord(f"upvotes {value!r} is not a whole number from 0 on")
    return value


# --- when it was announced -------------------------------------------------------------------------------------------


def dated(
    record: dict[str, Any], identifiers: list[Identified], now: datetime
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The columns of its announcement, and those for a new paper of which the record gives none.

    Such a paper is known, but never called new: dated by the month of its arXiv id, or else by this year.
    """
    seen, unknown = Paper.Announcement.SEEN.value, Paper.Announcement.UNKNOWN.value
    announcement = choice(record, "announcement", Paper.Announcement) if record.get("announcement") else seen
    if value := record.get("published_at"):
        at, precision = parse_date(value, now)
        return {"published_at": at, "published_precision": precision.value, "announcement": announcement}, {}
    month = next((found.month for found in identifiers if found.month), None)
    precision = Paper.Precision.MONTH if month else Paper.Precision.YEAR
    at = month or now.replace(month=1, day=1, hour=0, minute=0, second=0, microsecond=0)
    return {}, {"published_at": at, "published_precision": precision.value, "announcement": unknown}


DATE = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?", re.ASCII)
INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}\S*", re.ASCII)


def parse_date(value: Any, now: datetime) -> tuple[datetime, Paper.Precision]:
    """2025, 2025-05, 2025-05-01 or an ISO instant (UTC where it has no zone), with the precision it is given in."""
    given = str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""
    try:
        if found := DATE.fullmatch(given):
            year, month, day = (int(part) if part else 0 for part in found.groups())
            at = datetime(year, month or 1, day or 1, tzinfo=UTC)
            precision = Paper.Precision.DAY if day else Paper.Precision.MONTH if month else Paper.Precision.YEAR
        elif INSTANT.fullmatch(given):
            at, precision = datetime.fromisoformat(given), Paper.Precision.INSTANT
            at = (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
        else:
            raise ValueError(given)
        if at.year < EARLIEST_YEAR:
            raise ValueError(given)
    except (ValueError, OverflowError) as error:
        raise BadRecord(f"published_at {str(value)[:40]!r} is not a date, as 2025-05-01") from error
    if at > now:
        raise BadRecord(f"published_at {given} is in the future")
    return at, precision


# --- who wrote it, what it is about ----------------------------------------------------------------------------------


def authors_of(record: dict[str, Any]) -> list[str]:
    """Names in the order they are spoken, from a list or from one string."""
    given = record.get("authors") or []
    names = split_authors(given) if isinstance(given, str) else given
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise BadRecord("authors is not a list of names")
    cleaned = list(dict.fromkeys(name for raw in names if (name := author_name(raw))))
    if too_long := next((name for name in cleaned if len(name) > max_length(Author, "name")), ""):
        raise BadRecord(f"an author's name is longer than {max_length(Author, 'name')} characters: {too_long[:40]}...")
    return cleaned


QUOTED = re.compile(r"""^\[?(['"])(.+)\1\]?$""")  # what is left of a list that was written out as text


def author_name(raw: str) -> str:
    """ "arita, masanori" is Masanori Arita; a name with any capital stays as it is written."""
    name = plain_text(in_order(QUOTED.sub(r"\2", raw.strip())))
    if name in ("others", "et al", "et al."):
        return ""
    if name != name.lower():
        return name
    first, *rest = name.split(" ")
    return " ".join([capitalised(first), *(word if word in PARTICLES else capitalised(word) for word in rest)])


def capitalised(word: str) -> str:
    return re.sub(r"(?:^|(?<=[-'’.]))\w", lambda letter: letter[0].upper(), word)


def topics_of(record: dict[str, Any]) -> dict[str, str]:
    """Slug and readable name of each; arXiv's categories may stand by their codes."""
    given = record.get("topics") or []
    names = re.split(r"[,;]", given) if isinstance(given, str) and given not in CATEGORIES.values() else given
    names = [names] if isinstance(names, str) else names
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise BadRecord("topics is not a list of names")
    topics: dict[str, str] = {}
    for raw in names:
        if name := CATEGORIES.get(raw.strip(), plain_text(raw)):
            if len(name) > max_length(Topic, "name"):
                raise BadRecord(f"a topic is longer than {max_length(Topic, 'name')} characters: {name[:40]}...")
            topics.setdefault(topic_slug(name), name)
    return topics


def topic_slug(name: str) -> str:
    """C, C++ and C# apart, and something for a name that ASCII has no letters for."""
    slug = slugify(name.replace("+", " plus ").replace("#", " sharp "))[: max_length(Topic, "slug")].strip("-")
    return slug or "topic-" + "-".join(f"{ord(letter):x}" for letter in name[:12] if not letter.isspace())


def max_length(model: type[Any], name: str) -> int:
    return int(model._meta.get_field(name).max_length)
