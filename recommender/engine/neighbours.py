"""Votes of what was read: a paper a reader read speaks for the new papers most like it.

Each new paper hands out one vote in all, to its nearest known papers, the nearer the more. That every new paper has
the same to give is what keeps hubs, papers near to everything, from rising for everybody (Radovanovic et al., 2010).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recommender.engine.topk import top_columns

MOST_NEIGHBOURS = 100
NOT_ALIKE = 1e-3
SHRINK = 0.25
BLOCK = 512  # candidates compared with all known papers at once

Vectors: TypeAlias = Any  # (n, d) float32, rows of length one: a dense array or a CSR matrix


def n_neighbours(n_known: int) -> int:
    """How many known papers a new one votes for: fewer in a small catalogue, where the hundredth is like nothing."""
    return int(min(max(0.7 * n_known**0.5, 5), MOST_NEIGHBOURS, n_known))


@dataclass(frozen=True, eq=False)
class Votes:
    """What candidates give to known papers, and what they would give to a paper that is not among them."""

    by_known: sp.csr_matrix  # (n_known, m)
    nearness: NDArray[np.float32]  # (m,) the cosine of the last paper that still gets a vote
    total: NDArray[np.float32]  # (m,) what a candidate's votes come to before they are scaled to one
    power: float

    def to(self, rows: NDArray[np.int64], papers: Vectors, candidates: Vectors) -> sp.csr_matrix:
        """CSR (n, m) of the votes for papers by their known rows, -1 for those compared by their vectors."""
        new = np.flatnonzero(rows < 0)
        if not len(new):
            return self.by_known[rows]
        near = likeness(papers[new], candidates)
        r, c = np.nonzero(near >= self.nearness)
        given = sp.csr_matrix((near[r, c] ** self.power / self.total[c], (r, c)), near.shape, dtype=np.float32)
        place = np.where(rows >= 0, rows, 0)
        place[new] = self.by_known.shape[0] + np.arange(len(new))
        return sp.vstack([self.by_known, given], format="csr")[place]


def votes_of(
    candidates: Vectors, known: Vectors, power: float, own: NDArray[np.int64], usual_total: float = 0.0
) -> Votes:
    """The votes of candidates (m, d) for known papers (n, d); `own` (m,) is the candidate's own row among the known
    ones, to which it gives none, or -1. Where next to nothing is alike the votes stay small beside `usual_total`."""
    n, m = known.shape[0], candidates.shape[0]
    k = n_neighbours(n)
    nearness, total = np.full(m, np.inf, np.float32), np.ones(m, np.float32)
    rows, columns, raised = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)], [np.zeros(0, np.float32)]
    for start in range(0, m, BLOCK):
        near = likeness(candidates[start : start + BLOCK], known)
        is_known = np.flatnonzero(own[start : start + BLOCK] >= 0)
        near[is_known, own[start + is_known]] = -np.inf
        best = top_columns(near, k)
        given = np.maximum(np.take_along_axis(near, np.maximum(best, 0), axis=1), 0) * (best >= 0)
        if k:
            nearness[start : start + len(near)] = np.maximum(given[:, -1], NOT_ALIKE)
        rows.append(best.ravel())
        columns.append(np.repeat(np.arange(start, start + len(near)), best.shape[1]))
        raised.append(given.ravel() ** np.float32(power))
    at, of, value = np.concatenate(rows), np.concatenate(columns), np.concatenate(raised)
    total = np.bincount(of, value, minlength=m).astype(np.float32)
    total += np.float32(SHRINK * usual_total + 1e-9)
    kept = value > 0
    matrix = sp.csr_matrix((value[kept] / total[of[kept]], (at[kept], of[kept])), shape=(n, m), dtype=np.float32)
    return Votes(matrix, nearness, total, power)


def likeness(left: Vectors, right: Vectors) -> NDArray[np.float32]:
    """(n, m) cosines."""
    product = left @ right.T
    return np.asarray(product.toarray() if sp.issparse(product) else product, np.float32)
