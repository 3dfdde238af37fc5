"""The greatest few of many, for many readers at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def top_columns(values: NDArray[np.float32], k: int, tie_break: NDArray[np.int64] | None = None) -> NDArray[np.int64]:
    """(n, min(k, m)) columns by falling value, equal values by falling `tie_break` (m,), or by column; -1 in place of
    what is -inf."""
    n, m = values.shape
    k = min(k, m)
    out = np.full((n, k), -1, np.int64)
    if not k or not n:
        return out
    rows, columns = np.nonzero(values >= _least(values, k)[:, None])
    found = values[rows, columns]
    order = np.lexsort((columns if tie_break is None else -tie_break[columns], -found, rows))
    rows, columns, found = rows[order], columns[order], found[order]
    place = np.arange(len(rows)) - np.searchsorted(rows, np.arange(n))[rows]
    wanted = (place < k) & ~np.isneginf(found)
    out[rows[wanted], place[wanted]] = columns[wanted]
    return out


def _least(values: NDArray[np.float32], k: int) -> NDArray[np.float32]:
    """(n,) a bound that at least k values of each row reach, and few more do.

    The k-th greatest of the maxima of small groups of columns is one. It takes a pass over the values at the speed of
    memory; partitioning whole rows takes five times as long.
    """
    n, m = values.shape
    size = m // (4 * k)
    if size < 2:
        return np.asarray(np.partition(values, m - k, axis=1)[:, m - k])
    whole = m // size * size
    maxima = np.hstack([values[:, :whole].reshape(n, -1, size).max(axis=2), values[:, whole:]])
    place = maxima.shape[1] - k
    return np.asarray(np.partition(maxima, place, axis=1)[:, place])
