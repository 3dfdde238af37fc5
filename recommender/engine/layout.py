"""Many dimensions on a page: near what is alike, and no dot upon another."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

ROUNDS = 60  # of pushing apart: enough for 150 dots, four milliseconds
STEP = 0.5


def lay_out(vectors: NDArray[np.float32], apart: float) -> NDArray[np.float64]:
    """(n, 2) places in [0, 1] for the rows of `vectors` (n, dim): the two principal components, each half by value and
    half by rank, so that a crowd in the middle spreads out; then dots nearer than `apart` push each other away."""
    n = len(vectors)
    if n == 0:
        return np.zeros((0, 2))
    centred = np.asarray(vectors, np.float64) - vectors.mean(axis=0)
    left, lengths, _ = np.linalg.svd(centred, full_matrices=False)
    components = np.zeros((n, 2))
    width = min(2, left.shape[1])
    components[:, :width] = (left * lengths)[:, :width]
    # The sign of a component is arbitrary: the greatest counts as positive, so that a page looks the same every time.
    components *= np.where(components[np.abs(components).argmax(axis=0), [0, 1]] < 0, -1, 1)
    spread = np.ptp(components, axis=0)
    by_value = (components - components.min(axis=0)) / np.where(spread > 1e-9, spread, 1)
    by_rank = components.argsort(axis=0, kind="stable").argsort(axis=0) / max(n - 1, 1)
    return _pushed_apart((by_value + by_rank) / 2, apart)


def _pushed_apart(places: NDArray[np.float64], apart: float) -> NDArray[np.float64]:
    for _ in range(ROUNDS):
        steps = places[:, None] - places[None]
        distances = np.linalg.norm(steps, axis=2)
        np.fill_diagonal(distances, np.inf)
        if distances.min(initial=np.inf) >= apart:
            break
        push = np.maximum(apart - distances, 0) / np.maximum(distances, 1e-6) * STEP
        places = np.clip(places + (steps * push[:, :, None]).sum(axis=1) / 2, 0, 1)
    return places
