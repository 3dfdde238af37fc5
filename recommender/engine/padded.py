"""Sparse rows filled up to one length, so that many short ones go through dense products at once.

scipy's product of a sparse and a dense matrix adds up one vector at a time. To gather the vectors of some rows and
multiply them in one call takes half as long, where rows are short and what is gathered stays in the cache.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

MOST_AT_ONCE = 2048  # entries, whose vectors are gathered together


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


def product(matrix: sp.csr_matrix, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n, d) float32: matrix (n, m) CSR times vectors (m, d)."""
    out = np.zeros((matrix.shape[0], vectors.shape[1]), np.float32)
    for some in groups(np.diff(matrix.indptr)):
        columns, values = padded(matrix[some])
        out[some] = (values[:, None] @ np.take(vectors, columns, axis=0))[:, 0]
    return out
