"""Short sparse rows multiplied as dense ones."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from recommender.engine import padded
from recommender.engine.padded import gather, groups, product


def some_matrix(lengths: list[int], n_columns: int = 50) -> sp.csr_matrix:
    rng = np.random.default_rng(0)
    rows = np.repeat(np.arange(len(lengths)), lengths)
    columns = np.concatenate([rng.permutation(n_columns)[:length] for length in lengths] or [[]])
    values = rng.random(len(rows)).astype(np.float32)
    return sp.csr_matrix((values, (rows, columns.astype(int))), (len(lengths), n_columns), dtype=np.float32)


@pytest.mark.parametrize("lengths", [[], [0], [3], [0, 1, 50, 2, 0, 7, 7]])
@pytest.mark.parametrize("at_once", [1, 10, 4096])
def test_it_is_the_matrix_product(lengths: list[int], at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(padded, "MOST_AT_ONCE", at_once)
    matrix, vectors = some_matrix(lengths), np.random.default_rng(1).random((50, 6)).astype(np.float32)
    found = product(len(lengths), 6, gather(matrix, vectors))
    assert found == pytest.approx(matrix @ vectors, abs=1e-5)
    assert found.dtype == np.float32


def test_every_row_that_holds_anything_is_in_one_group() -> None:
    lengths = np.random.default_rng(2).integers(0, 300, 500)
    found = np.concatenate(groups(lengths))
    assert sorted(found) == np.flatnonzero(lengths).tolist()


def test_one_long_row_does_not_fill_up_the_short_ones() -> None:
    """A reader of a hundred thousand papers costs their own papers, not a hundred thousand for each of the others."""
    lengths = np.array([100_000] + [3] * 500)
    filled = sum(len(some) * lengths[some].max() for some in groups(lengths))
    assert filled < 2 * lengths.sum()
