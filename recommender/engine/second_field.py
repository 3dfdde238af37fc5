"""A reader's second field: found among what they read, and given its share of a list.

One place for everything a reader read lies within the bigger field, and a list of the papers nearest to it may hold
none of the smaller. So the papers read are split in two, where they fall apart, and the smaller part has as much of the
list as of the reading.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recommender.engine.padded import Gathered

FEWEST_READS = 8  # of fewer, two fields cannot be told from chance
MOST_READS = 200
MARGIN = 0.15  # by which papers of one field are more alike than those of two, in mean cosine
ROUNDS = 3
ROUNDED_UP = 0.2  # of a place: one for a field of 8% in a list of ten


class SecondFields:
    """What readers read of a second, smaller field, from their vectors as they are gathered for other uses.

    After all went through `watch`: of_second_field(), CSR of `shape` (n, n_library), with an empty row for those of one
    field; share_ (n,), how much of what they read it is, by weight. Vectors are compared by their first `width`
    components, and of a reader's papers the MOST_READS that weigh most.
    """

    def __init__(self, shape: tuple[int, int], width: int) -> None:
        self.width = width
        self.shape = shape
        self.share_ = np.zeros(shape[0], np.float32)
        self._rows, self._columns = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]

    def watch(self, gathered: Iterable[Gathered]) -> Iterator[Gathered]:
        """The same, looked at on the way."""
        for some in gathered:
            self._look_at(some)
            yield some

    def of_second_field(self) -> sp.csr_matrix:
        where = (np.concatenate(self._rows), np.concatenate(self._columns))
        return sp.csr_matrix((np.ones(len(where[0]), np.float32), where), self.shape)

    def _look_at(self, some: Gathered) -> None:
        columns, weights, vectors = some.columns, some.values, some.vectors[:, :, : self.width]
        if columns.shape[1] < FEWEST_READS:
            return
        if columns.shape[1] > MOST_READS:
            first = np.argsort(-weights, axis=1, kind="stable")[:, :MOST_READS]
            columns = np.take_along_axis(columns, first, axis=1)
            weights = np.take_along_axis(weights, first, axis=1)
            vectors = np.take_along_axis(vectors, first[:, :, None], axis=1)
        is_small = _split(vectors, weights)
        self.share_[some.rows] = (weights * is_small).sum(axis=1) / weights.sum(axis=1)
        self._rows.append(some.rows[np.nonzero(is_small)[0]])
        self._columns.append(columns[is_small])


def _split(vectors: NDArray[np.float32], weights: NDArray[np.float32]) -> NDArray[np.bool_]:
    """(n, r) what is of the smaller field; `vectors` (n, r, d), `weights` (n, r), 0 where there is no paper.

    The seed is the paper that has least in common with the rest, of those that have a companion; then every paper goes
    to the part to which it is more alike on average (k-means of two, with cosines alone).
    """
    n, r, _ = vectors.shape
    alike = vectors @ vectors.transpose(0, 2, 1)
    diagonal = np.arange(r)
    lengths = np.sqrt(np.maximum(alike[:, diagonal, diagonal], 1e-12))
    alike /= lengths[:, :, None]
    alike /= lengths[:, None, :]
    is_there = weights > 0
    alike[:, diagonal, diagonal] = 0
    total = weights.sum(axis=1, keepdims=True)
    sums = _times(alike, weights)  # (n, r) likeness to all others, by weight
    usual = sums / np.maximum(total - weights, 1e-12)
    companion = np.where(is_there[:, None, :], alike, -1).max(axis=2)
    seed = np.where(is_there & (companion - usual >= MARGIN), usual, np.inf).argmin(axis=1)
    every = np.arange(n)
    is_one = (alike[every, seed] > usual) & is_there
    is_one[every, seed] = True
    for _ in range(ROUNDS):
        ones = weights * is_one
        to_one = _times(alike, ones)
        others = weights - ones
        left_one = ones.sum(axis=1, keepdims=True) - ones
        left_other = others.sum(axis=1, keepdims=True) - others
        mean_one = np.where(left_one > 1e-9, to_one / np.maximum(left_one, 1e-12), -1)
        mean_other = np.where(left_other > 1e-9, (sums - to_one) / np.maximum(left_other, 1e-12), -1)
        is_one = (mean_one > mean_other) & is_there
    is_small = np.where(2 * (weights * is_one).sum(axis=1, keepdims=True) > total, ~is_one & is_there, is_one)
    small, big = weights * is_small, weights * (is_there & ~is_small)
    to_small = _times(alike, small)
    between = (to_small * big).sum(axis=1) / np.maximum(small.sum(axis=1) * big.sum(axis=1), 1e-12)
    within = np.minimum(_mean_within(to_small, small), _mean_within(sums - to_small, big))
    is_apart = (within - between >= MARGIN) & (is_small.sum(axis=1) >= 2) & (is_there.sum(axis=1) >= FEWEST_READS)
    return np.asarray(is_small & is_apart[:, None])


def _times(alike: NDArray[np.float32], weights: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray((alike @ weights[:, :, None])[:, :, 0])


def _mean_within(to_part: NDArray[np.float32], part: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n,) mean cosine of two different papers of a part; -1 where there are none."""
    pairs = part.sum(axis=1) ** 2 - (part**2).sum(axis=1)
    return np.asarray(np.where(pairs > 1e-9, (to_part * part).sum(axis=1) / np.maximum(pairs, 1e-12), -1))


def lacking(is_small: NDArray[np.bool_], share: NDArray[np.float32]) -> NDArray[np.int64]:
    """Rows of lists, `is_small` (n, k) where they hold a paper of the smaller field, without its `share` (n,)."""
    return np.flatnonzero((np.cumsum(is_small, axis=1) < _wanted(share, is_small.shape[1])).any(axis=1))


def shared_out(
    chosen: NDArray[np.int64], is_small: NDArray[np.bool_], share: NDArray[np.float32], small: NDArray[np.int64]
) -> NDArray[np.int64]:
    """`chosen` (n, k) with papers of `small` (n, s), best first, so that however far a list is read, the smaller field
    has its `share` (n,); `is_small` (n, k) where it has a place already. Calibration as in Steck (2018)."""
    out = chosen.copy()
    wanted = _wanted(share, chosen.shape[1])
    for row in lacking(is_small, share):
        places = list(zip(chosen[row].tolist(), is_small[row].tolist(), strict=True))
        more = [(column, True) for column in small[row].tolist() if column not in chosen[row]]
        left, n_small = [place for place in [*places, *more] if place[0] >= 0], 0
        for place in range(min(len(left), chosen.shape[1])):
            lacks = n_small < wanted[row, place]
            column, is_one = next((one for one in left if one[1]), left[0]) if lacks else left[0]
            left.remove((column, is_one))
            n_small += is_one
            out[row, place] = column
    return out


def _wanted(share: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    """(n, k) how many of the first papers, up to each place, are to be of the smaller field."""
    return np.asarray(share[:, None] * np.arange(1, k + 1) + ROUNDED_UP, np.int64)
