"""The learnt projection and the other parts, against arithmetic by hand or a world with a known answer."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from recommender.engine.collaborative import Collaborative
from recommender.engine.parts import coreads_of, of_length_one
from recommender.engine.projection import Projection
from tests.recommender.engine.worlds import field_papers, field_readers, likings


def test_the_projection_learns_that_two_vocabularies_are_one_field() -> None:
    """Readers of field 0 also read field 1, whose papers share no word with it; those of 2 read 3."""
    papers = field_papers(400, 4)
    rng = np.random.default_rng(0)
    rows = np.repeat(np.arange(300), 10)
    pair = (rows % 2) * 2
    columns = rng.integers(0, 100, len(rows)) * 4 + pair + rng.integers(0, 2, len(rows))
    read = sp.csr_matrix((np.ones(len(rows), np.float32), (rows, columns)), (300, 400))
    read.data[:] = 1
    new = field_papers(40, 4, seed=9, first_id=1000)
    before = Projection(32).start(papers).transform(new)
    after = Projection(32, n_models=2, epochs=12, batch_size=64).fit(papers, read).transform(new)
    assert np.linalg.norm(after, axis=1) == pytest.approx(np.ones(40))

    def likeness(vectors: np.ndarray, left: int, right: int) -> float:
        return float((vectors[left::4] @ vectors[right::4].T).mean())

    assert likeness(before, 0, 1) < 0.2
    assert likeness(after, 0, 1) > likeness(after, 0, 2) + 0.4
    assert likeness(after, 2, 3) > likeness(after, 2, 1) + 0.4


def test_the_same_seed_learns_the_same_and_another_seed_another() -> None:
    papers, read = field_papers(60, 3), field_readers(40, 60, 3)
    first, again, other = (
        Projection(16, n_models=1, epochs=2, random_state=seed).fit(papers, read).transform(papers)
        for seed in (1, 1, 2)
    )
    assert np.array_equal(first, again)
    assert not np.allclose(first, other)


def test_learning_leaves_the_random_numbers_of_its_caller_alone() -> None:
    import torch

    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    Projection(8, n_models=1, epochs=1).fit(field_papers(30, 3), field_readers(20, 30, 3))
    assert torch.equal(torch.rand(3), expected)


def test_without_readers_or_words_the_projection_starts_from_what_there_is() -> None:
    papers = field_papers(20, 2, dense=4)
    assert not Projection().fit(papers, sp.csr_matrix((0, 20), dtype=np.float32)).is_learnt_
    assert not Projection().fit(papers, likings(20, {3: 1.0})).is_learnt_
    one = Projection().start(papers.take(np.array([0]))).transform(papers)
    assert one.shape[0] == 20
    assert np.isfinite(one).all()
    with pytest.raises(ValueError, match="columns"):
        Projection().fit(papers, sp.csr_matrix((20, 7), dtype=np.float32))


# --- factors ---------------------------------------------------------------------------------------------------------


def test_a_folded_in_reader_gets_the_place_of_one_trained_on() -> None:
    read = field_readers(60, 90, 3, each=10)
    model = Collaborative(8, iterations=30).fit(read)
    folded = model.fold_in(read, model.item_factors_)
    assert np.abs(folded - model.user_factors_).max() < 0.05 * np.abs(model.user_factors_).max()
    scores = folded[:3] @ model.item_factors_.T
    for reader in range(3):
        assert (np.argsort(-scores[reader])[:10] % 3 == reader).all()


def test_papers_the_model_never_saw_do_no_harm() -> None:
    """implicit itself reads past the end of its factors here, and may end the process."""
    model = Collaborative(4).fit(field_readers(20, 30, 2))
    more = sp.csr_matrix((np.ones(2, np.float32), ([0, 0], [3, 41])), (2, 42))
    factors = np.vstack([model.item_factors_, np.zeros((12, 4), np.float32)])
    folded = model.fold_in(more, factors)
    assert np.isfinite(folded).all()
    assert not folded[1].any()
    with pytest.raises(ValueError, match="42 columns"):
        model.fold_in(more, model.item_factors_)


@pytest.mark.parametrize("weight", [-1.0, 0.0, np.nan, np.inf])
def test_weights_that_are_not_likings_are_refused(weight: float) -> None:
    matrix = sp.csr_matrix((np.array([weight], np.float32), ([0], [0])), (2, 3))
    with pytest.raises(ValueError, match="positive, finite"):
        Collaborative().fit(matrix)


def test_coreads_are_cosines_of_columns_the_greatest_kept() -> None:
    read = likings(3, {0: 1, 1: 1}, {0: 1, 1: 1, 2: 1}, {2: 1})
    both, one = 2 / np.sqrt(2 * 2), 1 / np.sqrt(2 * 2)
    assert coreads_of(read).toarray() == pytest.approx(np.array([[0, both, one], [both, 0, one], [one, one, 0]]))
    assert coreads_of(read, k=1).toarray()[0].tolist() == pytest.approx([0, both, 0])
    assert coreads_of(sp.csr_matrix((0, 0), dtype=np.float32)).shape == (0, 0)


def test_rows_of_length_one_leave_empty_rows_alone() -> None:
    assert of_length_one(likings(2, {0: 3, 1: 4}, {})).toarray() == pytest.approx(np.array([[0.6, 0.8], [0, 0]]))
