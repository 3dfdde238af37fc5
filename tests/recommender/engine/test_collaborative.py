"""implicit behind its guard: what crashed it, padded it or trained it on nonsense does so no more."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from recommender.engine.collaborative import Collaborative
from recommender.engine.encoder import normalised
from recommender.engine.papers import Readers
from recommender.engine.ranker import Ranker
from tests.recommender.engine.worlds import field_papers, field_readers, likings

PAPERS = field_papers(180, 6)
LIKINGS = field_readers(90, 180, 6, each=8)  # reader and paper of one field: their numbers are alike modulo 6


def read(*columns: int, n_papers: int = 180) -> sp.csr_matrix:
    return likings(n_papers, dict.fromkeys(columns, 1.0))


@pytest.fixture(scope="module")
def model() -> Collaborative:
    return Collaborative(16).fit(LIKINGS)


def test_readers_are_predicted_to_like_their_own_field(model: Collaborative) -> None:
    predicted = model.user_factors_ @ model.item_factors_.T
    predicted[LIKINGS.nonzero()] = -np.inf
    read_at_all = LIKINGS.getnnz(axis=0) > 0
    predicted[:, ~read_at_all] = -np.inf
    assert np.mean(predicted.argmax(axis=1) % 6 == np.arange(90) % 6) > 0.95


def test_shapes_are_readers_by_factors_and_papers_by_factors(model: Collaborative) -> None:
    assert model.user_factors_.shape == (90, 16)
    assert model.item_factors_.shape == (180, 16)
    assert model.user_factors_.dtype == model.item_factors_.dtype == np.float32


def test_a_folded_in_reader_stands_where_training_put_them(model: Collaborative) -> None:
    folded = model.fold_in(LIKINGS, model.item_factors_)
    cosines = (normalised(folded) * normalised(model.user_factors_)).sum(axis=1)
    assert cosines.min() > 0.95


def test_an_unseen_reader_is_folded_in_near_those_of_their_taste(model: Collaborative) -> None:
    newcomer = normalised(model.fold_in(read(*range(2, 44, 6)), model.item_factors_))
    cosines = (newcomer @ normalised(model.user_factors_).T)[0]
    own = np.arange(90) % 6 == 2
    assert cosines[own].min() > cosines[~own].max()


def test_readers_are_folded_in_alike_alone_and_together(model: Collaborative) -> None:
    together = model.fold_in(LIKINGS[:10], model.item_factors_)
    alone = np.vstack([model.fold_in(LIKINGS[[row]], model.item_factors_) for row in range(10)])
    assert together == pytest.approx(alone, abs=1e-4)


def test_papers_that_training_never_saw_say_nothing_and_crash_nothing(model: Collaborative) -> None:
    # Columns past the model's end make implicit read beyond its memory.
    wider = sp.hstack([LIKINGS[:5], np.ones((5, 1000), np.float32)], format="csr")
    factors = np.vstack([model.item_factors_, np.zeros((1000, 16), np.float32)])
    assert model.fold_in(wider, factors) == pytest.approx(model.fold_in(LIKINGS[:5], model.item_factors_), abs=1e-4)
    only_unseen = read(500, 600, n_papers=1180)
    assert model.fold_in(only_unseen, factors).tolist() == [[0.0] * 16]


def test_columns_without_factors_are_refused(model: Collaborative) -> None:
    with pytest.raises(ValueError, match="1180 columns, but factors of 180 papers"):
        model.fold_in(read(1179, n_papers=1180), model.item_factors_)


def test_a_reader_of_nothing_and_no_reader_at_all_get_zeros(model: Collaborative) -> None:
    assert model.fold_in(likings(180, {}, {1: 1.0}), model.item_factors_)[0].tolist() == [0.0] * 16
    assert model.fold_in(sp.csr_matrix((0, 180)), model.item_factors_).shape == (0, 16)


def test_papers_that_nobody_read_have_no_factors() -> None:
    fitted = Collaborative(4).fit(likings(5, dict.fromkeys([0, 1], 1.0), dict.fromkeys([0, 1, 2], 1.0)))
    assert not fitted.item_factors_[3:].any()
    assert fitted.item_factors_[:3].any(axis=1).all()


@pytest.mark.parametrize("weight", [0.0, -1.0, np.nan, np.inf])
def test_weights_that_are_not_positive_and_finite_are_refused(weight: float) -> None:
    matrix = likings(3, {0: 1.0, 1: 1.0}, {1: 1.0, 2: 1.0})
    matrix.data[1] = weight
    with pytest.raises(ValueError, match="positive, finite"):
        Collaborative(2).fit(matrix)


def test_more_factors_than_readers_or_papers_are_cut_to_what_there_is() -> None:
    assert Collaborative(64).fit(likings(3, {0: 1.0, 1: 1.0}, {1: 1.0, 2: 1.0})).item_factors_.shape == (3, 2)


def test_one_seed_gives_the_same_factors() -> None:
    one, other = (Collaborative(8, random_state=3).fit(LIKINGS) for _ in range(2))
    assert one.item_factors_ == pytest.approx(other.item_factors_, abs=1e-5)


def test_a_transposed_matrix_is_refused() -> None:
    with pytest.raises(ValueError, match="right way round"):
        Ranker().fit(PAPERS, sp.csr_matrix(LIKINGS.T))


def test_short_lists_are_not_padded_with_what_was_read() -> None:
    ranker = Ranker(dim=8, n_models=1).fit(PAPERS, LIKINGS)
    readers = Readers.of_likings(read(0, 1, 2), PAPERS)
    barred = read(0, 1, 2, n_papers=5)
    (items,) = ranker.rank(readers, PAPERS, PAPERS.take(np.arange(5)), 10, exclude=barred)
    assert sorted(item.column for item in items) == [3, 4]
    assert all(np.isfinite(item.score) and item.score > -1e30 for item in items)
