"""The site's readers and papers to lists: what is left out, who is new, what speaks for a paper and why."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import numpy as np
import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from accounts.models import User
from papers.models import Author, Paper
from recommender.engine.errors import ArtifactError
from recommender.interactions import record
from recommender.models import Interaction, Interest
from recommender.ranking import EXPLORED, RankedPaper, rank
from recommender.reasons import describe
from recommender.training import train
from tests.factories import make_paper, make_topic
from tests.recommender.planted import (
    DAY,
    FIELDS,
    NOW,
    field_of,
    plant_papers,
    plant_readers,
    plant_reads,
    plant_vectors,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("artifacts")]


@pytest.fixture(autouse=True)
def _quiet(settings: Settings) -> Iterator[None]:
    """One instant, and no place for exploring but where a test asks for it."""
    settings.EXPLORATION = 0.0
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def trained() -> list[Paper]:
    """A published ranker, and twenty papers of this week that it has not seen."""
    papers = plant_papers(80)
    plant_reads(plant_readers(24), papers)
    train()
    return plant_papers(20, start=NOW - 20 * DAY, seed=7)


def ids(papers: list[Paper]) -> list[int]:
    return [paper.pk for paper in papers]


def best(reader: User, papers: list[Paper], k: int = 10, **more: object) -> list[RankedPaper]:
    return rank([reader.pk], ids(papers), k, **more)[reader.pk]


def fields(items: list[RankedPaper]) -> list[str]:
    return [field_of(item.paper_id) for item in items]


def old_paper(field: str) -> Paper:
    return Paper.objects.filter(title__startswith=field).earliest("pk")


# --- what is left out ------------------------------------------------------------------------------------------------


def test_what_a_reader_had_in_hand_never_comes_back_whatever_they_did_with_it(
    trained: list[Paper], alice: User
) -> None:
    had = dict(zip(Interaction.Kind.values, trained, strict=False))
    for kind, paper in had.items():
        record(alice, paper, kind)
    found = {item.paper_id for item in best(alice, trained, 20)}
    assert found == set(ids(trained)) - set(ids(list(had.values())))


def test_what_the_caller_names_is_left_out_for_that_reader_only(trained: list[Paper], alice: User, bob: User) -> None:
    papers = ids(trained)
    lists = rank([alice.pk, bob.pk], papers, 20, exclude={alice.pk: {papers[0], papers[1], 999_999}, 888: {papers[2]}})
    assert {papers[0], papers[1]}.isdisjoint(item.paper_id for item in lists[alice.pk])
    assert {papers[0], papers[1], papers[2]} <= {item.paper_id for item in lists[bob.pk]}


@pytest.mark.parametrize(
    ("word", "is_muted"),
    [
        ("quantum", True),
        ("QUANTUM", True),
        (" quantum  supremacy ", True),
        ("entanglement", True),  # in the abstract
        ("physics", True),  # the topic's name
        ("quant", False),  # part of a word only
        ("supremacies", False),
        ("C++", True),
        (".*", False),
        ("  ", False),
    ],
)
def test_muted_words_stay_out(alice: User, word: str, is_muted: bool) -> None:
    paper = make_paper("Quantum supremacy in C++", abstract="With entanglement.", topics=["Quantum physics"])
    other = make_paper("Speech of birds")
    Interest.objects.create(user=alice, muted_words=[word])
    found = {item.paper_id for item in best(alice, [paper, other])}
    assert other.pk in found
    assert (paper.pk not in found) == is_muted


def test_a_muted_word_is_one_readers_affair(alice: User, bob: User) -> None:
    paper = make_paper("Quantum supremacy")
    Interest.objects.create(user=alice, muted_words=["quantum"])
    lists = rank([alice.pk, bob.pk], [paper.pk], 5)
    assert (len(lists[alice.pk]), len(lists[bob.pk])) == (0, 1)


def test_a_reader_who_had_everything_gets_an_empty_list(trained: list[Paper], alice: User) -> None:
    for paper in trained:
        record(alice, paper, "read")
    assert best(alice, trained) == []


def test_fewer_papers_than_asked_for_give_fewer_and_none_give_none(trained: list[Paper], alice: User) -> None:
    assert len(best(alice, trained[:3], 10)) == 3
    assert best(alice, [], 10) == []
    assert best(alice, trained, 0) == []
    assert rank([], ids(trained), 10) == {}


def test_a_paper_named_twice_stands_once(trained: list[Paper], alice: User) -> None:
    assert [item.paper_id for item in best(alice, [trained[0], trained[0]])] == [trained[0].pk]


def test_papers_that_say_the_same_stand_once_and_do_not_crowd_out_the_others(alice: User) -> None:
    plant_papers(80)
    twins = [make_paper("Birdsong at dawn") for _ in range(60)]
    others = [make_paper(f"Birdsong and {thing}") for thing in ("whales", "bees", "ants")]
    record(alice, make_paper("Birdsong at dusk"), "save")
    found = [item.paper_id for item in best(alice, [*twins, *others], 10)]
    assert sum(pk in ids(twins) for pk in found) == 1
    assert set(ids(others)) <= set(found)


# --- who and what is new ---------------------------------------------------------------------------------------------


def test_a_reader_gets_the_new_papers_of_their_field(trained: list[Paper]) -> None:
    for number, reader in enumerate(User.objects.order_by("pk")[:4]):
        assert fields(best(reader, trained, 5)) == [FIELDS[number]] * 5


def test_a_reader_newer_than_the_ranker_is_folded_in(trained: list[Paper], alice: User) -> None:
    record(alice, old_paper("proteins"), "save")
    assert fields(best(alice, trained, 5)) == ["proteins"] * 5


def test_a_paper_saved_after_training_counts_and_crashes_nothing(trained: list[Paper], alice: User) -> None:
    record(alice, trained[1], "save")  # the ranker knows neither the reader nor the paper
    items = best(alice, trained, 3)
    assert fields(items) == ["robots"] * 3
    assert items[0].reason == {"kind": "read", "paper": trained[1].pk}


def test_a_paper_changed_after_training_is_ranked_by_its_present_words(trained: list[Paper], alice: User) -> None:
    record(alice, old_paper("galaxies"), "save")
    changed = old_paper("speech")
    assert changed.pk not in {item.paper_id for item in best(alice, [*trained, changed], 5)}
    with time_machine.travel(NOW + DAY):
        changed.title = old_paper("galaxies").title
        changed.save()
        assert changed.pk in {item.paper_id for item in best(alice, [*trained, changed], 5)}


def test_what_happens_later_is_not_known_yet(trained: list[Paper], alice: User) -> None:
    record(alice, old_paper("robots"), "save", at=NOW - 2 * DAY)
    record(alice, trained[0], "read", at=NOW + DAY)
    assert trained[0].pk in {item.paper_id for item in best(alice, trained, 20, at=NOW)}
    before = best(alice, trained, 5, at=NOW - 3 * DAY)
    assert {item.reason["kind"] for item in before} <= {"new", "trending"}


def test_readers_are_ranked_alike_alone_and_together(trained: list[Paper]) -> None:
    readers = [reader.pk for reader in User.objects.order_by("pk")[:12]]
    together = rank(readers, ids(trained), 8)
    for pk in readers:
        alone = rank([pk], ids(trained), 8)[pk]
        assert [(item.paper_id, item.reason) for item in alone] == [
            (item.paper_id, item.reason) for item in together[pk]
        ]
        assert [item.score for item in alone] == pytest.approx([item.score for item in together[pk]], rel=1e-3)


def test_the_same_question_gets_the_same_answer(trained: list[Paper], alice: User, settings: Settings) -> None:
    settings.EXPLORATION = 0.5
    record(alice, old_paper("speech"), "save")
    assert best(alice, trained) == best(alice, list(reversed(trained)))


def test_a_reader_of_thousands_of_papers_is_ranked_for(trained: list[Paper], alice: User) -> None:
    many = plant_papers(6000, start=NOW - 7000 * DAY, seed=3)
    Interaction.objects.bulk_create(Interaction(user=alice, paper=paper, kind="import") for paper in many)
    assert len(best(alice, trained, 10)) == 10


def test_a_paper_that_does_not_exist_is_harmless(trained: list[Paper], alice: User) -> None:
    record(alice, old_paper("speech"), "save")
    items = rank([alice.pk, 424_242], [*ids(trained), 777_777], 21)
    assert {item.paper_id for item in items[alice.pk]} >= set(ids(trained)) - {777_777}
    assert len(items[424_242]) > 0


# --- with no ranker published ----------------------------------------------------------------------------------------


def test_with_no_ranker_published_reads_are_followed_all_the_same(alice: User) -> None:
    papers = plant_papers(40)
    record(alice, papers[3], "save")
    assert fields(best(alice, papers, 5)) == ["galaxies"] * 5


def test_with_no_ranker_new_papers_may_arrive_between_two_lists(alice: User) -> None:
    papers = plant_papers(12)
    record(alice, make_paper("speech withdrawn since", status="withdrawn"), "save")
    assert len(best(alice, papers, 5)) == 5
    papers += plant_papers(12, seed=9)
    assert len(best(alice, papers, 5)) == 5


def test_one_paper_with_a_title_only(charlie: User) -> None:
    (item,) = best(charlie, [make_paper("On R")])
    assert np.isfinite(item.score)
    assert item.reason == {"kind": "new"}


# --- cold readers ----------------------------------------------------------------------------------------------------


@pytest.fixture(params=["untrained", "trained"])
def catalogue(request: pytest.FixtureRequest) -> list[Paper]:
    """Papers of four fields, each in its topic, with and without a published ranker."""
    if request.param == "trained":
        old = plant_papers(80)
        plant_reads(plant_readers(24), old)
        train()
    papers = plant_papers(24, start=NOW - 24 * DAY, seed=5)
    for paper in papers:
        paper.topics.add(make_topic(field_of(paper)))
    return papers


def test_topics_alone_make_a_first_list(catalogue: list[Paper], charlie: User) -> None:
    topic = make_topic("proteins")
    Interest.objects.create(user=charlie).topics.add(topic)
    items = best(charlie, catalogue, 5)
    assert fields(items) == ["proteins"] * 5
    assert {tuple(item.reason.items()) for item in items} == {(("kind", "topic"), ("topic", topic.pk))}


def test_a_sentence_alone_makes_a_first_list(catalogue: list[Paper], charlie: User) -> None:
    sentence = "I study galaxies, galaxiesword1 to galaxiesword7"
    Interest.objects.create(user=charlie, sentences=[sentence])
    items = best(charlie, catalogue, 4)
    assert fields(items) == ["galaxies"] * 4
    assert items[0].reason == {"kind": "interest", "text": sentence}


def test_an_imported_library_alone_makes_a_first_list(catalogue: list[Paper], charlie: User) -> None:
    for number in range(3):
        paper = make_paper(f"robots robotsword{number} robotsword{number + 1}", announcement="unknown")
        record(charlie, paper, "import", source="import")
    items = best(charlie, catalogue, 4)
    assert fields(items) == ["robots"] * 4
    assert items[0].reason["kind"] == "read"


def test_a_reader_of_whom_nothing_is_known_gets_what_is_noticed_and_new(catalogue: list[Paper], charlie: User) -> None:
    noticed, newest = catalogue[0], catalogue[-1]
    Paper.objects.filter(pk=noticed.pk).update(upvotes=50)
    items = best(charlie, catalogue, 8)
    assert items[0].paper_id == noticed.pk
    assert items[0].reason == {"kind": "trending"}
    assert newest.pk in {item.paper_id for item in items[1:4]}
    assert items[1].reason == {"kind": "new"}


def test_followed_authors_come_first_even_before_the_readers_field(catalogue: list[Paper], alice: User) -> None:
    for paper in Paper.objects.filter(title__startswith="speech")[:3]:
        record(alice, paper, "save")
    by_ada = make_paper("On something else entirely", authors=["Ada Lovelace", "Bo"], published_at=NOW - 6 * DAY)
    ada = Author.objects.get(name="Ada Lovelace")
    Interest.objects.create(user=alice).authors.add(ada)
    items = best(alice, [*catalogue, by_ada], 5)
    assert items[0].paper_id == by_ada.pk
    assert items[0].reason == {"kind": "author", "author": ada.pk}


# --- what speaks for and against -------------------------------------------------------------------------------------


def test_a_reader_of_two_fields_nine_to_one_gets_both(trained: list[Paper], alice: User) -> None:
    for paper in Paper.objects.filter(title__startswith="speech").order_by("pk")[:18]:
        record(alice, paper, "save")
    for paper in Paper.objects.filter(title__startswith="robots").order_by("pk")[:2]:
        record(alice, paper, "save")
    found = fields(best(alice, trained, 10))
    assert found.count("speech") >= 3
    assert found.count("robots") >= 2


@pytest.mark.parametrize("kind", ["less", "dismiss"])
def test_what_a_reader_wants_less_of_pushes_away_what_is_like_it(trained: list[Paper], alice: User, kind: str) -> None:
    record(alice, old_paper("speech"), "save")
    record(alice, old_paper("robots"), "save")
    before = fields(best(alice, trained, 10))
    assert before.count("robots") >= 2
    for paper in Paper.objects.filter(title__startswith="robots").order_by("-pk")[6:9]:
        record(alice, paper, kind)
    after = fields(best(alice, trained, 10))
    assert after.count("robots") < before.count("robots")
    assert after[:4].count("speech") >= 3


def test_a_reason_is_true(trained: list[Paper], alice: User) -> None:
    """Without the read paper that is named a recommended one falls further than without any other."""
    libraries = [old_paper("speech"), old_paper("robots"), old_paper("galaxies")]
    for paper in libraries:
        record(alice, paper, "save")
    full = {item.paper_id: item for item in best(alice, trained, 20)}
    named = [item for item in full.values() if item.reason["kind"] == "read"]
    assert len(named) >= 10
    falls: dict[int, dict[int, float]] = {}
    for gone in libraries:
        Interaction.objects.filter(user=alice, paper=gone).delete()
        without = {item.paper_id: item.score for item in best(alice, trained, 20, exclude={alice.pk: {gone.pk}})}
        record(alice, gone, "save")
        for item in named:
            falls.setdefault(item.paper_id, {})[gone.pk] = item.score / without[item.paper_id]
    for item in named:
        fall = falls[item.paper_id]
        assert max(fall, key=fall.__getitem__) == item.reason["paper"]
        assert fall[item.reason["paper"]] > 1


def test_every_reason_can_be_told_in_a_sentence(trained: list[Paper], alice: User) -> None:
    record(alice, old_paper("speech"), "save")
    sentences = describe([item.reason for item in best(alice, trained, 20)])
    assert all(sentences)
    assert sentences[0].startswith("because you read “speech")


def test_an_old_read_says_less_than_a_new_one(trained: list[Paper], alice: User) -> None:
    record(alice, old_paper("speech"), "save", at=NOW - 3000 * DAY)
    record(alice, old_paper("robots"), "save", at=NOW)
    assert fields(best(alice, trained, 2)) == ["robots"] * 2
    Interaction.objects.filter(paper=old_paper("speech")).update(at=NOW)
    Interaction.objects.filter(paper=old_paper("robots")).update(at=NOW - 3000 * DAY)
    assert fields(best(alice, trained, 2)) == ["speech"] * 2


def test_a_score_means_the_same_for_every_reader(trained: list[Paper], alice: User, bob: User) -> None:
    """Bob's field had nothing today, and his scores say so beside alice's."""
    record(alice, old_paper("speech"), "save")
    record(bob, old_paper("robots"), "save")
    speech = [paper for paper in trained if field_of(paper) == "speech"]
    lists = rank([alice.pk, bob.pk], ids(speech), 5)
    assert min(item.score for item in lists[alice.pk]) > 1.5 * max(item.score for item in lists[bob.pk])


# --- exploring -------------------------------------------------------------------------------------------------------


def test_the_place_for_exploring_is_the_last_and_marked(trained: list[Paper], alice: User, settings: Settings) -> None:
    record(alice, old_paper("speech"), "save")
    plain = best(alice, trained, 5)
    settings.EXPLORATION = 1.0
    explored = best(alice, trained, 5)
    assert [item.paper_id for item in explored[:4]] == [item.paper_id for item in plain[:4]]
    assert [item.arm for item in explored] == ["", "", "", "", EXPLORED]
    assert explored[4].paper_id not in {item.paper_id for item in plain}
    assert {item.arm for item in plain} == {""}


def test_another_day_explores_another_paper_and_the_same_day_the_same_whoever_else_is_ranked(
    trained: list[Paper], alice: User, bob: User, settings: Settings
) -> None:
    settings.EXPLORATION = 1.0
    days = [NOW + number * DAY for number in range(6)]
    lasts = [best(alice, trained, 5, at=day)[-1].paper_id for day in days]
    again = [rank([bob.pk, alice.pk], ids(trained), 5, at=day)[alice.pk][-1].paper_id for day in days]
    assert again == lasts
    assert len(set(lasts)) > 2


# --- other versions, and cost ----------------------------------------------------------------------------------------


def test_another_version_can_be_asked_and_a_missing_one_is_told(trained: list[Paper], alice: User) -> None:
    record(alice, old_paper("speech"), "save")
    with time_machine.travel(NOW + DAY):
        first = train(publish=False).version
    assert fields(best(alice, trained, 3, version=first.name)) == ["speech"] * 3
    with pytest.raises(ArtifactError, match="nothing-here"):
        best(alice, trained, 3, version="nothing-here")


def queries(readers: list[int], papers: list[int]) -> int:
    with CaptureQueriesContext(
        connection,
    ) as captured:
        rank(readers, papers, 10)
    return len(captured)


def test_a_call_costs_the_same_queries_for_one_and_twenty_readers_and_papers(trained: list[Paper]) -> None:
    readers = [reader.pk for reader in User.objects.order_by("pk")[:20]]
    topic, author = make_topic("speech"), Author.objects.create(name="Ada Lovelace")
    for pk in readers:
        interest = Interest.objects.create(user_id=pk, sentences=["speech"], muted_words=["quantum"])
        interest.topics.add(topic)
        interest.authors.add(author)
    queries(readers, ids(trained))  # the words of new papers are read once a process
    costs = {queries(readers[:n], ids(trained)[:m]) for n in (1, 20) for m in (1, 20)}
    assert len(costs) == 1
    assert costs.pop() <= 16


def test_a_page_costs_the_same_queries_with_no_ranker_published(alice: User, bob: User) -> None:
    papers = ids(plant_papers(20))
    queries([alice.pk], papers)
    assert len({queries(readers, papers[:m]) for readers in ([alice.pk], [alice.pk, bob.pk]) for m in (1, 20)}) == 1


def test_vectors_count_where_there_are_some(alice: User, caplog: pytest.LogCaptureFixture) -> None:
    """Papers whose words say nothing are placed by their vectors, with a ranker and without."""
    papers = plant_papers(40)
    plant_vectors(papers)
    Paper.objects.update(abstract="")
    for paper in papers:
        Paper.objects.filter(pk=paper.pk).update(title=f"{paper.title.split()[0]}{paper.pk}")
    record(alice, papers[2], "save")
    expected = {paper.pk for paper in papers if field_of(paper) == "proteins"}
    with caplog.at_level(logging.ERROR):
        assert {item.paper_id for item in best(alice, papers, 5)} <= expected
        train()
        assert {item.paper_id for item in best(alice, papers, 5)} <= expected
    assert not caplog.records
