"""What a reader sets: whom they follow, what they look for, interests kept apart, the dial, starting afresh."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import time_machine
from pytest_django import Settings

from accounts.models import User
from papers.models import Author, Paper
from recommender.interactions import record
from recommender.models import Interest, SavedSearch
from recommender.ranking import RankedPaper, rank
from recommender.reasons import describe
from recommender.training import train
from tests.factories import make_paper, make_topic
from tests.recommender.planted import DAY, NOW, field_of, plant_papers, plant_readers, plant_reads

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("artifacts")]


@pytest.fixture(autouse=True)
def _quiet(settings: Settings) -> Iterator[None]:
    settings.EXPLORATION = 0.0
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def week() -> list[Paper]:
    """Forty papers of four fields, with their field as a topic."""
    papers = plant_papers(40, start=NOW - 5 * DAY, seed=3)
    Paper.objects.update(published_at=NOW - DAY)
    for paper in papers:
        paper.topics.add(make_topic(field_of(paper)))
    return papers


def best(reader: User, papers: list[Paper], k: int = 10, **more: object) -> list[RankedPaper]:
    return rank([reader.pk], [paper.pk for paper in papers], k, **more)[reader.pk]  # type: ignore[arg-type]


def read_much(reader: User, field: str, n: int) -> None:
    for paper in plant_papers(4 * n, start=NOW - 90 * DAY, seed=9):
        if field_of(paper) == field:
            paper.topics.add(make_topic(field))
            record(reader, paper, "save")


# --- promised -------------------------------------------------------------------------------------------------------


def test_every_paper_of_a_followed_author_comes_marked_however_far_from_what_is_read(
    week: list[Paper], alice: User
) -> None:
    read_much(alice, "speech", 5)
    theirs = [make_paper(f"A treatise on {what}", authors=["Ada"], published_at=NOW - DAY) for what in ("tea", "oil")]
    ada = Author.objects.get(name="Ada")
    Interest.objects.create(user=alice).authors.add(ada)
    items = best(alice, [*week, *theirs], 6)
    assert {item.paper_id for item in items[:2]} == {paper.pk for paper in theirs}
    assert [item.is_promised for item in items] == [True, True, False, False, False, False]
    assert items[0].reason == {"kind": "author", "author": ada.pk}


def test_a_saved_search_brings_what_it_finds_and_says_so(week: list[Paper], alice: User, bob: User) -> None:
    read_much(alice, "speech", 5)
    found = make_paper("Brewing tea in space", published_at=NOW - DAY)
    make_paper("Brewing coffee in space", published_at=NOW - DAY)
    SavedSearch.objects.create(user=alice, query="tea space")
    papers = [*week, *Paper.objects.filter(title__startswith="Brewing")]
    first, second, *_ = best(alice, papers, 10)
    assert first.paper_id == found.pk
    assert describe([first.reason]) == ["found by your search “tea space”"]
    assert not second.is_promised
    assert not any(item.is_promised for item in best(bob, papers))


@pytest.mark.parametrize("case", ["out of the digest", "another topic", "muted", "dismissed"])
def test_a_saved_search_brings_nothing_where(week: list[Paper], alice: User, case: str) -> None:
    paper = make_paper("Brewing tea in space", published_at=NOW - DAY, topics=["Kitchens"])
    topic = make_topic("Gardens") if case == "another topic" else make_topic("Kitchens")
    SavedSearch.objects.create(user=alice, query="tea", topic=topic, in_digest=case != "out of the digest")
    if case == "muted":
        Interest.objects.create(user=alice, muted_words=["brewing"])
    if case == "dismissed":
        record(alice, paper, "dismiss")
    assert not any(item.is_promised for item in best(alice, [*week, paper]))


def test_a_wide_search_leaves_room_for_the_rest(week: list[Paper], alice: User) -> None:
    SavedSearch.objects.create(user=alice, query="speech")
    items = best(alice, week, 10)
    assert sum(item.is_promised for item in items) == 5
    assert len(items) == 10


def test_a_search_for_a_name_finds_new_papers_of_theirs(week: list[Paper], alice: User) -> None:
    paper = make_paper("On steam", authors=["Ada Lovelace"], published_at=NOW - DAY)
    old = make_paper("On looms", authors=["Ada Lovelace"], published_at=NOW - 300 * DAY)
    SavedSearch.objects.create(user=alice, query="Lovelace")
    assert [item.paper_id for item in best(alice, [*week, paper]) if item.is_promised] == [paper.pk]
    assert old.pk not in {item.paper_id for item in best(alice, week)}


# --- kept apart -----------------------------------------------------------------------------------------------------


def test_a_small_interest_kept_apart_is_not_drowned_by_a_big_one(week: list[Paper], alice: User) -> None:
    read_much(alice, "speech", 20)
    assert {field_of(item.paper_id) for item in best(alice, week, 6)} == {"speech"}
    Interest.objects.create(user=alice, name="Bees").topics.add(make_topic("galaxies"))
    items = best(alice, week, 6)
    assert [field_of(item.paper_id) for item in items] == ["speech", "galaxies"] * 3
    assert describe([items[1].reason]) == ["for “Bees”: in your topic galaxies"]


def test_one_interest_can_be_looked_at_alone(week: list[Paper], alice: User, bob: User) -> None:
    read_much(alice, "speech", 5)
    bees = Interest.objects.create(user=alice, name="Bees")
    bees.topics.add(make_topic("galaxies"))
    assert {field_of(item.paper_id) for item in best(alice, week, 6, interest=bees.pk)} == {"galaxies"}
    assert best(bob, week, 6, interest=bees.pk) == []


def test_what_is_read_in_a_topic_of_an_interest_apart_speaks_for_that_alone(week: list[Paper], alice: User) -> None:
    read_much(alice, "speech", 5)
    read_much(alice, "galaxies", 5)
    assert {field_of(item.paper_id) for item in best(alice, week, 8)} == {"speech", "galaxies"}
    Interest.objects.create(user=alice, name="Stars").topics.add(make_topic("galaxies"))
    items = best(alice, week, 8)
    own = [item for item in items if "for" not in item.reason]
    assert {field_of(item.paper_id) for item in own} == {"speech"}
    assert len(own) == 4


def test_a_reader_who_keeps_everything_apart_gets_nothing_else(week: list[Paper], alice: User) -> None:
    for field in ("galaxies", "robots"):
        Interest.objects.create(user=alice, name=field).topics.add(make_topic(field))
    assert {field_of(item.paper_id) for item in best(alice, week, 8)} == {"galaxies", "robots"}


def test_what_was_had_or_muted_is_left_out_of_every_interest(week: list[Paper], alice: User) -> None:
    galaxies = [paper for paper in week if field_of(paper) == "galaxies"]
    Interest.objects.create(user=alice, name="Stars").topics.add(make_topic("galaxies"))
    Interest.objects.create(user=alice, muted_words=[galaxies[1].title.split()[1]])
    record(alice, galaxies[0], "read")
    found = {item.paper_id for item in best(alice, week, 40)}
    assert found
    assert not {galaxies[0].pk, galaxies[1].pk} & found


# --- the dial and a fresh start -------------------------------------------------------------------------------------


def test_the_dial_turns_from_own_reading_to_what_others_read(alice: User, bob: User) -> None:
    papers = plant_papers(80)
    plant_reads(plant_readers(24), papers)
    train()
    new = plant_papers(20, start=NOW - 20 * DAY, seed=7)
    for reader in (alice, bob):
        for paper in [paper for paper in papers if field_of(paper) == "speech"][:5]:
            record(reader, paper, "save")
    middle = {item.paper_id: item.score for item in best(alice, new, 20)}
    mine = Interest.objects.create(user=alice, dial=0)
    own = {item.paper_id: item.score for item in best(alice, new, 20)}
    mine.dial = 100
    mine.save()
    both = rank([alice.pk, bob.pk], [paper.pk for paper in new], 20)
    others = {item.paper_id: item.score for item in both[alice.pk]}
    assert own != middle != others != own
    assert {item.paper_id: item.score for item in both[bob.pk]} == pytest.approx(middle, rel=1e-3)


def test_after_a_fresh_start_old_reading_steers_no_more_and_does_not_come_back(week: list[Paper], alice: User) -> None:
    with time_machine.travel(NOW - DAY):
        read_much(alice, "speech", 10)
        record(alice, week[0], "read")
    assert field_of(best(alice, week, 1)[0].paper_id) == "speech"
    interest = Interest.objects.create(user=alice, learnt_since=NOW - DAY / 2)
    record(alice, next(p for p in plant_papers(4, start=NOW - 60 * DAY, seed=5) if field_of(p) == "robots"), "save")
    items = best(alice, week, 40)
    assert field_of(items[0].paper_id) == "robots"
    assert week[0].pk not in {item.paper_id for item in items}
    interest.learnt_since = None
    interest.save()
    assert {field_of(item.paper_id) for item in best(alice, week, 4)} <= {"speech", "robots"}
    assert field_of(best(alice, week, 1)[0].paper_id) == "speech"
