"""Choosing a list: the best papers that are not the same paper over again."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Above this cosine two papers say the same.
NEAR_DUPLICATE = 0.97


def diversified(
    scores: NDArray[np.float32], shortlist: NDArray[np.int64], likeness: NDArray[np.float32], k: int, diversity: float
) -> NDArray[np.int64]:
    """(n, k) columns, best first, -1 where nothing is left: maximal marginal relevance (Carbonell, Goldstein, 1998).

    `shortlist` (n, s) holds each reader's columns, best first, -1 at its end; `scores` (n, s) theirs. Each step takes
    the paper of the greatest score - diversity * (greatest cosine to a paper already taken); near-duplicates of one
    are never taken. `likeness` (m, m) holds the cosines.
    """
    n, size = shortlist.shape
    out = np.full((n, k), -1, np.int64)
    if not n or not size:
        return out
    value = np.where(shortlist >= 0, scores, -np.inf).astype(np.float32)
    nearest = np.zeros((n, size), np.float32)
    readers = np.arange(n)
    columns = np.maximum(shortlist, 0)
    flat = likeness.reshape(-1)  # one index is looked up twice as fast as two
    for place in range(min(k, size)):
        current = value - diversity * nearest
        best = current.argmax(axis=1)
        possible = np.isfinite(current[readers, best])
        out[possible, place] = shortlist[readers, best][possible]
        value[readers, best] = -np.inf
        cosine = flat[columns[readers, best][:, None] * len(likeness) + columns]
        nearest = np.maximum(nearest, cosine)
        value[cosine > NEAR_DUPLICATE] = -np.inf
    return out
