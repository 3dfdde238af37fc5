"""The greatest few of many, for many readers at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def top_columns(values: NDArray[np.float32], k: int, tie_break: NDArray[np.int64] | None = None) -> NDArray[np.int64]:
    """(n, min(k, m)) columns by falling value, equal values by falling `tie_break` (m,), or by column; -1 in place of
    what is -inf."""
    n, m = values.shape
    k = min(k, m)
    if not k or not n:
        return np.full((n, k), -1, np.int64)
    rows, columns = np.divmod(np.flatnonzero(values >= _least(values, k)[:, None]), m)
    # Each row's few side by side, then sorted row by row: a third of the time that sorting all at once takes.
    place = np.arange(len(rows)) - np.searchsorted(rows, np.arange(n))[rows]
    shape = (n, place.max() + 1)
    falling, ties, column = np.full(shape, np.inf, values.dtype), np.zeros(shape, np.int64), np.full(shape, -1)
    falling[rows, place] = -values[rows, columns]
    ties[rows, place] = columns if tie_break is None else -tie_break[columns]
    column[rows, place] = columns
    order = np.lexsort((ties, falling), axis=1)[:, :k]
    return np.where(np.isposinf(np.take_along_axis(falling, order, 1)), -1, np.take_along_axis(column, order, 1))


def _least(values: NDArray[np.float32], k: int) -> NDArray[np.float32]:
    """(n,) a bound that at least k values of each row reach, and few more do.

    The k-th greatest of the maxima of small groups of columns is one. It takes a pass over the values at the speed of
    memory, where the columns of a group stand far apart; partitioning whole rows takes five times as long.
    """
    n, m = values.shape
    size = m // (4 * k)
    if size < 2:
        return np.asarray(np.partition(values, m - k, axis=1)[:, m - k])
    whole = m // size * size
    maxima = np.hstack([values[:, :whole].reshape(n, size, -1).max(axis=1), values[:, whole:]])
    place = maxima.shape[1] - k
    return np.asarray(np.partition(maxima, place, axis=1)[:, place])
