"""text -> the space in which papers are compared: words and dense vectors brought together."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.utils.extmath import randomized_svd

from recommender.engine.encoder import normalised
from recommender.engine.papers import Papers


class Projection:
    """Latent semantic analysis of the words (Deerwester et al., 1990) beside the dense vectors.

    After `fit`: word_vectors_ (n_words, n_components), float32.
    """

    def __init__(self, n_components: int = 128, *, random_state: int = 0) -> None:
        self.n_components = n_components
        self.random_state = random_state

    def fit(self, papers: Papers) -> Projection:
        words = papers.words
        k = min(self.n_components, min(words.shape) - 1)
        if k < 1 or not words.nnz:
            self.word_vectors_ = np.zeros((words.shape[1], 0), np.float32)
            return self
        _, _, components = randomized_svd(words, k, random_state=self.random_state, n_iter=3)
        self.word_vectors_ = np.ascontiguousarray(components.T, np.float32)
        return self

    def transform(self, papers: Papers) -> NDArray[np.float32]:
        """(n, n_components + dim) float32, rows of length one, or of zeros for a paper without any known text."""
        lexical = normalised(np.asarray(papers.words @ self.word_vectors_, np.float32))
        return normalised(np.hstack([lexical, papers.dense]))


def centroids(user_items: sp.csr_matrix, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n_users, dim): where each reader's papers lie on the whole, at length one; zeros for a reader of nothing."""
    return normalised(np.asarray(user_items @ vectors, np.float32))


def sparse_centroids(user_items: sp.csr_matrix, words: sp.csr_matrix) -> sp.csr_matrix:
    """The same over words."""
    out = sp.csr_matrix(user_items @ words, dtype=np.float32)
    lengths = np.sqrt(np.asarray(out.multiply(out).sum(axis=1)).ravel())
    out.data /= np.repeat(np.maximum(lengths, 1e-12), np.diff(out.indptr)).astype(np.float32)
    return out
