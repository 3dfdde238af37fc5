"""Atom feeds, as a feed reader asks for them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from lxml import etree
from pytest_django import Settings

from accounts.models import User
from recommender.interactions import record
from recommender.models import FeedAddress, SavedSearch
from tests.factories import make_paper

pytestmark = pytest.mark.django_db

MAY_DAY = datetime(2025, 5, 1, tzinfo=UTC)
ATOM = {"a": "http://www.w3.org/2005/Atom"}


def read(client: Client, url: str) -> etree._Element:
    response = client.get(url)
    assert response.status_code == 200
    assert response["Content-Type"] == "application/atom+xml; charset=utf-8"
    return etree.fromstring(response.content)


def titles(client: Client, url: str) -> list[str]:
    return read(client, url).xpath("a:entry/a:title/text()", namespaces=ATOM)


@pytest.fixture
def secret(alice: User) -> str:
    return FeedAddress.objects.create(user=alice).secret


def test_an_entry_says_what_a_line_in_a_list_says(client: Client, settings: Settings) -> None:
    settings.BASE_URL = "https://broadsheet.example.org"
    paper = make_paper(
        "AT&T <b>", abstract="We find x<y & y>z.", topics=["Speech"], authors=["Ada Lovelace", "Grace Hopper"],
        published_at=MAY_DAY,
    )  # fmt: skip
    (entry,) = read(client, "/topic/speech/feed.atom").findall("a:entry", ATOM)
    said = {etree.QName(part).localname: part.text or dict(part.attrib) for part in entry if part.text or part.attrib}
    assert said["title"] == "AT&T <b>"
    assert said["summary"] == "<p>We find x&lt;y &amp; y&gt;z.</p>"
    assert said["id"] == f"https://broadsheet.example.org{paper.get_absolute_url()}"
    assert said["published"] == "2025-05-01T00:00:00+00:00"
    assert said["category"] == {"term": "Speech"}
    assert entry.findtext("a:author/a:name", namespaces=ATOM) == "Ada Lovelace, Grace Hopper"


def test_addresses_in_a_feed_are_the_site_s_own_whatever_host_was_asked(client: Client, settings: Settings) -> None:
    settings.BASE_URL = "https://broadsheet.example.org"
    make_paper(topics=["Speech"])
    for url in ("/topic/speech/feed.atom", "/feeds/day.atom"):
        links = read(client, url).xpath("//a:link/@href | //a:id/text()", namespaces=ATOM)
        assert len(links) >= 5
        assert all(link.startswith("https://broadsheet.example.org/") for link in links)
        assert f"https://broadsheet.example.org{url}" in links


def test_trending_feeds_are_of_the_newest_period_that_has_papers(client: Client) -> None:
    for title, days in {"Thursday": 0, "Monday": -3, "Sunday before": -4, "April the first": -30}.items():
        make_paper(title, published_at=MAY_DAY + timedelta(days=days))
    make_paper("Hidden", status="hidden", published_at=MAY_DAY + timedelta(days=1))
    assert set(titles(client, "/feeds/day.atom")) == {"Thursday"}
    assert set(titles(client, "/feeds/week.atom")) == {"Thursday", "Monday"}
    assert set(titles(client, "/feeds/month.atom")) == {"Thursday"}


def test_an_empty_site_has_empty_feeds(client: Client) -> None:
    assert titles(client, "/feeds/month.atom") == []


def test_characters_that_xml_cannot_say_do_not_break_a_feed(client: Client) -> None:
    make_paper("A\x0b title\ufffe", abstract="\x1b[1m", topics=["Speech"], authors=["Ada\x01 Lovelace"])
    assert titles(client, "/topic/speech/feed.atom") == ["A  title "]


def test_a_reader_s_own_page_comes_with_why(
    client: Client, alice: User, bob: User, secret: str, artifacts: Path
) -> None:
    liked = make_paper("Birds sing", topics=["Birds"], published_at=MAY_DAY - timedelta(days=40))
    record(alice, liked, "save")
    make_paper("Birds sing again", topics=["Birds"], published_at=MAY_DAY)
    with time_machine.travel(MAY_DAY + timedelta(hours=9)):
        (entry,) = read(client, f"/feeds/{secret}/for-you.atom").findall("a:entry", ATOM)
    assert entry.findtext("a:title", namespaces=ATOM) == "Birds sing again"
    assert str(entry.findtext("a:summary", namespaces=ATOM)).startswith("<p>")


def test_what_was_saved_is_a_feed_without_what_was_hidden_since(client: Client, alice: User, secret: str) -> None:
    for title, status in (("Seen", "published"), ("Hidden", "hidden"), ("Taken back", "withdrawn")):
        record(alice, make_paper(title, status=status), "save")
    make_paper("Not saved")
    assert titles(client, f"/feeds/{secret}/saved.atom") == ["Seen"]


def test_a_saved_search_is_a_feed_of_what_is_new(client: Client, alice: User, secret: str) -> None:
    search = SavedSearch.objects.create(user=alice, query="birds")
    for title, days in {"Old birds": -91, "New birds": 0, "Earlier birds": -30, "New cups": 0}.items():
        make_paper(title, published_at=MAY_DAY + timedelta(days=days))
    assert titles(client, f"/feeds/{secret}/search/{search.pk}.atom") == ["New birds", "Earlier birds"]


def test_a_saved_search_opens_with_its_own_reader_s_secret_only(
    client: Client, alice: User, bob: User, secret: str
) -> None:
    search = SavedSearch.objects.create(user=alice, query="birds")
    other = FeedAddress.objects.create(user=bob).secret
    assert client.get(f"/feeds/{other}/search/{search.pk}.atom").status_code == 404


def test_renewing_stops_the_old_address_at_once(client: Client, alice: User, secret: str) -> None:
    old = reverse("saved_feed", args=[secret])
    client.force_login(alice)
    client.post("/feeds/renew/")
    new = reverse("saved_feed", args=[FeedAddress.objects.get().secret])
    assert client.get(old).status_code == 404
    assert client.get(new).status_code == 200
    assert new in client.get("/feeds/").content.decode()


def test_a_get_makes_no_address(client: Client, alice: User) -> None:
    client.force_login(alice)
    assert client.get("/feeds/renew/").status_code == 405
    client.get("/feeds/")
    assert not FeedAddress.objects.exists()


def test_a_feed_of_one_s_own_is_kept_by_nobody_and_ends_with_the_account(
    client: Client, alice: User, secret: str
) -> None:
    response = client.get(f"/feeds/{secret}/saved.atom")
    assert response["X-Robots-Tag"] == "noindex"
    assert "no-store" in response["Cache-Control"]
    User.objects.update(is_active=False)
    assert client.get(f"/feeds/{secret}/saved.atom").status_code == 404


@pytest.mark.parametrize("url", ["/topic/speech/feed.atom", "/feeds/month.atom", "/feeds/{secret}/saved.atom"])
def test_twenty_entries_cost_as_many_queries_as_one(client: Client, alice: User, secret: str, url: str) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as context:
            read(client, url.format(secret=secret))
        return len(context)

    def add(number: int) -> None:
        record(alice, make_paper(topics=["Speech", f"Topic {number}"], authors=[f"A {number}"]), "save")

    add(0)
    one = queries()
    for number in range(1, 20):
        add(number)
    assert queries() == one
