"""The desk's lists and numbers with a million digests: what is asked for is walked along an index (docs/editors.md).

No clock: the database's own plan is read.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from accounts.models import User
from newsletter.models import Click, Digest, Edition, Subscription
from newsletter.numbers import Numbers, Span
from tests.factories import make_paper, make_reader

pytestmark = pytest.mark.django_db

N_EDITIONS, N_READERS = 20, 100
LAST = date(2025, 6, 1)
IS_SQLITE = connection.vendor == "sqlite"
STATES = ("sent", "sent", "sent", "skipped", "failed")


@pytest.fixture
def editions() -> list[Edition]:
    """Twenty of a hundred digests each, with clicks."""
    noon = datetime(LAST.year, LAST.month, LAST.day, 12, tzinfo=UTC)
    paper = make_paper("Birds")
    editions = Edition.objects.bulk_create(
        [
            Edition(date=at.date(), window_start=at, window_end=at)
            for at in (noon - timedelta(days=n) for n in range(N_EDITIONS))
        ]
    )
    users = User.objects.bulk_create([User(email=f"reader{n}@example.org") for n in range(N_READERS)])
    readers = Subscription.objects.bulk_create([Subscription(user=user, confirmed_at=noon) for user in users])
    digests = Digest.objects.bulk_create(
        [
            Digest(
                subscription=reader,
                edition=edition,
                period=edition.date,
                state=STATES[(reader.pk + edition.pk) % len(STATES)],
                message_id=f"<{reader.pk}.{edition.pk}@example.org>",
            )
            for edition in editions
            for reader in readers
        ]
    )
    Click.objects.bulk_create(
        [Click(digest=one, edition_id=one.edition_id, paper=paper, position=1, reason="read") for one in digests]
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return editions


def index_of(model: type[Any], *fields: str) -> str:
    """Its name; none other will do."""
    (name,) = [index.name for index in model._meta.indexes if tuple(index.fields) == fields]
    return str(name)


def plans_of(ask: Callable[[], Any], table: str) -> list[str]:
    """How the database goes about each query of a table. PostgreSQL is told to think little of reading a table from
    end to end, and of sorting: two thousand rows would tempt it. Where no index will do it must all the same."""
    asked: list[tuple[str, Any]] = []

    def keep(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith("SELECT") and f'FROM "{table}"' in sql:
            asked.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(keep):
        ask()
    plans = []
    with connection.cursor() as cursor:
        if not IS_SQLITE:
            for way in ("seqscan", "bitmapscan", "sort", "incremental_sort"):
                cursor.execute(f"SET LOCAL enable_{way} = off")
        for sql, params in asked:
            cursor.execute(("EXPLAIN QUERY PLAN " if IS_SQLITE else "EXPLAIN ") + sql, params)
            plans.append("\n".join(str(line[-1]) for line in cursor.fetchall()))
    return plans


def walks_through(plan: str, table: str) -> bool:
    """From end to end, and not in an index alone."""
    return any(
        f"Seq Scan on {table}" in line or (f"SCAN {table}" in line and "COVERING" not in line)
        for line in plan.splitlines()
    )


def sorts(plan: str) -> bool:
    return "Sort Key" in plan or "TEMP B-TREE FOR ORDER BY" in plan


@pytest.fixture
def desk(client: Client) -> Client:
    client.force_login(make_reader("root@example.org", is_staff=True, is_superuser=True))
    return client


def test_numbers_are_counted_along_the_index_of_editions_in_one_walk(editions: list[Edition]) -> None:
    found = Numbers(Span(LAST - timedelta(days=3), LAST))

    def ask() -> None:
        assert found.total.composed == 4 * N_READERS
        assert sum(n for _state, _reason, n in found.why_not_sent) == 4 * N_READERS // len(STATES)
        assert found.answers[1, "read"]["click"] == 4 * N_READERS

    (plan,) = plans_of(ask, "newsletter_digest")
    assert index_of(Digest, "edition", "state", "state_reason") in plan
    index = index_of(Click, "edition", "scanner", "position", "reason")
    found = Numbers(found.span)
    plans = plans_of(ask, "newsletter_click")
    assert len(plans) == 2
    assert all(index in plan for plan in plans)


def test_the_list_of_editions_counts_the_digests_of_those_it_shows_once(desk: Client, editions: list[Edition]) -> None:
    (plan,) = plans_of(lambda: desk.get(reverse("admin:newsletter_edition_changelist")), "newsletter_digest")
    assert index_of(Digest, "edition", "state", "state_reason") in plan


ALL = ("-period", "-id", "edition")
STATE = ("state", "-period", "-id", "edition")


@pytest.mark.parametrize(
    ("asked", "fields"),
    [
        ({}, ALL),
        ({"p": 20}, ALL),
        ({"state__exact": "failed"}, STATE),
        ({"period__gte": "2025-05-20", "period__lte": "2025-05-23", "edition__isnull": "False"}, ALL),
        ({"period__gte": "2025-05-20", "period__lte": "2025-05-23", "state__exact": "skipped"}, STATE),
        ({"period__exact": "2025-05-20", "state__exact": "sent"}, STATE),
    ],
)
def test_digests_are_listed_in_the_order_of_an_index_and_never_sorted(
    desk: Client, editions: list[Edition], asked: dict[str, Any], fields: tuple[str, ...]
) -> None:
    url = reverse("admin:newsletter_digest_changelist")
    assert desk.get(url, asked).context["cl"].result_list
    plans = plans_of(lambda: desk.get(url, asked), "newsletter_digest")
    # Either of two indices lists one day's digests of one state; PostgreSQL takes the one or the other.
    orders = [fields] if IS_SQLITE else [ALL, STATE]
    listed = [plan for plan in plans if any(index_of(Digest, *order) in plan for order in orders)]
    assert listed
    assert not any(sorts(plan) for plan in listed)
    assert not any(walks_through(plan, "newsletter_digest") for plan in plans)


@pytest.mark.parametrize("words", ["reader42@example.org", "<1.1@example.org>"])
def test_a_readers_digests_are_found_by_their_own_index(desk: Client, editions: list[Edition], words: str) -> None:
    url = reverse("admin:newsletter_digest_changelist")
    plans = plans_of(lambda: desk.get(url, {"q": words}), "newsletter_digest")
    assert plans
    assert not any(walks_through(plan, "newsletter_digest") for plan in plans)


def test_pages_follow_one_another_without_gap_or_repetition(desk: Client, editions: list[Edition]) -> None:
    url = reverse("admin:newsletter_digest_changelist")
    seen = [row.pk for page in range(1, 41) for row in desk.get(url, {"p": page}).context["cl"].result_list]
    assert seen == list(Digest.objects.order_by("-period", "-pk").values_list("pk", flat=True))


def test_clicks_are_not_gone_through_for_a_filters_values(desk: Client, editions: list[Edition]) -> None:
    url = reverse("admin:newsletter_click_changelist")
    for asked in ({}, {"edition__id__exact": editions[3].pk, "scanner__isempty": "1"}, {"q": "reader42@"}):
        plans = plans_of(lambda asked=asked: desk.get(url, asked), "newsletter_click")
        assert plans
        assert not any("DISTINCT" in plan or walks_through(plan, "newsletter_click") for plan in plans)
