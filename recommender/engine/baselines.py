"""What readers could use instead: the rankers that ours is measured beside, each as its authors built it.

Each is a function of the training likings CSR (n_users, n_library), the library and a seed, and gives a function of
some readers' likings CSR (n, n_library) and the candidates, which gives scores (n, m), the greater the better.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC
from sklearn.utils.extmath import randomized_svd
from threadpoolctl import threadpool_limits

from recommender.engine.collaborative import Collaborative
from recommender.engine.encoder import normalised
from recommender.engine.papers import Papers
from recommender.engine.parts import of_length_one

Scores = NDArray[np.float32]
Scorer = Callable[[sp.csr_matrix, Papers], Scores]
Baseline = Callable[[sp.csr_matrix, Papers, int], Scorer]

NEGATIVES = 1000  # papers that stand for all a reader passed over, where a model is fitted for each reader
RIDGE = 10.0


def random(likings: sp.csr_matrix, library: Papers, seed: int) -> Scorer:
    def score(readers: sp.csr_matrix, candidates: Papers) -> Scores:
        return np.random.default_rng(seed).random((readers.shape[0], len(candidates)), np.float32)

    return score


def popularity(likings: sp.csr_matrix, library: Papers, seed: int) -> Scorer:
    """The candidates' votes, equal ones in an order drawn at random: where nobody has voted yet this is `random`."""

    def score(readers: sp.csr_matrix, candidates: Papers) -> Scores:
        draw = np.random.default_rng(seed).random(len(candidates))
        return np.broadcast_to((candidates.votes + draw).astype(np.float32), (readers.shape[0], len(candidates)))

    return score


def tfidf_centroid(likings: sp.csr_matrix, library: Papers, seed: int) -> Scorer:
    """Cosine of the mean TF-IDF vector of what was read with the candidate's."""

    def score(readers: sp.csr_matrix, candidates: Papers) -> Scores:
        product = of_length_one(sp.csr_matrix(readers @ library.words)) @ candidates.words.T
        return np.asarray(product.toarray(), np.float32)

    return score


def zotero_arxiv_daily(likings: sp.csr_matrix, library: Papers, seed: int) -> Scorer:
    """Mean cosine of dense vectors over the whole library (zotero-arxiv-daily, without its decay by date added)."""

    def score(readers: sp.csr_matrix, candidates: Papers) -> Scores:
        share = sp.csr_matrix(readers.multiply(1 / np.maximum(readers.sum(axis=1), 1e-12)))
        return np.asarray((share @ library.dense) @ candidates.dense.T, np.float32)

    return score


def arxiv_sanity(likings: sp.csr_matrix, library: Papers, seed: int) -> Scorer:
    """A linear SVM for each reader on TF-IDF, what they read against the rest (arxiv-sanity-lite: C=0.01, balanced
    classes, 10,000 steps, tolerance 1e-6), the rest being NEGATIVES papers drawn at random."""

    def model() -> LinearSVC:
        return LinearSVC(class_weight="balanced", C=0.01, max_iter=10_000, tol=1e-6, random_state=seed)

    return lambda readers, candidates: _for_each(model, readers, library.words, candidates.words, seed)


def scholar_inbox(likings: sp.csr_matrix, library: Papers, seed: int) -> Scorer:
    """A logistic regression for each reader on dense vectors, what they read against random papers (Scholar Inbox,
    Flicke et al., 2025)."""

    def model() -> LogisticRegression:
        return LogisticRegression(class_weight="balanced", max_iter=200, random_state=seed)

    return lambda readers, candidates: _for_each(model, readers, library.dense, candidates.dense, seed)


def als_text(likings: sp.csr_matrix, library: Papers, seed: int) -> Scorer:
    """implicit's ALS, a new paper's factors predicted from its words and dense vector by ridge regression (as Gantner
    et al., 2010, map attributes to factors)."""
    model = Collaborative(128, random_state=seed).fit(likings)
    k = min(256, min(library.words.shape) - 1)
    axes = randomized_svd(library.words, k, n_iter=3, random_state=seed)[2].T

    def text(papers: Papers) -> NDArray[np.float32]:
        return np.hstack([normalised(np.asarray(papers.words @ axes, np.float32)), papers.dense])

    known = likings.getnnz(axis=0) > 0
    x = text(library)[known]
    gram = x.T @ x + RIDGE * np.eye(x.shape[1], dtype=np.float32)
    to_factors = np.linalg.solve(gram, x.T @ model.item_factors_[known])

    def score(readers: sp.csr_matrix, candidates: Papers) -> Scores:
        return np.asarray(model.fold_in(readers, model.item_factors_) @ (text(candidates) @ to_factors).T, np.float32)

    return score


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
    readers: sp.csr_matrix,
    library: Any,
    candidates: Any,
    seed: int,
) -> Scores:
    rng = np.random.default_rng(seed)
    out = np.zeros((readers.shape[0], candidates.shape[0]), np.float32)
    for reader in range(readers.shape[0]):
        mine = readers.indices[readers.indptr[reader] : readers.indptr[reader + 1]]
        drawn = rng.choice(library.shape[0], min(NEGATIVES + len(mine), library.shape[0]), replace=False)
        others = np.setdiff1d(drawn, mine)[:NEGATIVES]
        if not len(mine) or not len(others) or not library.shape[1]:
            continue
        wanted = np.concatenate([np.ones(len(mine)), np.zeros(len(others))])
        with warnings.catch_warnings(), threadpool_limits(1):  # many small fits: threads only get in each other's way
            warnings.simplefilter("ignore", ConvergenceWarning)
            fitted = model().fit(library[np.concatenate([mine, others])], wanted)
        out[reader] = fitted.decision_function(candidates)
    return out
