"""Every address of the site, walked as nobody, as another reader and with nonsense."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime

import pytest
from django.apps import apps
from django.core import serializers
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import User
from papers.models import Submission
from recommender.groups import found, invite
from recommender.interactions import record
from recommender.library import annotate
from recommender.lists import create_list, put
from recommender.models import Interest, SavedSearch
from tests.factories import make_paper, make_reader, make_subscription

pytestmark = pytest.mark.django_db

SECRET = "Alice's own words on unicorns"
# Whoever may post from elsewhere: mail programs (RFC 8058) and the votes of a mail, whose address is the permission,
# mail providers' webhooks, the API, which knows no cookies, and Google's own sign-in button, which brings a
# token of its own.
POSTED_FROM_ELSEWHERE = {"u", "g", "v", "anymail", "api", "accounts/google/login/token/"}
# What each argument of an address is tried with, beside the paper's own key.
VALUES: dict[str, list[str]] = {
    "pk": ["0", "99999999999999999999999"],
    "slug": ["speech", "none"],
    "span": ["week"],
    "day": ["2025-05-01", "2025-02-31"],
    "link": ["abstract", "pdf", "code", "x"],
    "form": ["bib", "ris", "csv", "json"],
}
NONSENSE = ["x", "%00", "a:b:c", "..%2f..%2fetc", "%F0%9F%A6%93", "1" * 300]


def addresses(patterns: Iterable[URLPattern | URLResolver], prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern.url_patterns, prefix + str(pattern.pattern))
        else:
            yield prefix + str(pattern.pattern), pattern


def filled(route: str, pks: Collection[int]) -> set[str]:
    """The address with every value that its arguments are tried with."""
    urls = {"/" + route.strip("^$")}
    for argument, name in re.findall(r"(<(?:\w+:)?(\w+)>)", route):
        values = [*VALUES.get(name, []), *NONSENSE, *(map(str, pks) if name == "pk" else [])]
        urls = {url.replace(argument, value) for url in urls for value in values}
    return urls


@pytest.fixture
def urls(alice: User) -> list[str]:
    """With something of Alice's behind them."""
    paper = make_paper(
        "Unicorns", topics=["Speech"], authors=["Ada Lovelace"], published_at=datetime(2025, 5, 1, tzinfo=UTC)
    )
    record(alice, paper, "save")
    annotate(alice, paper, [SECRET.lower()[:40]], SECRET)
    Interest.objects.create(user=alice, sentences=[SECRET])
    apart = Interest.objects.create(user=alice, name=SECRET, sentences=[SECRET])
    search = SavedSearch.objects.create(user=alice, query=SECRET)
    make_subscription(alice)
    birds = create_list(alice, SECRET)
    lab = found(alice, SECRET, SECRET)
    invite(alice, lab, "dora@example.org")
    for reading_list in (birds, lab.reading_list):
        put(alice, reading_list, [paper])
    Submission.objects.create(paper=make_paper(SECRET, status="pending"), submitter=alice, reason=SECRET)
    return sorted(
        url
        for route, _pattern in addresses(get_resolver().url_patterns)
        if not route.startswith("admin/")
        for url in filled(route, {paper.pk, apart.pk, search.pk, birds.pk, lab.pk, lab.reading_list.pk})
    )


@pytest.fixture
def pages(client: Client, urls: list[str], bob: User) -> list[str]:
    """Those that show something, once a kind."""
    client.force_login(bob)
    shown = [url for url in urls if client.get(url).status_code == 200]
    return sorted({re.sub(r"\d+", "1", url): url for url in shown}.values())


def everything() -> str:
    """All rows but the sessions', which signing in writes."""
    models = [model for model in apps.get_models() if "session" not in model._meta.model_name]
    return serializers.serialize("json", [row for model in models for row in model._default_manager.order_by("pk")])


def test_a_visitor_s_gets_change_nothing_and_break_nothing(client: Client, urls: list[str]) -> None:
    before = everything()
    statuses = {url: client.get(url).status_code for url in urls}
    assert len(statuses) > 100
    assert {url: status for url, status in statuses.items() if status >= 500} == {}
    assert everything() == before


@pytest.mark.parametrize("method", ["get", "post"])
def test_no_address_shows_another_reader_what_is_alice_s(
    client: Client, urls: list[str], bob: User, method: str
) -> None:
    for url in urls:
        client.force_login(bob)
        response = getattr(client, method)(url)
        assert response.status_code < 500, url
        body = b"".join(response) if response.streaming else response.content
        assert b"alice@example.org" not in body, url
        assert SECRET.encode() not in body.replace(b"&#x27;", b"'"), url


def test_nonsense_posted_anywhere_breaks_nothing(client: Client, urls: list[str]) -> None:
    nonsense = dict.fromkeys(("do", "undo", "next", "email", "login", "q", "code", "wish"), "🦓' OR 1=1 --\x00")
    for url in urls:
        client.force_login(make_reader())
        for data in ({}, nonsense):
            assert client.post(url, data).status_code < 500, url


PARAMETERS = [
    "q",
    "topic",
    "since",
    "until",
    "page",
    "shelf",
    "tag",
    "show",
    "interest",
    "next",
    "email",
    "k",
    "format",
]
TEXTS = st.text(max_size=20) | st.sampled_from(
    ["0", "-1", "9" * 30, "2025-05-01", "0001-01-01", "9999-12-31", "a" * 3000]
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data(), st.dictionaries(st.sampled_from(PARAMETERS), TEXTS, min_size=1, max_size=4), st.booleans())
def test_any_question_after_an_address_breaks_nothing(
    client: Client, pages: list[str], bob: User, data: st.DataObject, question: dict[str, str], signed_in: bool
) -> None:
    if signed_in:
        client.force_login(bob)
    else:
        client.logout()
    url = data.draw(st.sampled_from(pages))
    assert client.get(url, question).status_code < 500, url


def test_only_what_must_may_be_posted_from_elsewhere() -> None:
    exempt = {
        route if route.startswith("accounts/") else route.partition("/")[0]
        for route, pattern in addresses(get_resolver().url_patterns)
        if getattr(pattern.callback, "csrf_exempt", False)
    }
    assert exempt <= POSTED_FROM_ELSEWHERE


def test_the_desk_is_for_staff(client: Client, bob: User) -> None:
    client.force_login(bob)
    nobody = Client()
    for route, _pattern in addresses(get_resolver().url_patterns):
        if route.startswith("admin/") and "(?P" not in route and not route.endswith("logout/"):
            url = "/" + re.sub(r"<[^>]+>", "1", route)
            assert client.get(url).status_code in (301, 302, 403, 404), url
            assert nobody.get(url).status_code in (301, 302, 403, 404), url
