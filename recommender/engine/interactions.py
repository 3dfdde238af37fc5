"""Implicit feedback as a matrix: how much each kind of event counts, how it ages, and whose row is whose."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

# How much one event says, as a share of a save. Negative ones push away.
WEIGHTS = {
    "save": 1.0,
    "import": 1.0,
    "upvote": 1.0,
    "more": 1.0,
    "read": 0.5,
    "click": 0.3,
    "less": -1.0,
    "dismiss": -0.5,
}

HALF_LIFE_DAYS = 365.0
# Taste changes, yet a field stays: however old, an event keeps this share of its weight.
OLDEST_SHARE = 0.25


def weigh(kinds: Sequence[str], ages_days: NDArray[np.float64]) -> NDArray[np.float32]:
    """float32 weights in [-1, 1]: the kind's, halved every HALF_LIFE_DAYS down to OLDEST_SHARE of itself.

    An unknown age is nan and counts as none. KeyError for a kind that is not in WEIGHTS.
    """
    base = np.array([WEIGHTS[kind] for kind in kinds], np.float64)
    ages = np.nan_to_num(np.maximum(ages_days, 0), nan=0.0)
    share = OLDEST_SHARE + (1 - OLDEST_SHARE) * 0.5 ** (ages / HALF_LIFE_DAYS)
    return (base * share).astype(np.float32)


class Rows:
    """The one translator between database ids and matrix positions."""

    def __init__(self, ids: Iterable[int]) -> None:
        self.ids = np.unique(np.fromiter(ids, np.int64))

    def __len__(self) -> int:
        return len(self.ids)

    def of(self, ids: Sequence[int] | NDArray[np.int64]) -> NDArray[np.int64]:
        """Positions of ids; -1 for those unknown."""
        wanted = np.asarray(ids, np.int64)
        if not len(self.ids):
            return np.full(len(wanted), -1, np.int64)
        at = np.minimum(np.searchsorted(self.ids, wanted), len(self.ids) - 1)
        return np.where(self.ids[at] == wanted, at, -1)


def user_items(
    users: Rows,
    papers: Rows,
    user_ids: Sequence[int] | NDArray[np.int64],
    paper_ids: Sequence[int] | NDArray[np.int64],
    weights: NDArray[np.float32],
) -> sp.csr_matrix:
    """CSR (n_users, n_items) float32. Several events of one reader on one paper are one entry: of likings the
    strongest counts, and any dislike outweighs them all. Unknown ids are left out."""
    rows, columns = users.of(user_ids), papers.of(paper_ids)
    known = (rows >= 0) & (columns >= 0) & (weights != 0)
    rows, columns, weights = rows[known], columns[known], np.asarray(weights, np.float32)[known]
    shape = (len(users), len(papers))
    # Strongest last, dislikes after likings; the last of each pair stays.
    order = np.lexsort((np.abs(weights), weights < 0, columns, rows))
    rows, columns, weights = rows[order], columns[order], weights[order]
    last = np.ones(len(rows), bool)
    last[:-1] = (rows[1:] != rows[:-1]) | (columns[1:] != columns[:-1])
    return sp.csr_matrix((weights[last], (rows[last], columns[last])), shape=shape, dtype=np.float32)


def positive(matrix: sp.csr_matrix) -> sp.csr_matrix:
    """The likings alone, without stored zeros."""
    return _keep(matrix, matrix.data > 0)


def negative(matrix: sp.csr_matrix) -> sp.csr_matrix:
    """The dislikes alone, as positive numbers."""
    out = _keep(matrix, matrix.data < 0)
    out.data = -out.data
    return out


def _keep(matrix: sp.csr_matrix, which: NDArray[np.bool_]) -> sp.csr_matrix:
    out = matrix.copy()
    out.data = np.where(which, out.data, 0).astype(np.float32)
    out.eliminate_zeros()
    return out
