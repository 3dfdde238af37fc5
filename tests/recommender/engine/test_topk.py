"""The greatest few, with ties broken alike on every machine."""

from __future__ import annotations

import numpy as np
import pytest

from recommender.engine.topk import top_columns

INF = np.inf


def test_the_greatest_come_first() -> None:
    values = np.array([[1, 9, 5], [7, 2, 3]], np.float32)
    assert top_columns(values, 2).tolist() == [[1, 2], [0, 2]]


def test_equal_values_stand_by_column_or_by_what_breaks_the_tie() -> None:
    values = np.array([[5, 5, 5, 1]], np.float32)
    assert top_columns(values, 2).tolist() == [[0, 1]]
    assert top_columns(values, 2, np.array([10, 30, 20, 99])).tolist() == [[1, 2]]


def test_what_is_barred_is_never_filled_in() -> None:
    values = np.array([[-INF, 3, -INF], [-INF, -INF, -INF]], np.float32)
    assert top_columns(values, 3).tolist() == [[1, -1, -1], [-1, -1, -1]]


def test_fewer_columns_than_asked_for_give_fewer() -> None:
    assert top_columns(np.array([[1, 2]], np.float32), 10).tolist() == [[1, 0]]
    assert top_columns(np.zeros((3, 0), np.float32), 10).shape == (3, 0)
    assert top_columns(np.zeros((0, 3), np.float32), 2).shape == (0, 2)
    assert top_columns(np.zeros((2, 3), np.float32), 0).shape == (2, 0)


@pytest.mark.parametrize("m", [7, 100, 1003])
@pytest.mark.parametrize("k", [1, 10, 50])
def test_it_is_what_sorting_everything_gives(m: int, k: int) -> None:
    rng = np.random.default_rng(m + k)
    values = rng.integers(0, 20, (30, m)).astype(np.float32)  # few values: many ties
    values[rng.random(values.shape) < 0.3] = -INF
    tie_break = rng.permutation(m)
    for row, found in zip(values, top_columns(values, k, tie_break), strict=True):
        expected = [column for column in np.lexsort((-tie_break, -row)) if row[column] > -INF][:k]
        assert found[found >= 0].tolist() == expected
