"""How much each part of the score counts: learnt on papers held out while they were new, or given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

# Where too little is known to learn. Parts are in standard deviations of the reader's own scores.
PRIOR = {"content": 1.0, "nearest": 1.0, "lexical": 1.0, "collaborative": 0.2}


class Fusion:
    """A weighted sum of parts. The weights maximise the chance that the paper a reader took is chosen among papers they
    did not take (a softmax over the list, as ListNet, Cao et al., 2007), held near PRIOR by `pull` and never negative.

    After `fit`: weights_ by part's name, n_lists_ it was learnt from.
    """

    def __init__(self, *, pull: float = 20.0) -> None:
        self.pull = pull

    def fit(
        self, names: Sequence[str], lists: Sequence[NDArray[np.float32]], taken: Sequence[NDArray[np.bool_]]
    ) -> Fusion:
        """`lists` holds a (n_papers, n_parts) matrix for each reader, `taken` which of those papers the reader took."""
        prior = np.array([PRIOR[name] for name in names])
        pairs = [(x[hit], x[~hit]) for x, hit in zip(lists, taken, strict=True) if hit.any() and not hit.all()]
        self.n_lists_ = len(pairs)

        def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
            total = 0.5 * self.pull * float(((weights - prior) ** 2).sum())
            slope = self.pull * (weights - prior)
            for positives, negatives in pairs:
                for positive in positives:
                    against = np.vstack([positive[None], negatives])
                    scores = against @ weights
                    chance = np.exp(scores - scores.max())
                    chance /= chance.sum()
                    total -= float(np.log(chance[0] + 1e-30)) / len(positives)
                    slope = slope - (positive - chance @ against) / len(positives)
            return total, slope

        found = minimize(loss, prior, jac=True, method="L-BFGS-B", bounds=[(0.0, None)] * len(prior))
        self.weights_: Mapping[str, float] = dict(zip(names, map(float, found.x), strict=True))
        return self
