"""The ranker: parts -> fusion -> exclusions -> diversity -> one reason an item."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recommender.engine.artifacts import Arrays
from recommender.engine.collaborative import Collaborative
from recommender.engine.diversity import diversified
from recommender.engine.encoder import normalised
from recommender.engine.evaluation import newest
from recommender.engine.fusion import PRIOR, Fusion
from recommender.engine.interactions import Rows, negative, positive
from recommender.engine.papers import Papers, Readers
from recommender.engine.projection import Projection, centroids, sparse_centroids

LEARNT = ("content", "nearest", "lexical", "collaborative")
# Said by the reader, or true for everybody: not learnt, since past reads say nothing about them.
FIXED = {"topics": 1.5, "authors": 6.0, "popularity": 0.1, "recency": 0.1, "dislike": 2.0}

NEAREST = 5  # saves that a paper is compared with one by one
REFERENCE = 500  # papers against which a reader's scores are standardised
FEWEST_READERS = 5  # who read two papers or more: below, nothing is learnt from readers
FEWEST_LISTS = 20  # held-out lists below which the fusion keeps its prior
RECENCY_DAYS = 7.0
SHORTLIST = 5  # times k, of which diversity chooses k
CHUNK = 512  # readers scored at once


@dataclass(frozen=True)
class Item:
    """One paper in a reader's list. `column` is the candidate's row. `part` names what contributed most to the score;
    `source` is the row of the library, the topic's or the author's column, or -1."""

    column: int
    score: float
    part: str
    source: int = -1


class Ranker:
    """Orders candidates for readers; scikit-learn's manners.

    After `fit`: weights_, the parts' weights; collaborative_, None where too few read; notes_, what was too little
    to learn; all of it immutable afterwards.
    """

    def __init__(self, *, factors: int = 64, diversity: float = 0.5, random_state: int = 0) -> None:
        self.factors = factors
        self.diversity = diversity
        self.random_state = random_state

    # --- learning --------------------------------------------------------------------------------------------

    def fit(self, papers: Papers, user_items: sp.csr_matrix) -> Ranker:
        """`user_items` CSR (n_users, n_papers), signed weights. Any number of readers and papers will do, none
        included: what cannot be learnt keeps its prior, and `notes_` says so."""
        if user_items.shape[1] != len(papers):
            raise ValueError(f"user_items has {user_items.shape[1]} columns for {len(papers)} papers.")
        if not np.isfinite(user_items.data).all():
            raise ValueError("user_items holds weights that are not finite.")
        self.notes_: list[str] = []
        self.weights_: dict[str, float] = {**PRIOR, **FIXED}
        likings = positive(sp.csr_matrix(user_items, dtype=np.float32))
        if int((likings.getnnz(axis=1) >= 2).sum()) < FEWEST_READERS:
            self.notes_.append(
                f"Fewer than {FEWEST_READERS} readers have read two papers or more: ranked by content, topics, "
                "popularity and recency."
            )
        else:
            self.weights_ |= self._learn_weights(papers, likings)
        self._fit_parts(papers, likings)
        return self

    def _fit_parts(self, papers: Papers, likings: sp.csr_matrix) -> None:
        self.projection_ = Projection(random_state=self.random_state).fit(papers)
        vectors = self.projection_.transform(papers)
        self.collaborative_: Collaborative | None = None
        if int((likings.getnnz(axis=1) >= 2).sum()) >= FEWEST_READERS:
            self.collaborative_ = Collaborative(self.factors, random_state=self.random_state).fit(likings, vectors)
        self.rows_ = Rows(papers.ids)
        order = np.argsort(papers.ids, kind="stable")
        self.item_factors_ = self.collaborative_.item_factors_[order] if self.collaborative_ else None
        # A paper nobody read has factors of nothing but regularisation: its text says more.
        self.is_read_ = np.asarray(likings.getnnz(axis=0) > 0)[order]
        rng = np.random.default_rng(self.random_state)
        chosen = np.sort(rng.permutation(len(papers))[:REFERENCE])
        self.reference_ = papers.take(chosen)

    def _learn_weights(self, papers: Papers, likings: sp.csr_matrix) -> dict[str, float]:
        """Hide the newest papers as if they were new today, fit the parts on the rest, and see which parts would have
        found them."""
        new = newest(papers.published, 0.2, seed=self.random_state)
        known, hidden = likings[:, ~new], likings[:, new]
        who = np.flatnonzero((known.getnnz(axis=1) > 0) & (hidden.getnnz(axis=1) > 0))
        if len(who) < FEWEST_LISTS:
            self.notes_.append(f"Only {len(who)} readers took a held-out paper: the parts' weights were not learnt.")
            return {}
        rng = np.random.default_rng(self.random_state)
        who = np.sort(rng.permutation(who)[:2000])
        trial = Ranker(factors=self.factors, random_state=self.random_state)
        trial._fit_parts(papers.take(~new), known)
        library, candidates = papers.take(~new), papers.take(new)
        lists, taken = [], []
        for start in range(0, len(who), CHUNK):
            rows = who[start : start + CHUNK]
            readers = Readers.of_likings(known[rows], library)
            parts = trial.parts(readers, library, candidates, at_day=None)
            stacked = np.stack([parts[name] for name in LEARNT], axis=2)
            truth = hidden[rows].toarray() > 0
            for reader in range(len(rows)):
                sample = np.union1d(
                    np.flatnonzero(truth[reader]), rng.permutation(len(candidates))[: min(100, len(candidates))]
                )
                lists.append(stacked[reader, sample])
                taken.append(truth[reader, sample])
        return dict(Fusion().fit(LEARNT, lists, taken).weights_)

    # --- scoring -------------------------------------------------------------------------------------------------

    def parts(
        self, readers: Readers, library: Papers, candidates: Papers, *, at_day: float | None
    ) -> dict[str, NDArray[np.float32]]:
        """Each part's scores, (n, m) float32, finite. The learnt ones are standardised against the reference papers
        for each reader, so that they mean the same whatever the day's candidates are. `at_day` counts days
        since 1970."""
        against = self._raw(readers, library, self.reference_)
        seen = self._reference_seen(readers, library)
        out = {}
        for name, raw in self._raw(readers, library, candidates).items():
            out[name] = _standardised(raw, against[name], seen)
        out["topics"] = np.minimum(np.asarray((readers.topics @ candidates.topics.T).toarray(), np.float32), 1)
        out["authors"] = np.minimum(np.asarray((readers.authors @ candidates.authors.T).toarray(), np.float32), 1)
        shape = (len(readers), len(candidates))
        out["popularity"] = np.broadcast_to(np.log1p(candidates.votes).astype(np.float32), shape)
        out["recency"] = np.broadcast_to(_recency(candidates.published, at_day), shape)
        out["dislike"] = self._dislike(readers, library, candidates)
        return out

    def score(
        self, readers: Readers, library: Papers, candidates: Papers, *, at_day: float | None = None
    ) -> NDArray[np.float32]:
        """(n, m) float32, the fused score of every candidate for every reader."""
        parts = self.parts(readers, library, candidates, at_day=at_day)
        total = np.zeros((len(readers), len(candidates)), np.float32)
        for name, part in parts.items():
            sign = -1 if name == "dislike" else 1
            total += np.float32(sign * self.weights_[name]) * part
        return total

    def _raw(self, readers: Readers, library: Papers, papers: Papers) -> dict[str, NDArray[np.float32]]:
        likings = positive(readers.user_items)
        library_vectors, vectors = self.projection_.transform(library), self.projection_.transform(papers)
        kernel = library_vectors @ vectors.T
        lexical = sparse_centroids(likings, library.words) @ papers.words.T
        return {
            "content": centroids(likings, library_vectors) @ vectors.T,
            "nearest": nearest(likings, kernel),
            "lexical": np.asarray(lexical.toarray(), np.float32),
            "collaborative": self._collaborative(likings, library, library_vectors, papers, vectors),
        }

    def _collaborative(
        self,
        likings: sp.csr_matrix,
        library: Papers,
        library_vectors: NDArray[np.float32],
        papers: Papers,
        vectors: NDArray[np.float32],
    ) -> NDArray[np.float32]:
        if self.collaborative_ is None:
            return np.zeros((likings.shape[0], len(papers)), np.float32)
        user_factors = self.collaborative_.fold_in(likings, self.factors_of(library, library_vectors))
        return user_factors @ self.factors_of(papers, vectors).T

    def factors_of(self, papers: Papers, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, k) what ALS learnt of papers that were read, what their text predicts of all others."""
        assert self.collaborative_ is not None
        assert self.item_factors_ is not None
        factors = self.collaborative_.item_factors_from_text(vectors)
        rows = self.rows_.of(papers.ids)
        known = rows >= 0
        known[known] = self.is_read_[rows[known]]
        factors[known] = self.item_factors_[rows[known]]
        return factors

    def _reference_seen(self, readers: Readers, library: Papers) -> NDArray[np.bool_]:
        """(n, n_reference): a reader's own papers say nothing about what is usual for them."""
        columns = Rows(library.ids)
        order = np.argsort(library.ids, kind="stable")
        at = columns.of(self.reference_.ids)
        seen = np.zeros((len(readers), len(at)), bool)
        known = at >= 0
        if known.any():
            seen[:, known] = readers.user_items[:, order[at[known]]].toarray() != 0
        return seen

    def _dislike(self, readers: Readers, library: Papers, candidates: Papers) -> NDArray[np.float32]:
        """How like a disliked paper each candidate is, beyond the usual."""
        dislikes = negative(readers.user_items)
        if not dislikes.nnz:
            return np.zeros((len(readers), len(candidates)), np.float32)
        kernel = self.projection_.transform(library) @ self.projection_.transform(candidates).T
        return np.maximum(nearest(dislikes, kernel, k=1), 0)

    # --- choosing ------------------------------------------------------------------------------------------------

    def rank(
        self,
        readers: Readers,
        library: Papers,
        candidates: Papers,
        k: int,
        *,
        exclude: sp.csr_matrix | None = None,
        at_day: float | None = None,
    ) -> list[list[Item]]:
        """The best k candidates for each reader, best first, fewer where fewer remain. `exclude` CSR (n, m) is non-zero
        where a reader must not get a paper."""
        return [row for chunk in self._ranked_chunks(readers, library, candidates, k, exclude, at_day) for row in chunk]

    def _ranked_chunks(
        self,
        readers: Readers,
        library: Papers,
        candidates: Papers,
        k: int,
        exclude: sp.csr_matrix | None,
        at_day: float | None,
    ) -> Iterator[list[list[Item]]]:
        vectors = self.projection_.transform(candidates)
        for start in range(0, len(readers), CHUNK):
            rows = slice(start, start + CHUNK)
            some = readers.take(rows)
            scores = self.score(some, library, candidates, at_day=at_day)
            if exclude is not None:
                scores[exclude[rows].toarray() != 0] = -np.inf
            shortlist = best_columns(scores, SHORTLIST * k, candidates.ids)
            listed = np.take_along_axis(scores, np.maximum(shortlist, 0), axis=1)
            chosen = diversified(listed, shortlist, vectors, k, self.diversity)
            yield self._explained(some, library, candidates, chosen, scores, at_day)

    def _explained(
        self,
        readers: Readers,
        library: Papers,
        candidates: Papers,
        chosen: NDArray[np.int64],
        scores: NDArray[np.float32],
        at_day: float | None,
    ) -> list[list[Item]]:
        likings = positive(readers.user_items)
        library_vectors, vectors = self.projection_.transform(library), self.projection_.transform(candidates)
        recency = _recency(candidates.published, at_day)
        out = []
        for reader in range(len(readers)):
            items = []
            mine = likings.indices[likings.indptr[reader] : likings.indptr[reader + 1]]
            weight = likings.data[likings.indptr[reader] : likings.indptr[reader + 1]]
            for column in chosen[reader][chosen[reader] >= 0]:
                options: list[tuple[float, str, int]] = [
                    (self.weights_["recency"] * float(recency[column]), "recency", -1),
                    (self.weights_["popularity"] * float(np.log1p(candidates.votes[column])), "popularity", -1),
                ]
                if len(mine):
                    alike = weight * (
                        library_vectors[mine] @ vectors[column]
                        + np.asarray(library.words[mine] @ candidates.words[column].T.toarray()).ravel()
                    )
                    nearest_row = int(alike.argmax())
                    if alike[nearest_row] > 0:
                        options.append((float(alike[nearest_row]), "read", int(mine[nearest_row])))
                for part, followed, has in (
                    ("topics", readers.topics, candidates.topics),
                    ("authors", readers.authors, candidates.authors),
                ):
                    shared = np.intersect1d(followed[reader].indices, has[int(column)].indices)
                    if len(shared):
                        options.append((self.weights_[part], part, int(shared[0])))
                _, part, source = max(options)
                items.append(Item(int(column), float(scores[reader, column]), part, source))
            out.append(items)
        return out

    # --- keeping -------------------------------------------------------------------------------------------------

    def to_arrays(self) -> tuple[Arrays, dict[str, Any]]:
        """What `from_arrays` makes the same ranker of: arrays, and settings for the manifest."""
        arrays: Arrays = {
            "ids": self.rows_.ids,
            "is_read": self.is_read_,
            "word_vectors": self.projection_.word_vectors_,
            "reference_ids": self.reference_.ids,
        }
        if self.collaborative_ is not None and self.item_factors_ is not None:
            arrays["item_factors"] = self.item_factors_
            arrays["text_to_factors"] = self.collaborative_.text_to_factors_
        settings = {
            "factors": self.factors,
            "diversity": self.diversity,
            "random_state": self.random_state,
            "weights": self.weights_,
            "notes": self.notes_,
        }
        return arrays, settings

    @classmethod
    def from_arrays(cls, arrays: Arrays, settings: Mapping[str, Any], reference: Papers) -> Ranker:
        """`reference` are the papers of arrays["reference_ids"], in that order."""
        ranker = cls(
            factors=settings["factors"], diversity=settings["diversity"], random_state=settings["random_state"]
        )
        ranker.weights_, ranker.notes_ = dict(settings["weights"]), list(settings["notes"])
        ranker.rows_, ranker.is_read_ = Rows(arrays["ids"]), arrays["is_read"]
        ranker.projection_ = Projection(random_state=ranker.random_state)
        ranker.projection_.word_vectors_ = arrays["word_vectors"]
        ranker.reference_ = reference
        ranker.collaborative_, ranker.item_factors_ = None, None
        if "item_factors" in arrays:
            ranker.item_factors_ = arrays["item_factors"]
            ranker.collaborative_ = Collaborative(ranker.factors, random_state=ranker.random_state)
            ranker.collaborative_.item_factors_ = arrays["item_factors"]
            ranker.collaborative_.text_to_factors_ = arrays["text_to_factors"]
        return ranker


