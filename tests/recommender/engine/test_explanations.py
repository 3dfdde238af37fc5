"""The paper that is named is the one that speaks loudest, not one beside it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from recommender.engine.papers import Papers, Readers
from recommender.engine.parts import Comparison
from recommender.engine.ranker import Ranker
from tests.recommender.engine.worlds import field_papers, field_readers, likings

FIELDS = 5
LIBRARY = field_papers(150, FIELDS)
NEW = field_papers(50, FIELDS, seed=4, first_id=1000)


@pytest.fixture(scope="module", params=[40, 250], ids=["from text", "learnt"])
def ranker(request: pytest.FixtureRequest) -> Ranker:
    return Ranker(dim=24, n_models=2).fit(LIBRARY, field_readers(request.param, 150, FIELDS))


def reads(seed: int) -> dict[int, float]:
    """One or two papers of every field, liked to different degrees."""
    rng = np.random.default_rng(seed)
    return {int(column): float(rng.uniform(0.3, 1)) for column in rng.choice(20, 8, replace=False)}


def reader_of(reads: dict[int, float], papers: Papers = LIBRARY) -> Readers:
    return Readers.of_likings(likings(len(papers), reads), papers)


@pytest.mark.parametrize("seed", range(5))
def test_a_named_paper_is_of_the_field_of_what_it_explains(ranker: Ranker, seed: int) -> None:
    mine = reads(seed)
    fields = {column % FIELDS for column in mine}
    (items,) = ranker.rank(reader_of(mine), LIBRARY, NEW, 10)
    explained = [item for item in items if item.column % FIELDS in fields]
    assert len(explained) >= 8
    for item in explained:
        assert (item.part, item.source % FIELDS) == ("read", item.column % FIELDS)
        assert item.source in mine


@pytest.mark.parametrize("seed", range(5))
def test_without_the_named_paper_the_score_falls_furthest(ranker: Ranker, seed: int) -> None:
    """Of papers that say nearly as much either may be named: what is compared is how far the score falls."""
    mine = reads(seed)
    (items,) = ranker.rank(reader_of(mine), LIBRARY, NEW, 5)
    full = ranker.score(reader_of(mine), LIBRARY, NEW)[0]
    without = {
        gone: ranker.score(reader_of({c: w for c, w in mine.items() if c != gone}), LIBRARY, NEW)[0] for gone in mine
    }
    for item in items:
        falls = {gone: full[item.column] - scores[item.column] for gone, scores in without.items()}
        assert falls[item.source] > 0
        assert falls[item.source] > 0.75 * max(falls.values())


def test_weighing_a_library_keeps_its_order(ranker: Ranker) -> None:
    matrix = likings(150, {3: 0.5, 40: 1.0, 99: 0.25}, {}, {0: 1.0, 149: 1.0})
    weighed = Comparison(ranker.known_, LIBRARY, ranker.prepare(NEW)).weighed(matrix)
    assert weighed.indices.tolist() == matrix.indices.tolist()
    rarity = ranker.known_.rarity(LIBRARY)
    assert weighed.toarray() == pytest.approx(matrix.toarray() * rarity)


def test_what_many_have_read_says_less_of_one_reader(ranker: Ranker) -> None:
    rarity = ranker.known_.rarity(LIBRARY)
    order = np.argsort(ranker.known_.n_readers)
    assert (np.diff(rarity[order]) <= 0).all()
    assert 0 < rarity.min() < rarity.max() <= 1


def test_where_nothing_of_the_readers_own_speaks_the_reason_is_what_speaks_for_everybody(ranker: Ranker) -> None:
    (items,) = ranker.rank(reader_of({}), LIBRARY, NEW, 10)
    assert {(item.part, item.source) for item in items} == {("recency", -1)}


def test_what_hardly_speaks_for_a_paper_is_not_named_as_its_reason(ranker: Ranker) -> None:
    """A reader of one field whose list must be filled from the others."""
    votes = np.zeros(50, np.float32)
    votes[1] = 20
    papers = replace(NEW, votes=votes, published=np.full(50, 100.0))
    (items,) = ranker.rank(reader_of({0: 1.0, 5: 1.0}), LIBRARY, papers, 50, at_day=101.0)
    assert len(items) == 50
    reasons = {item.column: item.part for item in items}
    assert {reasons[column] for column in range(0, 50, FIELDS)} == {"read"}
    assert reasons[1] == "popularity"
    unrelated = [reasons[column] for column in range(50) if column % FIELDS and column != 1]
    assert unrelated.count("recency") > 0.7 * len(unrelated)  # a learnt place may have a little of another field
