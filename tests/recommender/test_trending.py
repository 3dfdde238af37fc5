"""Trending is what readers are on at the moment, by a formula one can follow by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import log

import pytest
import time_machine
from pytest_django import DjangoAssertNumQueries

from papers.models import Paper
from recommender.interactions import record
from recommender.models import Interaction
from recommender.trending import by_points, trending
from tests.factories import make_paper, make_reader, make_topic

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
MONDAY = datetime(2025, 5, 5, tzinfo=UTC)
TUESDAY = MONDAY + DAY
NOW = MONDAY + 2 * DAY


def of_monday() -> list[Paper]:
    return trending(MONDAY, TUESDAY)


def read_by(n: int, paper: Paper, kind: str = "read", at: datetime = NOW) -> None:
    for _ in range(n):
        record(make_reader(), paper, kind, at=at)


@time_machine.travel(NOW, tick=False)
def test_points_are_the_sum_the_formula_says() -> None:
    paper = make_paper(published_at=MONDAY, upvotes=7)
    read_by(2, paper, "read", at=NOW)
    read_by(1, paper, "save", at=NOW - DAY)
    read_by(1, paper, "upvote", at=NOW - 2 * DAY)
    read_by(3, paper, "less", at=NOW)
    (found,) = by_points(Paper.objects.all(), half_life=DAY)
    assert found.points == pytest.approx(2 * 1 + 3 / 2 + 3 / 4 + log(8) / 4)


@time_machine.travel(NOW, tick=False)
def test_without_readers_the_source_s_upvotes_decide_and_then_the_newest() -> None:
    old, new = make_paper(published_at=MONDAY), make_paper(published_at=MONDAY)
    loved = make_paper(published_at=MONDAY, upvotes=90)
    assert of_monday() == [loved, new, old]


@time_machine.travel(NOW, tick=False)
def test_a_fresh_read_beats_an_old_one() -> None:
    stale, fresh = make_paper(published_at=MONDAY), make_paper(published_at=MONDAY)
    read_by(3, stale, at=NOW - 3 * DAY)
    read_by(1, fresh, at=NOW)
    assert of_monday() == [fresh, stale]


@time_machine.travel(NOW, tick=False)
def test_an_import_without_a_time_says_nothing_about_now() -> None:
    imported, read = make_paper(published_at=MONDAY), make_paper(published_at=MONDAY)
    for _ in range(5):
        Interaction.objects.create(user=make_reader(), paper=imported, kind="save", at=NOW, at_is_known=False)
    read_by(1, read)
    assert of_monday() == [read, imported]


@time_machine.travel(NOW, tick=False)
def test_one_reader_cannot_push_a_paper_by_reading_it_again_and_again() -> None:
    pushed, read = make_paper(published_at=MONDAY), make_paper(published_at=MONDAY)
    fan = make_reader()
    for minute in range(50):
        record(fan, pushed, "read", at=NOW - timedelta(minutes=minute))
    read_by(2, read)
    assert of_monday() == [read, pushed]


@time_machine.travel(NOW, tick=False)
def test_only_visible_papers_of_the_window_and_topic() -> None:
    wanted = make_paper(published_at=MONDAY, topics=["Speech", "Vision"])
    make_paper(published_at=MONDAY, topics=["Vision"])
    make_paper(published_at=TUESDAY, topics=["Speech"])
    make_paper(published_at=MONDAY - timedelta(seconds=1), topics=["Speech"])
    for status in (Paper.Status.HIDDEN, Paper.Status.WITHDRAWN, Paper.Status.PENDING):
        make_paper(published_at=MONDAY, topics=["Speech"], status=status)
    make_paper(
        published_at=MONDAY, topics=["Speech"], status=Paper.Status.EMBARGOED, embargoed_until=NOW + timedelta(hours=1)
    )
    assert trending(MONDAY, TUESDAY, topic=make_topic("Speech")) == [wanted]


@time_machine.travel(NOW + 3650 * DAY, tick=False)
def test_a_page_ten_years_old_still_has_its_papers() -> None:
    papers = [make_paper(published_at=MONDAY, upvotes=upvotes) for upvotes in (3, 9)]
    read_by(1, papers[0], at=MONDAY)
    assert set(of_monday()) == set(papers)


def test_twenty_papers_cost_as_many_queries_as_one(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    for expected in (1, 20):
        for number in range(expected - Paper.objects.count()):
            read_by(1, make_paper(published_at=MONDAY, topics=["Speech"], authors=[f"A {number}"]))
        with django_assert_num_queries(4):
            papers = of_monday()
            assert [(p.author_names, [t.name for t in p.topics.all()]) for p in papers]
        assert len(papers) == expected