def nearest(weights: sp.csr_matrix, kernel: NDArray[np.float32], k: int = NEAREST) -> NDArray[np.float32]:
    """(n, m): mean of the k greatest weight * kernel over a reader's papers, so that a small interest is not lost in
    the mean of a large one. `weights` (n, n_library), `kernel` (n_library, m)."""
    out = np.zeros((weights.shape[0], kernel.shape[1]), np.float32)
    for reader in range(weights.shape[0]):
        mine = slice(weights.indptr[reader], weights.indptr[reader + 1])
        alike = weights.data[mine, None] * kernel[weights.indices[mine]]
        if len(alike) > k:
            alike = np.partition(alike, len(alike) - k, axis=0)[len(alike) - k :]
        if len(alike):
            out[reader] = alike.mean(axis=0)
    return out


def best_columns(scores: NDArray[np.float32], k: int, ids: NDArray[np.int64]) -> NDArray[np.int64]:
    """(n, min(k, m)) columns by falling score, equal ones by falling id (the newer first), -1 in place of -inf."""
    n, m = scores.shape
    k = min(k, m)
    if not k:
        return np.zeros((n, 0), np.int64)
    by_id = np.argsort(-ids, kind="stable")
    ordered = scores[:, by_id]
    if k < m:
        top = np.sort(np.argpartition(-ordered, k - 1, axis=1)[:, :k], axis=1)
    else:
        top = np.broadcast_to(np.arange(m), (n, m))
    values = np.take_along_axis(ordered, top, axis=1)
    order = np.argsort(-values, axis=1, kind="stable")
    columns = by_id[np.take_along_axis(top, order, axis=1)]
    return np.where(np.isneginf(np.take_along_axis(values, order, axis=1)), -1, columns)


def _standardised(
    raw: NDArray[np.float32], against: NDArray[np.float32], seen: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """In standard deviations above what is usual for the reader; 0 for one without scores."""
    counted = (~seen).sum(axis=1, keepdims=True)
    masked = np.where(seen, 0, against)
    mean = masked.sum(axis=1, keepdims=True) / np.maximum(counted, 1)
    spread = np.sqrt(np.where(seen, 0, (against - mean) ** 2).sum(axis=1, keepdims=True) / np.maximum(counted, 1))
    usable = (spread > 1e-6) & (counted > 1)
    return np.where(usable, (raw - mean) / np.where(usable, spread, 1), 0).astype(np.float32)


def _recency(published: NDArray[np.float64], at_day: float | None) -> NDArray[np.float32]:
    """(m,) in [0, 1]: 1 for a paper of this instant, half of it a week ago, 0 where no time is known."""
    if at_day is None:
        return np.zeros(len(published), np.float32)
    ages = np.nan_to_num(np.maximum(at_day - published, 0), nan=np.inf)
    return (0.5 ** (ages / RECENCY_DAYS)).astype(np.float32)


__all__ = ["Item", "Ranker", "best_columns", "nearest", "normalised"]
