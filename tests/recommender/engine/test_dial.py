"""The dial: at one end what a reader's own papers are like, at the other what others like them read."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from recommender.engine.papers import Readers
from recommender.engine.ranker import Ranker
from tests.recommender.engine.worlds import field_papers, likings

LIBRARY = field_papers(200, 4)
NEW = field_papers(80, 4, seed=9, first_id=1000)


@pytest.fixture(scope="module")
def ranker() -> Ranker:
    """Whoever reads field 0 reads field 1 as well, and whoever reads 2 reads 3; no two fields share a word."""
    rng = np.random.default_rng(0)
    rows = np.repeat(np.arange(300), 10)
    columns = rng.integers(0, 50, len(rows)) * 4 + rows % 2 * 2 + rng.integers(0, 2, len(rows))
    read = sp.csr_matrix((np.ones(len(rows), np.float32), (rows, columns)), (300, 200))
    read.data[:] = 1
    return Ranker(dim=32, n_models=1, epochs=20).fit(LIBRARY, read)


def scores(ranker: Ranker, dial: float | None) -> np.ndarray:
    """Of a reader of three papers of field 0."""
    reader = Readers.of_likings(likings(200, {0: 1.0, 4: 1.0, 8: 1.0}), LIBRARY)
    turned = None if dial is None else np.array([dial], np.float32)
    return ranker.score(reader, LIBRARY, NEW, dial=turned)[0]


def brought_by_others(ranker: Ranker, dial: float | None) -> float:
    """How far field 1, which others read with field 0, stands above field 2, which they do not."""
    found = scores(ranker, dial)
    return float(found[1::4].mean() - found[2::4].mean())


def test_others_bring_the_field_that_they_read_with_the_readers_own(ranker: Ranker) -> None:
    assert brought_by_others(ranker, 1.0) > 4 * brought_by_others(ranker, 0.0)
    assert brought_by_others(ranker, 1.0) > 1


def test_the_readers_own_field_is_best_at_either_end(ranker: Ranker) -> None:
    for dial in (0.0, 1.0):
        assert (np.argsort(-scores(ranker, dial))[:10] % 4 == 0).all()


def test_turning_it_goes_from_one_end_to_the_other_through_what_was_learnt(ranker: Ranker) -> None:
    brought = [brought_by_others(ranker, dial) for dial in (0.0, 0.25, 0.5, 0.75, 1.0)]
    assert brought == sorted(brought)
    assert scores(ranker, 0.5) == pytest.approx(scores(ranker, None), abs=1e-3)


def test_each_reader_turns_their_own(ranker: Ranker) -> None:
    reader = likings(200, {0: 1.0, 4: 1.0, 8: 1.0})
    both = Readers.of_likings(sp.vstack([reader, reader], format="csr"), LIBRARY)
    turned = ranker.score(both, LIBRARY, NEW, dial=np.array([0.0, 1.0], np.float32))
    for row, dial in enumerate((0.0, 1.0)):
        alone = ranker.score(both.take(np.array([row])), LIBRARY, NEW, dial=np.array([dial], np.float32))
        assert turned[row] == pytest.approx(alone[0], abs=1e-3)


def test_a_reader_of_nothing_may_turn_it_too(ranker: Ranker) -> None:
    nobody = Readers.of_likings(likings(200, {}), LIBRARY)
    assert np.isfinite(ranker.score(nobody, LIBRARY, NEW, dial=np.ones(1, np.float32))).all()
