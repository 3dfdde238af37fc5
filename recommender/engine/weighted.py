"""A comparison with the weights of its parts worked in: many readers' scores, and what brought each of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recommender.engine.interactions import positive
from recommender.engine.padded import Gathered, product
from recommender.engine.papers import Papers
from recommender.engine.parts import Comparison, of_length_one
from recommender.engine.second_field import SecondFields

OWN_READING = frozenset({"neighbours", "lexical"})  # the rest is learnt from what others read


@dataclass(frozen=True, eq=False)
class Read:
    """What some readers read, to score by and to explain by."""

    likings: sp.csr_matrix  # (n, n_library)
    weighed: sp.csr_matrix  # each paper by its rarity
    unit: sp.csr_matrix  # the same, rows of length one
    sums: NDArray[np.float32]  # (n, d) of the places of what they read
    fields: SecondFields


class Weighted:
    """A comparison with the ranker's weights worked in, so that a chunk of readers costs one dense product and one
    sparse one."""

    def __init__(
        self,
        comparison: Comparison,
        papers: Papers,
        weights: Mapping[str, NDArray[np.float32]],
        means: Mapping[str, float],
    ) -> None:
        self.papers = papers
        self.comparison = comparison
        self.candidates = comparison.candidates
        none = np.zeros(len(self.candidates), np.float32)
        # (m,) what the parts' means come to: scaled parts are zero where a reader is as usual.
        self.offset = -sum((weight * means[name] for name, weight in weights.items()), none)
        self.vectors = self.candidates.vectors * weights.get("reading", none)[:, None]
        self.lent = comparison.lent_factors * weights["lent"][:, None] if "lent" in weights else None
        self.places = self.vectors if self.lent is None else np.hstack([self.vectors, self.lent])
        self.als = weights.get("collaborative")
        self.own = self._votes(weights, OWN_READING)
        self.others = self._votes(weights, {"coreads"})
        self.votes = sp.csr_matrix(self.own + self.others)

    def _votes(self, weights: Mapping[str, NDArray[np.float32]], names: Collection[str]) -> sp.csr_matrix:
        total = sp.csr_matrix((len(self.comparison.library), len(self.candidates)), dtype=np.float32)
        for name in sorted(set(names) & set(weights)):
            total = total + getattr(self.comparison, name) @ sp.diags(weights[name])
        return sp.csr_matrix(total, dtype=np.float32)

    def read(self, user_items: sp.csr_matrix, *, splits: bool = False) -> Read:
        """Second fields are looked for where it `splits`, by one of the projection's models, which will do."""
        likings = positive(user_items)
        weighed = self.comparison.weighed(likings)
        width = self.vectors.shape[1] // self.comparison.known.projection.n_blocks_
        fields = SecondFields(weighed.shape, width)
        gathered = self.comparison.gather(weighed)
        sums = product(likings.shape[0], self.vectors.shape[1], fields.watch(gathered) if splits else gathered)
        return Read(likings, weighed, of_length_one(weighed), sums, fields)

    def by_library(self, read: Read, dial: NDArray[np.float32] | None) -> NDArray[np.float32]:
        """(n, m) float32, zeros for a reader of nothing."""
        unit = read.unit
        readers = self.comparison.known.projection.normalised(read.sums)
        if self.lent is not None:
            readers = np.hstack([readers, self.comparison.borrowers(unit)])
        turn = None if dial is None else np.asarray(2 * dial, np.float32)
        total = np.asarray((readers if turn is None else turn[:, None] * readers) @ self.places.T, np.float32)
        if turn is None:
            add(total, unit @ self.votes)
        else:
            add(total, sp.diags(turn) @ (unit @ self.others))
            add(total, sp.diags(2 - turn) @ (unit @ self.own))
        if self.als is not None:
            total += self.als * self.comparison.collaborative(read.likings) * (1 if turn is None else turn[:, None])
        has_read = np.diff(unit.indptr) > 0
        return np.add(total, self.offset, out=total, where=has_read[:, None])

    def is_nearer(
        self, columns: NDArray[np.int64], to: NDArray[np.float32], than: NDArray[np.float32]
    ) -> NDArray[np.bool_]:
        """(n, k) where a candidate of `columns` (n, k) is nearer to the first of two sums of places (n, d)."""
        normalised = self.comparison.known.projection.normalised
        vectors = self.candidates.vectors[np.maximum(columns, 0)]
        return np.asarray((columns >= 0) & ((vectors @ (normalised(to) - normalised(than))[:, :, None])[:, :, 0] > 0))

    def greatest(
        self, read: Read, rows: NDArray[np.int64], columns: NDArray[np.int64]
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """For each (reader, candidate): what the read paper that speaks most for it brings to the score, and its row in
        the library; 0 and -1 where none does. `rows` is in order."""
        place = np.arange(len(rows)) - np.searchsorted(rows, rows)
        listed = np.full((len(read.sums), place.max(initial=-1) + 1), -1)
        listed[rows, place] = columns
        value, which = np.zeros(listed.shape, np.float32), np.full(listed.shape, -1)
        for some in self.comparison.gather(read.weighed) if listed.size else []:
            brought = self.brought(some, read.sums[some.rows], listed[some.rows])
            best = brought.argmax(axis=1)
            value[some.rows] = np.take_along_axis(brought, best[:, None], axis=1)[:, 0]
            which[some.rows] = np.take_along_axis(some.columns, best, axis=1)
        value, which = value[rows, place], which[rows, place]
        return np.maximum(value, 0), np.where(value > 0, which, -1)

    def brought(self, some: Gathered, sums: NDArray[np.float32], columns: NDArray[np.int64]) -> NDArray[np.float32]:
        """(n, r, k) what each paper that some readers read brings to the score of their candidates `columns` (n, k), -1
        where there are fewer; `sums` (n, d) are theirs."""
        n, k = columns.shape
        blocks = sums.reshape(n, self.comparison.known.projection.n_blocks_, -1)
        lengths = np.sqrt(np.einsum("nbd,nbd->nb", blocks, blocks) * np.float32(blocks.shape[1]))
        wanted = np.take(self.vectors, columns, axis=0).reshape(n, k, *blocks.shape[1:])
        wanted /= np.maximum(lengths, 1e-12)[:, None, :, None]
        out = some.vectors @ wanted.reshape(n, k, -1).transpose(0, 2, 1)
        out *= some.values[:, :, None]
        # Of all votes for what they read, those by the wanted candidates.
        slot = np.full((n, len(self.candidates) + 1), -1, np.int16)  # the last is for -1, in short rows of columns
        np.put_along_axis(slot, columns, np.arange(k, dtype=np.int16)[None], axis=1)
        votes = self.votes[some.columns.ravel()]
        entry = np.repeat(np.arange(some.columns.size), np.diff(votes.indptr))
        at = slot[entry // some.columns.shape[1], votes.indices]
        hit = at >= 0
        entry = entry[hit]
        shares = some.values / np.maximum(np.linalg.norm(some.values, axis=1, keepdims=True), 1e-12)
        out.reshape(-1)[entry * k + at[hit]] += shares.ravel()[entry] * votes.data[hit]
        return np.asarray(out, np.float32)


def add(total: NDArray[np.float32], sparse: sp.csr_matrix) -> None:
    """Adds a sparse matrix of distinct entries, as a product's are, to a dense one in place."""
    starts = np.arange(sparse.shape[0]) * sparse.shape[1]
    at = np.repeat(starts, np.diff(sparse.indptr)) + sparse.indices
    total.reshape(-1)[at] += sparse.data
