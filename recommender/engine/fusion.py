"""How much each part of a score counts: found on papers and reads held out, or given where too little is known.

Parts are scaled by what is usual over many readers and papers (their mean and spread), one scale for everybody: so a
score means the same for every reader and every day.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from recommender.engine.topk import top_columns

FACTORS = (0.0, 0.5, 2.0)  # by which a weight is tried
ROUNDS = 2
DEPTH = 20
KNOTS = (0.1, 0.4, 0.7)  # quantiles of the scores of what was taken
FEWEST_TAKEN = 500  # for more than one slope
DRAWN = 100  # papers not taken that are drawn for a reader when the curve is fitted


class Fusion:
    """A weighted sum of scaled parts, and the chance that a reader takes a paper of that score.

    Starting from `prior`, whose first part stays as it is, each weight is tried at none, half and twice; what raises
    nDCG@10 + recall@20 by more than its standard error over readers is kept. (A softmax over lists, as in ListNet, was
    tried: it fits the whole list, and loses a fiftieth of nDCG@10 at its top.) Then a logistic curve is fitted to the
    scores (Platt, 1999), each paper drawn counting for all those it was drawn from. Its slope changes at a few knots,
    where enough was taken to tell: among what hardly any reader takes chances rise faster with the score than at the
    top.

    After `fit` or `start`: weights_ by part, intercept_, knots_ and slopes_ (one more) of the curve; base_rate_, the
    chance of a paper drawn at random; n_lists_, all that was learnt from.
    """

    def __init__(self, prior: Mapping[str, float], *, random_state: int = 0) -> None:
        self.prior = prior
        self.random_state = random_state

    def start(self) -> Fusion:
        """The prior, with a curve by rule of thumb: what is usual is taken one time in four hundred."""
        self.weights_ = dict(self.prior)
        self.intercept_, self.knots_, self.slopes_ = -6.0, np.zeros(0), np.ones(1)
        self.base_rate_, self.n_lists_ = float(_chance(np.array(-6.0))), 0
        return self

    def fit(
        self, parts: Mapping[str, NDArray[np.float32]], taken: NDArray[np.bool_], barred: NDArray[np.bool_]
    ) -> Fusion:
        """`parts` (n, m) each, scaled; `taken` (n, m) what each reader took, at least one paper; `barred` (n, m)
        what is no candidate for them."""
        self.start()
        self.n_lists_ = len(taken)
        best = self._worth(parts, taken, barred)
        for _ in range(ROUNDS):
            for name in list(self.prior)[1:]:
                kept = self.weights_[name]
                for factor in FACTORS:
                    before = self.weights_[name]
                    self.weights_[name] = kept * factor
                    worth = self._worth(parts, taken, barred)
                    gain = worth - best
                    if gain.mean() > gain.std() / np.sqrt(len(gain)):
                        best = worth
                    else:
                        self.weights_[name] = before
        self._fit_curve(self.fuse(parts), taken, barred)
        self.base_rate_ = float(taken.sum() / max(int((~barred).sum()), 1))
        return self

    def fuse(self, parts: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float32]:
        """(n, m)."""
        first, *others = self.prior
        total = np.float32(self.weights_[first]) * parts[first]
        for name in others:
            if self.weights_[name]:
                total = total + np.float32(self.weights_[name]) * parts[name]
        return total

    def _worth(
        self, parts: Mapping[str, NDArray[np.float32]], taken: NDArray[np.bool_], barred: NDArray[np.bool_]
    ) -> NDArray[np.float64]:
        """(n,) nDCG@10 + recall@20."""
        top = top_columns(np.where(barred, -np.inf, self.fuse(parts)), DEPTH)
        found = np.take_along_axis(taken, np.maximum(top, 0), axis=1) & (top >= 0)
        n_taken = taken.sum(axis=1)
        discount = 1 / np.log2(np.arange(2, 12))
        ideal = np.concatenate([[1.0], np.cumsum(discount)])[np.minimum(n_taken, 10)]
        first = found[:, :10]
        return np.asarray(
            (first * discount[: first.shape[1]]).sum(axis=1) / ideal + found.sum(axis=1) / np.maximum(n_taken, 1)
        )

    def _fit_curve(self, fused: NDArray[np.float32], taken: NDArray[np.bool_], barred: NDArray[np.bool_]) -> None:
        rng = np.random.default_rng(self.random_state)
        passed = ~(taken | barred)
        drawn = passed & (rng.random(taken.shape) < DRAWN / max(taken.shape[1], 1))
        share = passed.sum() / max(int(drawn.sum()), 1)
        scores = np.concatenate([fused[taken], fused[drawn]]).astype(np.float64)
        counts = np.concatenate([np.ones(int(taken.sum())), np.full(int(drawn.sum()), share)])
        is_taken = np.concatenate([np.ones(int(taken.sum())), np.zeros(int(drawn.sum()))])

        if taken.sum() >= FEWEST_TAKEN:
            self.knots_ = np.unique(np.quantile(fused[taken], KNOTS))
        rises = _rises(scores, self.knots_)

        def loss(curve: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
            logits = curve[0] + rises @ curve[1:]
            value = float((counts * (np.logaddexp(0, logits) - is_taken * logits)).sum() / counts.sum())
            off = counts * (_chance(logits) - is_taken) / counts.sum()
            return value, np.concatenate([[off.sum()], off @ rises])

        n = rises.shape[1]
        found = minimize(
            loss, np.array([-6.0, *[1.0] * n]), jac=True, method="L-BFGS-B", tol=1e-12,
            bounds=[(-60.0, 60.0), *[(0.05, 10.0)] * n], options={"maxiter": 1000},
        )  # fmt: skip
        self.intercept_, self.slopes_ = float(found.x[0]), found.x[1:]

    def chance(self, scores: NDArray[np.float32]) -> NDArray[np.float32]:
        """In (0, 1): how often a reader takes a paper of that score."""
        logits = np.full(np.shape(scores), self.intercept_)
        for rise, slope in zip(_each_rise(scores, self.knots_), self.slopes_, strict=True):
            logits += slope * rise
        return np.asarray(_chance(logits), np.float32)


def _rises(scores: NDArray[np.float64], knots: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 1 + n_knots) how far each score goes between two knots; they add up to it."""
    return np.stack([*_each_rise(scores, knots)], axis=-1)


def _each_rise(scores: NDArray[np.floating], knots: NDArray[np.float64]) -> Iterator[NDArray[np.floating]]:
    ends = [-np.inf, *knots, np.inf]
    for low, high in pairwise(ends):
        yield np.clip(scores, low, high) - (low if np.isfinite(low) else 0)


def _chance(logits: NDArray[np.floating]) -> NDArray[np.floating]:
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -60, 60))))


def scale_of(parts: Mapping[str, NDArray[np.float32]]) -> dict[str, tuple[float, float]]:
    """Mean and spread of each part over all its entries."""
    return {name: (float(part.mean()), float(part.std())) for name, part in parts.items()}


def scaled(part: NDArray[np.float32], scale: tuple[float, float]) -> NDArray[np.float32]:
    """In spreads above the mean; zeros for a part that says nothing."""
    mean, spread = scale
    return np.asarray((part - np.float32(mean)) / np.float32(spread), np.float32) if spread > 1e-9 else part * 0
