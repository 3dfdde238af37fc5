"""Metrics that are what their names say, splits that ask about the future, intervals.

All take `ranked`, (n, depth) int: each reader's candidate columns, best first, -1 where the list ended; and `relevant`,
CSR (n, m), non-zero where the reader truly took the paper. All give one number a reader, float64 (n,), nan for a reader
with nothing relevant, of whom no such question can be asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray


def hits(ranked: NDArray[np.int64], relevant: sp.csr_matrix) -> NDArray[np.bool_]:
    """(n, depth): whether the reader took the paper at that place."""
    n, m = relevant.shape
    if ranked.shape[0] != n or (ranked >= m).any():
        raise ValueError(f"Lists of {ranked.shape[0]} readers do not fit a matrix of shape {relevant.shape}.")
    if not m or not ranked.size:
        return np.zeros(ranked.shape, bool)
    truth = relevant.tocsr().astype(bool)
    rows = np.repeat(np.arange(n), ranked.shape[1])
    found = np.asarray(truth[rows, np.maximum(ranked, 0).ravel()]).reshape(ranked.shape)
    return np.asarray(found & (ranked >= 0), bool)


def recall_at(k: int, ranked: NDArray[np.int64], relevant: sp.csr_matrix) -> NDArray[np.float64]:
    """|top k and relevant| / |relevant|  (Manning, Raghavan, Schuetze, 2008, 8.3)."""
    return _share(hits(ranked[:, :k], relevant).sum(axis=1), _counts(relevant))


def ndcg_at(k: int, ranked: NDArray[np.int64], relevant: sp.csr_matrix) -> NDArray[np.float64]:
    """DCG / ideal DCG with gains 0 or 1 and discount 1 / log2(place + 1)  (Jarvelin, Kekalainen, 2002)."""
    discount = 1 / np.log2(np.arange(2, k + 2))
    found = hits(ranked[:, :k], relevant)
    ideal = np.concatenate([[0.0], np.cumsum(discount)])[np.minimum(_counts(relevant), k)]
    return _share((found * discount[: found.shape[1]]).sum(axis=1), ideal)


def reciprocal_rank(ranked: NDArray[np.int64], relevant: sp.csr_matrix) -> NDArray[np.float64]:
    """1 / place of the first relevant paper, 0 where the list holds none  (Voorhees, 1999)."""
    found = hits(ranked, relevant)
    place = found.argmax(axis=1) + 1 if found.shape[1] else np.ones(len(found))
    return np.where(_counts(relevant) > 0, found.any(axis=1) / place, np.nan)


def coverage_at(k: int, ranked: NDArray[np.int64], n_candidates: int) -> float:
    """Share of the candidates that stand in at least one reader's top k  (Ge, Delgado-Battenfeld, Jannach, 2010)."""
    shown = np.unique(ranked[:, :k])
    return float((shown >= 0).sum() / n_candidates) if n_candidates else 0.0


def novelty_at(k: int, ranked: NDArray[np.int64], readers_of: NDArray[np.int64], n_readers: int) -> NDArray[np.float64]:
    """Mean self-information -log2(p) of the top k, in bits; p is the share of readers who took the paper, one reader
    added to each so that it is finite  (Zhou et al., 2010). `readers_of` (m,) counts them."""
    top = ranked[:, :k]
    bits = -np.log2((readers_of + 1) / (n_readers + 1))
    shown = top >= 0
    total = np.where(shown, bits[np.maximum(top, 0)], 0.0).sum(axis=1)
    return _share(total, shown.sum(axis=1))


@dataclass(frozen=True)
class Interval:
    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:.4f} [{self.low:.4f}, {self.high:.4f}]"


def bootstrap(values: NDArray[np.float64], *, n_draws: int = 1000, level: float = 0.95, seed: int = 0) -> Interval:
    """Mean over readers with a percentile bootstrap interval (Efron, 1979). nan values are left out.

    `values` are (n,), or (n_runs, n) of the same readers in several runs: then the mean of the runs' means, and a
    reader is drawn with all that is theirs.
    """
    runs = np.atleast_2d(values)
    runs = runs[:, np.isfinite(runs).any(axis=0)]
    n = runs.shape[1]
    if not n:
        return Interval(0.0, 0.0, 0.0)
    rng = np.random.default_rng(seed)
    draws = (rng.integers(0, n, n) for _ in range(n_draws))
    means = [_mean_of_means(runs[:, draw]) for draw in draws]
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Interval(_mean_of_means(runs), float(low), float(high))


def _mean_of_means(runs: NDArray[np.float64]) -> float:
    there = np.isfinite(runs)
    n = there.sum(axis=1)
    return float((np.where(there, runs, 0).sum(axis=1)[n > 0] / n[n > 0]).mean())


def reliability(chances: NDArray[np.float32], truth: sp.csr_matrix, n_bins: int = 10) -> list[tuple[float, float, int]]:
    """In bins of equally many pairs of reader and paper, by rising chance: the mean chance said, the share taken, the
    number of pairs (a reliability diagram: DeGroot, Fienberg, 1983)."""
    taken = truth.toarray() > 0
    order = np.argsort(chances, axis=None, kind="stable")
    # The finest bins stand at the top, where readers look: half of all pairs, half of the rest, and so on.
    edges = [0, *(round(len(order) * (1 - 0.5**step)) for step in range(1, n_bins)), len(order)]
    out = []
    for low, high in pairwise(edges):
        if high > low:
            some = order[low:high]
            out.append((float(chances.ravel()[some].mean()), float(taken.ravel()[some].mean()), high - low))
    return out


def newest(published: NDArray[np.float64], share: float, *, seed: int = 0) -> NDArray[np.bool_]:
    """(n,) the newest `share` of papers, as new papers of a day are; where no time is known, papers drawn at random.

    Papers of unknown time among known ones count as old. At least one paper stays on each side where there are two.
    """
    n = len(published)
    out = np.zeros(n, bool)
    if n < 2:
        return out
    size = min(max(int(share * n), 1), n - 1)
    draw = np.random.default_rng(seed).permutation(n)
    # Ties in time are broken at random, not by position.
    order = np.lexsort((draw, np.nan_to_num(published, nan=-np.inf)))
    out[order[n - size :]] = True
    return out


METRICS = ("recall@10", "recall@20", "recall@100", "ndcg@10", "mrr")


def measure(
    ranked: NDArray[np.int64], relevant: sp.csr_matrix, names: Sequence[str] = METRICS
) -> dict[str, NDArray[np.float64]]:
    """Metrics by name: recall@K, ndcg@K, mrr."""
    out = {}
    for name in names:
        kind, _, k = name.partition("@")
        if kind == "recall":
            out[name] = recall_at(int(k), ranked, relevant)
        elif kind == "ndcg":
            out[name] = ndcg_at(int(k), ranked, relevant)
        elif kind == "mrr":
            out[name] = reciprocal_rank(ranked, relevant)
        else:
            raise ValueError(f"No metric is called {name!r}.")
    return out


def _counts(relevant: sp.csr_matrix) -> NDArray[np.int64]:
    truth = relevant.tocsr().copy()
    truth.eliminate_zeros()
    return np.asarray(np.diff(truth.indptr), np.int64)


def _share(part: NDArray[np.number], whole: NDArray[np.number]) -> NDArray[np.float64]:
    out = np.full(len(part), np.nan)
    np.divide(part, whole, out=out, where=whole > 0)
    return out
