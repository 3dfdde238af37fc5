"""Sparse rows filled up to one length, so that many short ones go through dense products at once.

scipy's product of a sparse and a dense matrix adds up one vector at a time. To gather the vectors of some rows and
multiply them in one call takes half as long, where rows are short and what is gathered stays in the cache.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

MOST_AT_ONCE = 4096  # entries, whose vectors are gathered together


def groups(lengths: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """All rows that are not empty, those of about the same length together."""
    rows = np.argsort(lengths, kind="stable")
    rows = rows[lengths[rows] > 0]
    if not len(rows):
        return []
    return np.split(rows, np.flatnonzero(np.diff(np.cumsum(lengths[rows]) // MOST_AT_ONCE)) + 1)


def padded(matrix: sp.csr_matrix) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """(n, r) columns and values of each row's entries in their order, then column 0 and value 0."""
    lengths = np.diff(matrix.indptr)
    is_there = np.arange(lengths.max(initial=0)) < lengths[:, None]
    columns, values = np.zeros(is_there.shape, np.int64), np.zeros(is_there.shape, np.float32)
    columns[is_there], values[is_there] = matrix.indices, matrix.data
    return columns, values


@dataclass(frozen=True, eq=False)
class Gathered:
    """Some rows of a sparse matrix, and the vectors of their columns."""

    rows: NDArray[np.int64]  # (n,)
    columns: NDArray[np.int64]  # (n, r)
    values: NDArray[np.float32]  # (n, r)
    vectors: NDArray[np.float32]  # (n, r, d)


def gather(matrix: sp.csr_matrix, vectors: NDArray[np.float32]) -> Iterator[Gathered]:
    """Every row of a matrix (n, m) CSR that is not empty; `vectors` are (m, d).

    What is gathered lies where the one before lay, so it holds until the next is asked for: fresh memory would cost
    more than the copying.
    """
    space = np.empty(0, np.float32)
    for rows in groups(np.diff(matrix.indptr)):
        columns, values = padded(matrix[rows])
        shape = (*columns.shape, vectors.shape[1])
        size = columns.size * vectors.shape[1]
        if size > len(space):
            space = np.empty(size, np.float32)
        there = np.take(vectors, columns, axis=0, out=space[:size].reshape(shape), mode="clip")
        yield Gathered(rows, columns, values, there)


def product(n: int, d: int, gathered: Iterable[Gathered]) -> NDArray[np.float32]:
    """(n, d) float32: the matrix times the vectors."""
    out = np.zeros((n, d), np.float32)
    for some in gathered:
        out[some.rows] = (some.values[:, None] @ some.vectors)[:, 0]
    return out
