"""Small worlds with a known answer: papers of fields that share no words, readers who keep to theirs."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from recommender.engine.papers import Papers

WORDS_A_FIELD = 30
WORDS_A_PAPER = 8


def field_papers(n_papers: int, n_fields: int, *, seed: int = 0, first_id: int = 1, dense: int = 0) -> Papers:
    """Paper `row` is of field row % n_fields: its words are drawn from the field's own."""
    rng = np.random.default_rng(seed)
    words = np.zeros((n_papers, n_fields * WORDS_A_FIELD), np.float32)
    for row in range(n_papers):
        own = (row % n_fields) * WORDS_A_FIELD + rng.permutation(WORDS_A_FIELD)[:WORDS_A_PAPER]
        words[row, own] = rng.uniform(0.5, 1, WORDS_A_PAPER)
    words /= np.linalg.norm(words, axis=1, keepdims=True)
    vectors = rng.normal(size=(n_papers, dense)).astype(np.float32)
    if dense:
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return Papers.of_text(np.arange(first_id, first_id + n_papers), sp.csr_matrix(words), vectors)


def field_readers(n_readers: int, n_papers: int, n_fields: int, *, each: int = 6, seed: int = 1) -> sp.csr_matrix:
    """Reader `row` has read `each` papers of field row % n_fields."""
    rng = np.random.default_rng(seed)
    rows, columns = [], []
    for row in range(n_readers):
        of_field = np.arange(row % n_fields, n_papers, n_fields)
        columns.append(rng.permutation(of_field)[:each])
        rows.append(np.full(len(columns[-1]), row))
    where = (np.concatenate(rows), np.concatenate(columns)) if rows else (np.zeros(0, int), np.zeros(0, int))
    return sp.csr_matrix((np.ones(len(where[0]), np.float32), where), (n_readers, n_papers))


def likings(n_papers: int, *readers: dict[int, float]) -> sp.csr_matrix:
    """Each reader as {column: weight}."""
    out = np.zeros((len(readers), n_papers), np.float32)
    for row, weights in enumerate(readers):
        for column, weight in weights.items():
            out[row, column] = weight
    return sp.csr_matrix(out)
