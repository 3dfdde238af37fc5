"""What readers could use instead: the rankers that ours is measured beside, each as its authors built it.

Every function takes `likings` CSR (n, n_library), positive, the library's and the candidates' papers, and gives scores
(n, m), the greater the better.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from recommender.engine.collaborative import Collaborative
from recommender.engine.encoder import normalised
from recommender.engine.papers import Papers
from recommender.engine.parts import of_length_one

Scores = NDArray[np.float32]
Baseline = Callable[[sp.csr_matrix, Papers, Papers, int], Scores]

# Papers that stand for all a reader passed over, where a model is fitted for each reader.
NEGATIVES = 1000
RIDGE = 10.0


def random(likings: sp.csr_matrix, library: Papers, candidates: Papers, seed: int) -> Scores:
    return np.random.default_rng(seed).random((likings.shape[0], len(candidates)), np.float32)


def popularity(likings: sp.csr_matrix, library: Papers, candidates: Papers, seed: int) -> Scores:
    """The candidates' votes, equal ones in an order drawn at random: where nobody has voted yet this is `random`."""
    draw = np.random.default_rng(seed).random(len(candidates))
    return np.broadcast_to((candidates.votes + draw).astype(np.float32), (likings.shape[0], len(candidates)))


def tfidf_centroid(likings: sp.csr_matrix, library: Papers, candidates: Papers, seed: int) -> Scores:
    """Cosine of the mean TF-IDF vector of what was read with the candidate's."""
    product = of_length_one(sp.csr_matrix(likings @ library.words)) @ candidates.words.T
    return np.asarray(product.toarray(), np.float32)


def zotero_arxiv_daily(likings: sp.csr_matrix, library: Papers, candidates: Papers, seed: int) -> Scores:
    """Mean cosine of dense vectors over the whole library (zotero-arxiv-daily, without its decay by date added)."""
    share = likings.multiply(1 / np.maximum(likings.sum(axis=1), 1e-12)).tocsr()
    return np.asarray((share @ library.dense) @ candidates.dense.T, np.float32)


def arxiv_sanity(likings: sp.csr_matrix, library: Papers, candidates: Papers, seed: int) -> Scores:
    """A linear SVM for each reader on TF-IDF, what they read against the rest (arxiv-sanity-lite: C=0.01, balanced
    classes, 10,000 steps, tolerance 1e-6), the rest being NEGATIVES papers drawn at random."""

    def model() -> LinearSVC:
        return LinearSVC(class_weight="balanced", C=0.01, max_iter=10_000, tol=1e-6, random_state=seed)

    return _for_each(model, likings, library.words, candidates.words, seed)


def scholar_inbox(likings: sp.csr_matrix, library: Papers, candidates: Papers, seed: int) -> Scores:
    """A logistic regression for each reader on dense vectors, what they read against random papers (Scholar Inbox,
    Flicke et al., 2025)."""

    def model() -> LogisticRegression:
        return LogisticRegression(class_weight="balanced", C=1.0, max_iter=200, random_state=seed)

    return _for_each(model, likings, library.dense, candidates.dense, seed)


def als_text(likings: sp.csr_matrix, library: Papers, candidates: Papers, seed: int) -> Scores:
    """implicit's ALS, a new paper's factors predicted from its dense vector and words by ridge regression (as Gantner
    et al., 2010, map attributes to factors)."""
    model = Collaborative(128, regularization=10.0, alpha=20.0, random_state=seed).fit(likings)
    from sklearn.utils.extmath import randomized_svd

    k = min(256, min(library.words.shape) - 1)
    axes = randomized_svd(library.words, k, n_iter=3, random_state=seed)[2].T
    x, new = (
        np.hstack([normalised(np.asarray(papers.words @ axes, np.float32)), papers.dense])
        for papers in (library, candidates)
    )
    known = likings.getnnz(axis=0) > 0
    gram = x[known].T @ x[known] + RIDGE * np.eye(x.shape[1], dtype=np.float32)
    predicted = new @ np.linalg.solve(gram, x[known].T @ model.item_factors_[known])
    return np.asarray(model.fold_in(likings, model.item_factors_) @ predicted.T, np.float32)


BASELINES: dict[str, Baseline] = {
    "tfidf_centroid": tfidf_centroid,
    "arxiv_sanity": arxiv_sanity,
    "scholar_inbox": scholar_inbox,
    "zotero_arxiv_daily": zotero_arxiv_daily,
    "als_text": als_text,
    "random": random,
    "popularity": popularity,
}


def _for_each(
    model: Callable[[], LinearSVC | LogisticRegression],
    likings: sp.csr_matrix,
    library: NDArray[np.float32] | sp.csr_matrix,
    candidates: NDArray[np.float32] | sp.csr_matrix,
    seed: int,
) -> Scores:
    rng = np.random.default_rng(seed)
    out = np.zeros((likings.shape[0], candidates.shape[0]), np.float32)
    for reader in range(likings.shape[0]):
        mine = likings.indices[likings.indptr[reader] : likings.indptr[reader + 1]]
        others = np.setdiff1d(rng.permutation(library.shape[0])[: NEGATIVES + len(mine)], mine)[:NEGATIVES]
        if not len(mine) or not len(others):
            continue
        wanted = np.concatenate([np.ones(len(mine)), np.zeros(len(others))])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            fitted = model().fit(library[np.concatenate([mine, others])], wanted)
        out[reader] = fitted.decision_function(candidates)
    return out
