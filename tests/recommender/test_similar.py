"""Papers like a paper: with a ranker and without, newer ones too, and never what readers may not see."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from papers.models import Paper
from recommender.similar import similar_papers
from recommender.training import train
from tests.factories import make_paper
from tests.recommender.planted import DAY, NOW, field_of, plant_papers, plant_readers, plant_reads

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("artifacts")]


@pytest.fixture(params=["untrained", "trained"])
def papers(request: pytest.FixtureRequest) -> list[Paper]:
    papers = plant_papers(60)
    if request.param == "trained":
        plant_reads(plant_readers(20), papers)
        train()
    return papers


def test_similar_papers_are_of_the_same_field_and_not_the_paper_itself(papers: list[Paper]) -> None:
    for paper in papers[:4]:
        found = similar_papers(paper, 5)
        assert {field_of(other) for other in found} == {field_of(paper)}
        assert len({other.pk for other in found} - {paper.pk}) == 5


@pytest.mark.parametrize("n_papers", [1, 3])
def test_in_a_small_catalogue_each_paper_comes_once(n_papers: int) -> None:
    papers = [make_paper(f"Songs of garden birds, part {part}", published_at=NOW) for part in range(n_papers)]
    found = [paper.pk for paper in similar_papers(papers[0], 5)]
    assert sorted(found) == [paper.pk for paper in papers[1:]]


def test_the_most_alike_comes_first(papers: list[Paper]) -> None:
    twin = make_paper(papers[2].title + " revisited", published_at=NOW)  # newer than the ranker
    assert similar_papers(papers[2], 3)[0] == twin
    assert similar_papers(twin, 3)[0].pk == papers[2].pk


@pytest.mark.parametrize("status", ["hidden", "withdrawn", "pending", "embargoed"])
def test_what_readers_may_not_see_is_not_shown(papers: list[Paper], status: str) -> None:
    closest = similar_papers(papers[0], 1)[0]
    Paper.objects.filter(pk=closest.pk).update(status=status, embargoed_until=None)
    found = similar_papers(papers[0], 5)
    assert closest not in found
    assert len(found) == 5


def test_a_paper_unlike_any_other_has_none() -> None:
    plant_papers(20)
    assert similar_papers(make_paper("Untouched vocabulary"), 5) == []


@pytest.mark.parametrize("title", ["Alone", "", "the of and", "\x0b"])
def test_a_paper_alone_or_without_words_is_no_error(title: str) -> None:
    assert similar_papers(Paper.objects.create(title=title, published_at=NOW), 5) == []


def test_the_cost_does_not_grow_with_the_papers_found(papers: list[Paper]) -> None:
    similar_papers(papers[0], 1)  # a fresh process reads the ranker and the words of new papers once
    costs = []
    for k in (1, 10):
        with CaptureQueriesContext(connection) as captured:
            for paper in similar_papers(papers[0], k):
                assert paper.author_names == []
                assert list(paper.topics.all()) == []
        costs.append(len(captured))
    assert costs[0] == costs[1] <= 12


def test_a_paper_that_changed_after_training_is_compared_by_its_present_words() -> None:
    papers = plant_papers(60)
    train()
    changed = papers[0]
    changed.title = " ".join(papers[1].title.split()[:8])
    changed.updated_at = NOW + DAY
    changed.save()
    assert {field_of(other) for other in similar_papers(changed, 4)} == {field_of(papers[1])}
