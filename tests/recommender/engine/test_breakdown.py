"""A score taken apart adds up to the score, whoever reads and whatever speaks for a paper."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

from recommender.engine.breakdown import parts_of_scores
from recommender.engine.papers import Readers
from recommender.engine.ranker import FOLLOWED_TOPIC, Ranker
from tests.recommender.engine.worlds import field_papers, field_readers, likings

LIBRARY = field_papers(120, 4)
NEW = replace(
    field_papers(60, 4, seed=5, first_id=1000),
    topics=sp.csr_matrix((np.arange(60) % 4 == 3).astype(np.float32)[:, None]),
    authors=sp.csr_matrix((np.arange(60) == 17).astype(np.float32)[:, None]),
    published=np.linspace(20_000, 20_010, 60),
    votes=np.arange(60, dtype=np.float32),
)


@pytest.mark.parametrize("n_readers", [0, 49, 240])
@pytest.mark.parametrize("turned", [None, 0.0, 0.8])
@pytest.mark.parametrize("candidates", [NEW, replace(LIBRARY, topics=sp.csr_matrix((120, 1), dtype=np.float32),
                                                     authors=sp.csr_matrix((120, 1), dtype=np.float32))])  # fmt: skip
def test_the_parts_add_up_to_the_score(n_readers: int, turned: float | None, candidates: object) -> None:
    ranker = Ranker(dim=32, n_models=1).fit(LIBRARY, field_readers(n_readers, 120, 4))
    reads = likings(120, {2: 1.0, 6: 0.5, 44: 2.0}, {}, {1: 1.0, 9: -1.0}, {3: -2.0})
    one = sp.csr_matrix(np.array([[1.0], [1.0], [0.0], [0.0]], np.float32))
    readers = Readers(np.arange(4), reads, one, one)
    dial = None if turned is None else np.full(4, turned, np.float32)
    choice = {"at_day": 20_010.0, "dial": dial}
    parts = parts_of_scores(ranker, readers, LIBRARY, candidates, **choice)  # type: ignore[arg-type]
    score = ranker.score(readers, LIBRARY, candidates, **choice)  # type: ignore[arg-type]
    assert sum(parts.values()) == pytest.approx(score, rel=1e-3, abs=2e-3)


def test_each_part_speaks_for_what_it_is_called_after() -> None:
    ranker = Ranker(dim=32, n_models=1).fit(LIBRARY, field_readers(240, 120, 4))
    follows, nothing = sp.csr_matrix(np.ones((1, 1), np.float32)), sp.csr_matrix((1, 1), dtype=np.float32)
    parts = parts_of_scores(
        ranker, Readers(np.array([1]), likings(120, {2: 1.0, 9: -1.0}), follows, nothing), LIBRARY, NEW, at_day=20_010.0
    )
    assert (parts["topics"][0, 3::4] == FOLLOWED_TOPIC).all()
    assert (parts["topics"][0, 0::4] == 0).all()
    assert parts["reading"][0, 2::4].mean() > 1 > 0 > parts["reading"][0, 0::4].max()
    assert (parts["disliked"][0, 1::4] < 0).all()
    assert parts["recency"][0, -1] > parts["recency"][0, 0]
    assert not parts["authors"].any()
