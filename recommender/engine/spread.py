"""A few that stand for many."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def well_spread(vectors: NDArray[np.float32], k: int) -> list[int]:
    """Up to k rows of `vectors` (n, dim), of length one: the first, then each time the one farthest from all taken
    (Gonzalez, 1985), the earlier of two. Rows that are the same as one taken are left out."""
    taken: list[int] = []
    nearest = np.full(len(vectors), -np.inf, np.float32)
    while len(taken) < min(k, len(vectors)):
        row = int(nearest.argmin())
        if nearest[row] > 0.999:
            break
        taken.append(row)
        nearest = np.maximum(nearest, vectors @ vectors[row])
        nearest[row] = np.inf
    return taken
