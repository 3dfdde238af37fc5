"""The ranker: parts -> fusion -> exclusions -> diversity -> one reason an item."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from itertools import pairwise, repeat
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recommender.engine.artifacts import Arrays, pack_sparse, unpack_sparse
from recommender.engine.collaborative import Collaborative
from recommender.engine.diversity import diversified
from recommender.engine.evaluation import newest
from recommender.engine.exploration import draws, explored
from recommender.engine.fusion import Fusion, scale_of, scaled
from recommender.engine.interactions import Rows, negative, positive
from recommender.engine.papers import Papers, Readers
from recommender.engine.parts import Candidates, Comparison, Known, coreads_of, prepare, usual_votes
from recommender.engine.projection import Projection
from recommender.engine.second_field import lacking, shared_out
from recommender.engine.topk import top_columns
from recommender.engine.weighted import Read, Weighted, add

# Weights to start from, in spreads of each part: for papers that nobody has read yet, and for those that somebody has.
# Settled on citeulike-t (docs/ranker.md).
PRIOR_NEW = {"reading": 1.0, "neighbours": 0.2, "lexical": 0.1, "lent": 0.2}
PRIOR_NEW_UNLEARNT = {"reading": 1.0, "neighbours": 0.4, "lexical": 0.4, "lent": 0.1}
PRIOR_READ = {
    "reading": 1.0,
    "neighbours": 0.2,
    "lexical": 0.1,
    "coreads": 0.4,
    "collaborative": 0.4,
    "popularity": 0.2,
}
PARTS = tuple(dict.fromkeys([*PRIOR_NEW, *PRIOR_READ]))

# Said by the reader, or true for everybody: past reads do not teach them.
FOLLOWED_TOPIC = 1.5
FOLLOWED_AUTHOR = 6.0
POPULARITY = 0.1  # times log(1 + votes): among equals only
RECENCY = 0.1
RECENCY_HALF_LIFE_DAYS = 7.0
DISLIKE = 1.5  # per spread of likeness to a disliked paper, beyond what is usual

FEWEST_READERS = 5  # of two papers or more, for ALS
FEWEST_TEACHERS = 200  # of two papers or more, for a projection learnt from them
FEWEST_LISTS = 20  # held-out lists, for weights of the parts
MOST_LISTS_NEW, MOST_LISTS_READ = 2000, 500  # the latter are of more candidates
SHORTLIST = 5  # times k, of which diversity chooses k
CHUNK = 1024  # readers scored at once
LEAST_OF_FIELD = 2.0  # spreads above what is usual, for a paper that has a place since it is of a second field
DIVERSITY = 0.5  # in spreads of score, for a paper that is the same as one already taken


class Item(NamedTuple):
    """One paper in a reader's list. `column` is the candidate's row; `score` how many times likelier
    the reader is to take it than a paper drawn at random.
    `part` names what contributed most (read, topics, authors, popularity, recency), `source` which: the row of the
    library, the topic's or the author's column, or -1. `is_explored` where it took the place kept for exploring."""

    column: int
    score: float
    part: str
    source: int = -1
    is_explored: bool = False


class Ranker:
    """Orders candidates for readers; scikit-learn's manners.

    After `fit`: known_, the parts' models; scales_, what is usual of each part; new_ and read_, the fusions for papers
    nobody and somebody has read; notes_, what was too little to learn. Nothing of it changes afterwards.
    """

    def __init__(
        self,
        *,
        dim: int = 256,
        n_models: int = 3,
        epochs: int = 8,
        factors: int = 64,
        random_state: int = 0,
    ) -> None:
        self.dim = dim
        self.n_models = n_models
        self.epochs = epochs
        self.factors = factors
        self.random_state = random_state

    @property
    def settings(self) -> dict[str, Any]:
        """What __init__ takes."""
        names = ("dim", "n_models", "epochs", "factors", "random_state")
        return {name: getattr(self, name) for name in names}

    # --- learning ------------------------------------------------------------------------------------------------

    def fit(self, papers: Papers, user_items: sp.csr_matrix, *, like: Ranker | None = None) -> Ranker:
        """`user_items` CSR (n_users, n_papers), signed weights. Any number of readers and papers will do, none
        included: what cannot be learnt keeps its prior, and `notes_` says so. How much each part counts is taken from
        `like`, where a ranker is given."""
        if user_items.shape[1] != len(papers):
            raise ValueError(
                f"user_items has {user_items.shape[1]} columns for {len(papers)} papers: is it the right way round?"
            )
        if not np.isfinite(user_items.data).all():
            raise ValueError("user_items holds weights that are not finite.")
        order = np.argsort(papers.ids, kind="stable")
        papers = papers.take(order)
        likings = positive(sp.csr_matrix(user_items, dtype=np.float32))[:, order]
        self.notes_ = _notes(likings)
        if like is not None:
            self.new_: Fusion = like.new_
            self.read_: Fusion = like.read_
            self.scales_: dict[str, tuple[float, float]] = like.scales_
        else:
            self._learn_fusion(papers, likings)
        self.known_ = self._learn_parts(papers, likings, self.n_models)
        return self

    def _learn_parts(self, papers: Papers, likings: sp.csr_matrix, n_models: int) -> Known:
        n_teachers = _n_teachers(likings)
        projection = Projection(self.dim, n_models=n_models, epochs=self.epochs, random_state=self.random_state)
        projection = projection.fit(papers, likings) if n_teachers >= FEWEST_TEACHERS else projection.start(papers)
        vectors = projection.transform(papers)
        collaborative = None
        if n_teachers >= FEWEST_READERS:
            collaborative = Collaborative(self.factors, random_state=self.random_state).fit(likings)
        return Known(
            projection,
            Rows(papers.ids),
            papers.words,
            vectors,
            np.asarray(likings.getnnz(axis=0), np.float32),
            coreads_of(likings),
            collaborative,
            usual_votes(projection, papers, vectors),
        )

    def _learn_fusion(self, papers: Papers, likings: sp.csr_matrix) -> None:
        """Hide the newest papers as if they were new today, and a fifth of what each reader read of the others; learn
        the parts from the rest; see which of them would have found what was hidden."""
        prior_new = PRIOR_NEW if _n_teachers(likings) >= FEWEST_TEACHERS else PRIOR_NEW_UNLEARNT
        self.new_ = Fusion(prior_new, random_state=self.random_state).start()
        self.read_ = Fusion(PRIOR_READ, random_state=self.random_state).start()
        rng = np.random.default_rng(self.random_state)
        new = newest(papers.published, 0.2, seed=self.random_state)
        known, hidden = _hide(likings[:, ~new], 0.2, rng)
        old = replace(papers.take(~new), votes=np.asarray(known.getnnz(axis=0), np.float32))
        trial = self._learn_parts(old, known, n_models=1)
        self.scales_ = self._usual(trial, old, known, rng)
        for fusion, candidates, truth, most, what in (
            (self.new_, papers.take(new), likings[:, new], MOST_LISTS_NEW, "new papers"),
            (self.read_, old, hidden, MOST_LISTS_READ, "papers already read"),
        ):
            who = np.flatnonzero((known.getnnz(axis=1) > 0) & (truth.getnnz(axis=1) > 0))
            if len(who) < FEWEST_LISTS:
                self.notes_.append(
                    f"Fewer than {FEWEST_LISTS} readers to learn from how much each part counts for {what}: kept as "
                    "given. Their scores order papers; the chances behind them are a rule of thumb."
                )
                continue
            who = np.sort(rng.permutation(who)[:most])
            comparison = Comparison(trial, old, prepare(trial, candidates))
            parts = self._scaled(comparison, known[who], list(fusion.prior))
            taken = truth[who].toarray() > 0
            barred = known[who].toarray() > 0 if candidates is old else np.zeros_like(taken)
            fusion.fit(parts, taken, barred)

    def _usual(
        self, trial: Known, papers: Papers, likings: sp.csr_matrix, rng: np.random.Generator
    ) -> dict[str, tuple[float, float]]:
        """The mean and spread of every part over some readers (papers, while there are none) and some papers."""
        if not len(papers):
            return dict.fromkeys(PARTS, (0.0, 0.0))
        some = likings[np.sort(rng.permutation(np.flatnonzero(likings.getnnz(axis=1)))[:500])]
        if not some.shape[0]:
            some = sp.identity(len(papers), np.float32, "csr")[np.sort(rng.permutation(len(papers))[:300])]
        candidates = papers.take(np.sort(rng.permutation(len(papers))[:1000]))
        comparison = Comparison(trial, papers, prepare(trial, candidates))
        return scale_of(comparison.raw(some, PARTS) | {"popularity": np.log1p(candidates.votes)[None]})

    def _scaled(
        self, comparison: Comparison, likings: sp.csr_matrix, names: list[str]
    ) -> dict[str, NDArray[np.float32]]:
        raw = comparison.raw(likings, names)
        if "popularity" in names:
            votes = np.log1p(comparison.candidates.papers.votes)
            raw["popularity"] = np.broadcast_to(votes, (likings.shape[0], len(votes)))
        return {name: scaled(raw[name], self.scales_[name]) for name in names}

    # --- scoring -------------------------------------------------------------------------------------------------

    def prepare(self, papers: Papers) -> Candidates:
        """What comparing these candidates takes, whoever reads: worth keeping between calls, as `prepared`."""
        return prepare(self.known_, papers)

    def score(
        self,
        readers: Readers,
        library: Papers,
        candidates: Papers,
        *,
        at_day: float | None = None,
        prepared: Candidates | None = None,
        dial: NDArray[np.float32] | None = None,
    ) -> NDArray[np.float32]:
        """(n, m) float32, finite: the fused score of every candidate for every reader, before it becomes a chance.

        `at_day` counts days since 1970. `dial` (n,) in [0, 1] turns from a reader's own reading (0) to what others like
        them read (1); a half, the default, is as learnt.
        """
        weighted = self._compare(library, candidates, prepared)
        chunks = [
            self._score(some, weighted, weighted.read(some.user_items), at_day, None if dial is None else dial[rows])
            for rows in _chunks(len(readers))
            for some in [readers.take(rows)]
        ]
        return np.concatenate(chunks) if chunks else np.zeros((0, len(weighted.candidates)), np.float32)

    def _compare(self, library: Papers, candidates: Papers, prepared: Candidates | None) -> Weighted:
        comparison = Comparison(self.known_, library, prepared or self.prepare(candidates))
        weights = self.weights_of(comparison.candidates.is_read)
        return Weighted(comparison, candidates, weights, {name: scale[0] for name, scale in self.scales_.items()})

    def _score(
        self,
        readers: Readers,
        weighted: Weighted,
        read: Read,
        at_day: float | None,
        dial: NDArray[np.float32] | None,
    ) -> NDArray[np.float32]:
        papers = weighted.papers
        total = self._by_reading(readers, weighted, read, at_day, dial)
        for follows, has, weight in (
            (readers.topics, papers.topics, FOLLOWED_TOPIC),
            (readers.authors, papers.authors, FOLLOWED_AUTHOR),
        ):
            if follows.nnz and has.nnz:
                shared = sp.csr_matrix(follows @ has.T)
                shared.data = np.full(shared.nnz, weight, np.float32)
                add(total, shared)
        return total

    def _by_reading(
        self,
        readers: Readers,
        weighted: Weighted,
        read: Read,
        at_day: float | None,
        dial: NDArray[np.float32] | None,
    ) -> NDArray[np.float32]:
        """The score without what a reader follows."""
        total = weighted.by_library(read, dial)
        total += self._for_everybody(weighted.papers, weighted.candidates.is_read, at_day)
        self._push_away(total, negative(readers.user_items), weighted.comparison)
        return total

    def weights_of(self, is_read: NDArray[np.bool_]) -> dict[str, NDArray[np.float32]]:
        """(m,) by part of the library: its weight for each candidate, as it is new or read, over the part's spread."""
        new, read = self.new_.weights_, self.read_.weights_
        out = {}
        for name in PARTS:
            spread = self.scales_[name][1]
            if name != "popularity" and spread > 1e-9:
                weight = np.where(is_read, read.get(name, 0.0), new.get(name, 0.0)) / spread
                if weight.any():
                    out[name] = weight.astype(np.float32)
        return out

    def _for_everybody(self, papers: Papers, is_read: NDArray[np.bool_], at_day: float | None) -> NDArray[np.float32]:
        """(m,) what speaks for a paper whoever reads."""
        votes = np.log1p(papers.votes)
        learnt = self.read_.weights_["popularity"] * scaled(votes, self.scales_["popularity"])
        popularity = np.where(is_read, np.maximum(learnt, POPULARITY * votes), POPULARITY * votes)
        return np.asarray(popularity + RECENCY * _recency(papers.published, at_day), np.float32)

    def _push_away(self, total: NDArray[np.float32], dislikes: sp.csr_matrix, comparison: Comparison) -> None:
        mean, spread = self.scales_["reading"]
        for reader in np.flatnonzero(np.diff(dislikes.indptr)):
            mine = slice(dislikes.indptr[reader], dislikes.indptr[reader + 1])
            alike = comparison.vectors[dislikes.indices[mine]] @ comparison.candidates.vectors.T
            beyond = np.maximum(alike - mean, 0) / max(spread, 1e-9)
            total[reader] -= DISLIKE * (dislikes.data[mine, None] * beyond).max(axis=0)

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
        prepared: Candidates | None = None,
        dial: NDArray[np.float32] | None = None,
        diversity: float = DIVERSITY,
        shares_out: bool = True,
        exploration: float = 0.0,
        occasion: str = "",
    ) -> list[list[Item]]:
        """The best k candidates for each reader, best first, fewer where fewer remain. `exclude` CSR (n, m) is non-zero
        where a reader must not get a paper. `diversity` is how much score a paper loses for each cosine to one already
        taken. `shares_out` gives a second, smaller field of a reader its share of the list (second_field.py).
        On an `occasion` a share `exploration` of the readers, the same ones in every run, get in the last place one of
        the papers that just missed the list."""
        weighted = self._compare(library, candidates, prepared)
        out: list[list[Item]] = []
        for rows in _chunks(len(readers)):
            some = readers.take(rows)
            read = weighted.read(some.user_items, splits=shares_out)
            turn = None if dial is None else dial[rows]
            scores = self._score(some, weighted, read, at_day, turn)
            barred = None if exclude is None else exclude[rows]
            _bar(scores, barred)
            shortlist, chosen = self._chosen(scores, weighted, k, diversity)
            if shares_out:
                self._share_out(chosen, some, weighted, read, at_day, turn, barred, diversity)
            is_explored = np.zeros(len(some), bool)
            if exploration:
                draw = draws(some.ids.tolist(), occasion)
                chosen, is_explored = explored(chosen, shortlist, draw, exploration)
            out += self._explained(some, weighted, read, chosen, scores, at_day, is_explored)
        return out

    def _chosen(
        self, scores: NDArray[np.float32], weighted: Weighted, k: int, diversity: float
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Each reader's shortlist and list; a longer shortlist where one paper over and over would fill the short."""
        depth = SHORTLIST * k
        while True:
            shortlist = top_columns(scores, depth, weighted.papers.ids)
            listed = np.take_along_axis(scores, np.maximum(shortlist, 0), axis=1)
            chosen = diversified(listed, shortlist, weighted.candidates.likeness, k, diversity)
            is_cut = (chosen[:, -1:] < 0) & (shortlist[:, -1:] >= 0)
            if depth >= scores.shape[1] or not is_cut.any():
                return shortlist, chosen
            depth *= 4

    def _share_out(
        self,
        chosen: NDArray[np.int64],
        readers: Readers,
        weighted: Weighted,
        read: Read,
        at_day: float | None,
        dial: NDArray[np.float32] | None,
        barred: sp.csr_matrix | None,
        diversity: float,
    ) -> None:
        """Gives each second field its share of `chosen` (n, k), in place. Its papers are ranked as for a reader who has
        read nothing else."""
        whose = np.flatnonzero(read.fields.share_)
        if not len(whose):
            return
        small = sp.csr_matrix(read.likings[whose].multiply(read.fields.of_second_field()[whose]))
        sums = weighted.read(small).sums
        is_small = weighted.is_nearer(chosen[whose], sums, read.sums[whose] - sums)
        share = read.fields.share_[whose]
        short = lacking(is_small, share)
        if not len(short):
            return
        whose, small, is_small, share = whose[short], small[short], is_small[short], share[short]
        turn = None if dial is None else dial[whose]
        scores = self._by_reading(readers.take(whose), weighted, weighted.read(small), at_day, turn)
        _bar(scores, None if barred is None else barred[whose])
        scores[scores < LEAST_OF_FIELD] = -np.inf
        _, best = self._chosen(scores, weighted, chosen.shape[1], diversity)
        chosen[whose] = shared_out(chosen[whose], is_small, share, best)

    def _explained(
        self,
        readers: Readers,
        weighted: Weighted,
        read: Read,
        chosen: NDArray[np.int64],
        scores: NDArray[np.float32],
        at_day: float | None,
        is_explored: NDArray[np.bool_],
    ) -> list[list[Item]]:
        """What contributed most to each chosen paper. A paper for which nothing of the reader's own speaks is there for
        its votes, or for being new."""
        papers = weighted.papers
        places = chosen >= 0
        rows, columns = np.nonzero(places)[0], chosen[places]
        recency = RECENCY * _recency(papers.published, at_day)[columns]
        popularity = np.asarray(POPULARITY * np.log1p(papers.votes[columns]), np.float32)
        best = np.maximum(recency, popularity)
        part = np.where(popularity > recency, "popularity", "recency").astype(object)
        source = np.full(len(rows), -1)
        for name, (value, which) in {
            "read": weighted.greatest(read, rows, columns),
            "topics": _shared(readers.topics, papers.topics, rows, columns, FOLLOWED_TOPIC),
            "authors": _shared(readers.authors, papers.authors, rows, columns, FOLLOWED_AUTHOR),
        }.items():
            better = value > best
            best, source = np.where(better, value, best), np.where(better, which, source)
            part[better] = name
        has_read = np.diff(read.likings.indptr) > 0
        lifts = self.lifts(scores[rows, columns], weighted.candidates.is_read[columns], has_read[rows])
        fields = zip(columns.tolist(), lifts.tolist(), part.tolist(), source.tolist(), repeat(False), strict=False)
        items = [*map(partial(tuple.__new__, Item), fields)]  # thrice as fast as Item itself, for a million papers
        starts = np.searchsorted(rows, np.arange(len(readers) + 1)).tolist()
        out = [items[start:end] for start, end in pairwise(starts)]
        for row in np.flatnonzero(is_explored).tolist():
            out[row][-1] = out[row][-1]._replace(is_explored=True)
        return out

    def chances(self, scores: NDArray[np.float32], is_read: NDArray[np.bool_]) -> NDArray[np.float32]:
        """How often a reader takes a paper of that score, as far as past reads tell: the same for every reader and day.
        `is_read` is the candidates', of the scores' last axis."""
        return np.where(is_read, self.read_.chance(scores), self.new_.chance(scores))

    def lifts(
        self, scores: NDArray[np.float32], is_read: NDArray[np.bool_], has_read: NDArray[np.bool_]
    ) -> NDArray[np.float32]:
        """The chances over that of a paper drawn at random, so that a threshold means the same on a small site and on a
        large one. Of a reader who has read nothing only the order is known: e to the score stands for it."""
        base = np.where(is_read, self.read_.base_rate_, self.new_.base_rate_)
        known = self.chances(scores, is_read) / np.maximum(base, 1e-9)
        return np.where(has_read, known, np.exp(np.clip(scores, -20, 20))).astype(np.float32)

    @property
    def guesses_chances(self) -> bool:
        """Whether the chances of new papers are still a rule of thumb, for want of lists to learn them from."""
        return not self.new_.n_lists_

    # --- keeping -------------------------------------------------------------------------------------------------

    def to_arrays(self) -> tuple[Arrays, dict[str, Any]]:
        """What `from_arrays` makes the same ranker of: arrays, and settings for the manifest."""
        known = self.known_
        arrays: Arrays = {
            "ids": known.rows.ids,
            "vectors": known.vectors,
            "n_readers": known.n_readers,
            "word_vectors": known.projection.word_vectors_,
            "dense_vectors": known.projection.dense_vectors_,
            "corrections": known.projection.corrections_,
        }
        arrays |= pack_sparse("words", known.words) | pack_sparse("coreads", known.coreads)
        if known.collaborative is not None:
            arrays["item_factors"] = known.collaborative.item_factors_
        fusions = {
            name: {
                "weights": f.weights_,
                "intercept": f.intercept_,
                "knots": f.knots_.tolist(),
                "slopes": f.slopes_.tolist(),
                "base_rate": f.base_rate_,
                "n_lists": f.n_lists_,
            }
            for name, f in (("new", self.new_), ("read", self.read_))
        }
        learnt = {
            "is_learnt": known.projection.is_learnt_,
            "n_blocks": known.projection.n_blocks_,
            "usual_votes": list(known.usual_votes),
            "fusions": fusions,
            "scales": {name: list(scale) for name, scale in self.scales_.items()},
            "notes": self.notes_,
        }
        return arrays, {"settings": self.settings, "learnt": learnt}

    @classmethod
    def from_arrays(cls, arrays: Arrays, kept: Mapping[str, Any]) -> Ranker:
        """KeyError, TypeError or ValueError where they are not from `to_arrays`."""
        ranker = cls(**kept["settings"])
        learnt = kept["learnt"]
        ranker.notes_ = list(learnt["notes"])
        ranker.scales_ = {name: (float(mean), float(spread)) for name, (mean, spread) in learnt["scales"].items()}
        ranker.new_, ranker.read_ = (_restored(learnt["fusions"][name]) for name in ("new", "read"))
        rows = Rows(arrays["ids"])
        projection = Projection(
            ranker.dim, n_models=ranker.n_models, epochs=ranker.epochs, random_state=ranker.random_state
        )
        projection.word_vectors_, projection.dense_vectors_ = arrays["word_vectors"], arrays["dense_vectors"]
        projection.corrections_, projection.is_learnt_ = arrays["corrections"], bool(learnt["is_learnt"])
        projection.n_blocks_ = int(learnt["n_blocks"])
        projection.rows_ = rows if projection.is_learnt_ else Rows([])
        collaborative = None
        if "item_factors" in arrays:
            collaborative = Collaborative(ranker.factors, random_state=ranker.random_state)
            collaborative.item_factors_ = arrays["item_factors"]
        meaning, words = learnt["usual_votes"]
        ranker.known_ = Known(
            projection,
            rows,
            unpack_sparse("words", arrays),
            arrays["vectors"],
            arrays["n_readers"],
            unpack_sparse("coreads", arrays),
            collaborative,
            (float(meaning), float(words)),
        )
        return ranker


def _bar(scores: NDArray[np.float32], barred: sp.csr_matrix | None) -> None:
    if barred is not None:
        entries = barred.tocoo()
        scores[entries.row, entries.col] = -np.inf


def _notes(likings: sp.csr_matrix) -> list[str]:
    n_teachers = _n_teachers(likings)
    if n_teachers < FEWEST_READERS:
        return [
            f"Fewer than {FEWEST_READERS} readers have read two papers or more: ranked by content, topics, popularity "
            "and recency."
        ]
    if n_teachers < FEWEST_TEACHERS:
        return [
            f"Fewer than {FEWEST_TEACHERS} readers have read two papers or more: papers are compared by their text as "
            "it is, not as readers read it."
        ]
    return []


def _shared(
    follows: sp.csr_matrix, has: sp.csr_matrix, rows: NDArray[np.int64], columns: NDArray[np.int64], weight: float
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """For each (reader, candidate): the weight where the reader follows one of the paper's, and the first such."""
    if not follows.nnz or not has.nnz:
        return np.zeros(len(rows), np.float32), np.full(len(rows), -1)
    both = sp.csr_matrix(follows[rows].multiply(has[columns]))
    both.sort_indices()
    found = np.diff(both.indptr) > 0
    which = np.full(len(rows), -1)
    which[found] = both.indices[both.indptr[:-1][found]]
    return np.where(found, weight, 0).astype(np.float32), which


def _hide(likings: sp.csr_matrix, share: float, rng: np.random.Generator) -> tuple[sp.csr_matrix, sp.csr_matrix]:
    """A share of each reader's papers taken out, of those who keep two: what stays and what was taken."""
    draw = rng.random(likings.nnz) < share
    row_of = np.repeat(np.arange(likings.shape[0]), np.diff(likings.indptr))
    left = np.bincount(row_of[~draw], minlength=likings.shape[0])
    draw &= (left >= 2)[row_of]
    stays, taken = likings.copy(), likings.copy()
    stays.data, taken.data = np.where(draw, 0, likings.data), np.where(draw, likings.data, 0)
    stays.eliminate_zeros()
    taken.eliminate_zeros()
    return stays, taken


def _n_teachers(likings: sp.csr_matrix) -> int:
    return int((likings.getnnz(axis=1) >= 2).sum())


def _restored(kept: Mapping[str, Any]) -> Fusion:
    fusion = Fusion(kept["weights"]).start()
    fusion.intercept_ = float(kept["intercept"])
    fusion.knots_, fusion.slopes_ = np.array(kept["knots"], float), np.array(kept["slopes"], float)
    fusion.base_rate_, fusion.n_lists_ = float(kept["base_rate"]), int(kept["n_lists"])
    return fusion


def _recency(published: NDArray[np.float64], at_day: float | None) -> NDArray[np.float32]:
    """(m,) in [0, 1]: 1 for a paper of this instant, half of it a week ago, 0 where no time is known."""
    if at_day is None:
        return np.zeros(len(published), np.float32)
    ages = np.nan_to_num(np.maximum(at_day - published, 0), nan=np.inf)
    return (0.5 ** (ages / RECENCY_HALF_LIFE_DAYS)).astype(np.float32)


def _chunks(n: int) -> Iterator[slice]:
    return (slice(start, start + CHUNK) for start in range(0, n, CHUNK))
