"""A day's papers as a picture: near what is alike, each a link, the reader's own ringed, and all of it as a table."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import time_machine
from django.test import Client

from accounts.models import User
from recommender.engine.layout import lay_out
from recommender.interactions import record
from recommender.map_of_papers import COLOURS, MOST_PAPERS, map_of
from recommender.periods import Period
from tests.factories import make_paper

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("artifacts")]

NOW = datetime(2025, 5, 8, 9, tzinfo=UTC)
DAY = timedelta(days=1)
TODAY = Period("day", NOW.date())
WORDS = {"Speech": "vowels lungs accent", "Bees": "hives honey nectar"}


@pytest.fixture
def papers() -> list[int]:
    return [
        make_paper(f"{topic} {words} {number}", topics=[topic], published_at=NOW).pk
        for topic, words in WORDS.items()
        for number in range(5)
    ]


def test_what_is_alike_stands_near(papers: list[int]) -> None:
    dots = map_of(TODAY).dots
    places = {topic: np.array([(dot.x, dot.y) for dot in dots if str(dot.topic) == topic]) for topic in WORDS}
    for topic, other in (("Speech", "Bees"), ("Bees", "Speech")):
        centre, elsewhere = places[topic].mean(axis=0), places[other].mean(axis=0)
        for place in places[topic]:
            assert np.linalg.norm(place - centre) < np.linalg.norm(place - elsewhere)


def test_each_paper_is_a_link_with_its_title_and_a_row_of_the_table(client: Client, papers: list[int]) -> None:
    make_paper("<b>Bold</b> & plain", published_at=NOW)
    make_paper("Hidden", published_at=NOW, status="hidden")
    make_paper("Of another day", published_at=NOW - DAY)
    html = client.get("/map/day/2025-05-08/").content.decode()
    dots = re.findall(r'<a href="(/paper/\d+/)"><title>([^<]+)</title><circle', html)
    assert len(dots) == 11
    assert all(html.count(f'href="{url}"') == 2 for url, _title in dots)
    assert "&lt;b&gt;Bold&lt;/b&gt; &amp; plain" in html
    assert "Hidden" not in html
    assert "Of another day" not in html
    assert "Of another day" in client.get("/map/week/2025-05-08/").content.decode()


@pytest.mark.parametrize(("n_papers", "span"), [(11, "week"), (12, "day")])
def test_the_newest_map_is_of_the_day_or_where_that_is_thin_of_the_week(
    client: Client, n_papers: int, span: str
) -> None:
    make_paper(published_at=NOW - DAY)
    for _ in range(n_papers):
        make_paper(published_at=NOW)
    assert client.get("/map/").content == client.get(f"/map/{span}/2025-05-08/").content


@time_machine.travel(NOW)
def test_a_reader_s_own_are_ringed(client: Client, papers: list[int], alice: User) -> None:
    assert not any(dot.is_own for dot in map_of(TODAY).dots)
    for number in range(30):
        make_paper(f"Robots grasp {number}", topics=["Robots"], published_at=NOW)
    read = make_paper("Robots that were read", topics=["Robots"], published_at=NOW)
    record(alice, read, "read")
    own = [dot.paper for dot in map_of(TODAY, alice).dots if dot.is_own]
    assert read in own
    assert len(own) <= 11
    client.force_login(alice)
    assert client.get("/map/").content.decode().count(' own" cx') == len(own) + 1  # and the legend's


def test_many_topics_share_the_last_colour_and_many_papers_are_cut(client: Client) -> None:
    for number in range(MOST_PAPERS + 3):
        make_paper(f"Paper {number}", topics=[f"Topic {number % 11}"], published_at=NOW)
    found = map_of(TODAY)
    assert len(found.dots) == MOST_PAPERS
    assert found.n_left_out == 3
    assert {dot.colour for dot in found.dots} == set(range(COLOURS + 1))
    html = client.get("/map/").content.decode()
    assert "3 papers that fewer noticed are left out" in html
    assert len(html.encode()) < 100_000


@pytest.mark.parametrize("n", [0, 1, 2])
def test_few_papers_or_none_make_a_map_as_well(client: Client, n: int) -> None:
    for number in range(n):
        make_paper("The same title" if number else "", published_at=NOW)
    response = client.get("/map/" if n else "/map/day/2025-05-08/")
    assert response.status_code == 200
    assert response.content.decode().count("<title>") == n + 1


def test_a_map_costs_the_same_queries_for_two_and_twenty(client: Client, django_assert_max_num_queries: object) -> None:
    for number in range(20):
        make_paper(f"Paper {number}", topics=["Speech"], authors=[f"Author {number}"], published_at=NOW)
    client.get("/map/")
    with django_assert_max_num_queries(20):  # type: ignore[operator]
        client.get("/map/")


def test_dots_stay_on_the_page_apart_and_where_they_were() -> None:
    rng = np.random.default_rng(0)
    vectors = np.repeat(rng.normal(size=(10, 8)), 6, axis=0).astype(np.float32)  # six of each in one place
    places = lay_out(vectors, 0.03)
    assert places.min() >= 0
    assert places.max() <= 1
    distances = np.linalg.norm(places[:, None] - places, axis=2) + np.eye(60)
    assert distances.min() > 0.02
    np.testing.assert_array_equal(places, lay_out(vectors, 0.03))
    assert lay_out(np.zeros((3, 8), np.float32), 0.03).shape == (3, 2)
    assert lay_out(np.zeros((0, 8), np.float32), 0.03).shape == (0, 2)
