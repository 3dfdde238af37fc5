"""Papers found by what a query means: what shares readers with its words, and nothing that lies far off."""

from __future__ import annotations

import pytest

from papers.models import Paper
from recommender.engine.ranker import Ranker
from recommender.meaning import near_text
from recommender.search import search_papers
from recommender.training import train
from tests.factories import make_paper
from tests.recommender.planted import NOW, field_of, plant_papers, plant_readers, plant_reads

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("artifacts")]


@pytest.fixture
def papers(monkeypatch: pytest.MonkeyPatch) -> list[Paper]:
    """Robots' readers read of automata as well, in papers that share no word with the others."""
    assert Ranker.__init__.__kwdefaults__
    monkeypatch.setitem(Ranker.__init__.__kwdefaults__, "epochs", 80)  # a step an epoch: so few readers
    papers = plant_papers(120)
    plant_reads(plant_readers(240), papers, each=8)
    for number, paper in enumerate(paper for paper in papers if field_of(paper) == "robots"):
        if number % 3 == 0:
            paper.title = f"Automata {number % 4} of clockwork"
            paper.save()
    return papers


def of_robots(paper: Paper) -> bool:
    return paper.title.startswith(("robots", "Automata"))


def test_papers_without_a_word_of_the_query_are_found_by_their_readers(papers: list[Paper]) -> None:
    assert all(paper.title.startswith("Automata") for paper in search_papers("clockwork automata"))
    train()
    found = search_papers("clockwork automata", 30)
    assert found[0].title.startswith("Automata")
    by_meaning = [paper for paper in found if not paper.title.startswith("Automata")]
    assert len(by_meaning) > 5
    assert all(of_robots(paper) for paper in by_meaning)


def test_a_paper_newer_than_the_ranker_is_found_as_well(papers: list[Paper]) -> None:
    train()
    new = make_paper("robots robotsword1 robotsword2 robotsword3", published_at=NOW)
    assert new.pk in near_text("clockwork automata")


def test_words_that_nobody_knows_mean_nothing(papers: list[Paper]) -> None:
    train()
    queries = ("", "unheard", "the of and", "\x00", "❄")
    assert [query for query in queries if near_text(query)] == []


def test_nothing_is_near_while_no_ranker_is_published(papers: list[Paper]) -> None:
    assert near_text("clockwork automata") == []
