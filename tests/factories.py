"""A few `make_...` functions: rows with sensible values, of which a test names only what it is about."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from django.utils.text import slugify

from accounts.models import User
from newsletter.models import Subscription
from papers.models import Author, Authorship, Identifier, Paper, Topic

_numbers = itertools.count(1)


def make_topic(name: str) -> Topic:
    return Topic.objects.get_or_create(slug=slugify(name), defaults={"name": name})[0]


def make_paper(
    title: str = "",
    *,
    abstract: str = "",
    topics: Iterable[str] = (),
    authors: Iterable[str] = (),
    published_at: datetime | None = None,
    **fields: Any,
) -> Paper:
    number = next(_numbers)
    paper = Paper.objects.create(
        title=title or f"Paper number {number}",
        abstract=abstract,
        published_at=published_at or datetime(2025, 5, 1, tzinfo=UTC),
        url=fields.pop("url", f"https://papers.example.org/{number}"),
        **fields,
    )
    Identifier.objects.create(paper=paper, scheme=Identifier.Scheme.OTHER, value=f"test:{number}")
    paper.topics.set([make_topic(name) for name in topics])
    for position, name in enumerate(authors):
        Authorship.objects.create(paper=paper, author=Author.objects.get_or_create(name=name)[0], position=position)
    return paper


def make_reader(email: str = "", **fields: Any) -> User:
    return User.objects.create_user(email or f"reader{next(_numbers)}@example.org", **fields)


def make_subscription(user: User, **fields: Any) -> Subscription:
    now = datetime(2025, 5, 2, 7, tzinfo=UTC)
    values: dict[str, Any] = {"confirmed_at": now, "next_digest_at": now} | fields
    return Subscription.objects.update_or_create(user=user, defaults=values)[0]
