"""The parts of a score. Each compares what a reader read, their library, with the candidates; all but `collaborative`
and `lent` are sums over the library, so that what each read paper contributed can be told exactly.

    reading        cosine of the reader's place and the candidate's in the learnt projection
    neighbours     votes of the papers read, by likeness in the projection
    lexical        votes of the papers read, by likeness of words (TF-IDF)
    lent           ALS factors that a paper nobody has read borrows from those it votes for
    collaborative  ALS factors of a paper that was read
    coreads        who read these also read that
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recommender.engine.collaborative import Collaborative
from recommender.engine.diversity import NEAR_DUPLICATE
from recommender.engine.encoder import normalised
from recommender.engine.interactions import Rows
from recommender.engine.neighbours import Votes, likeness, votes_of
from recommender.engine.padded import Gathered, gather, product
from recommender.engine.papers import Papers
from recommender.engine.projection import RARITY, Projection

# Votes fall with the fourth power of the cosine in the projection, with the second of the cosine of words.
MEANING_POWER = 4.0
WORDS_POWER = 2.0
# Of two votes by words and by meaning that are equally unusual, the one by words counts half when factors are lent.
WORDS_SHARE = 0.5
MOST_COREADS = 100
SAME_WORDS = 0.8  # two texts that say the same have words of at least this cosine
SUM_PARTS = ("reading", "neighbours", "lexical", "coreads")


@dataclass(frozen=True, eq=False)
class Known:
    """What was learnt: the projection, the papers it was learnt from (by rising id), what readers did with them."""

    projection: Projection
    rows: Rows
    words: sp.csr_matrix  # (n_known, n_words)
    vectors: NDArray[np.float32]  # (n_known, d)
    n_readers: NDArray[np.float32]  # (n_known,)
    coreads: sp.csr_matrix  # (n_known, n_known) cosine of columns of user_items, the greatest of each row
    collaborative: Collaborative | None
    usual_votes: tuple[float, float]  # what a paper's votes by meaning, by words, come to before they are scaled

    def read_rows(self, papers: Papers) -> NDArray[np.int64]:
        """Rows of papers that somebody had read, -1 for all others."""
        rows = self.rows.of(papers.ids)
        found = rows >= 0
        rows[found] = np.where(self.n_readers[rows[found]] > 0, rows[found], -1)
        return rows

    def vectors_of(self, papers: Papers) -> NDArray[np.float32]:
        """(n, d) places in the projection: as learnt with for known papers, from their text for all others."""
        rows = self.rows.of(papers.ids)
        new = np.flatnonzero(rows < 0)
        if not len(self.rows) or len(new) == len(rows):
            return self.projection.transform(papers)
        out = self.vectors[rows]
        if len(new):
            out[new] = self.projection.transform(papers.take(new))
        return out

    def rarity(self, papers: Papers) -> NDArray[np.float32]:
        """(n,) in (0, 1]: what many have read says less of one who read it."""
        rows = self.rows.of(papers.ids)
        count = np.where(rows >= 0, self.n_readers[np.maximum(rows, 0)], 1) if len(self.rows) else np.ones(len(rows))
        return np.asarray(np.maximum(count, 1) ** -RARITY, np.float32)


@dataclass(frozen=True, eq=False)
class Candidates:
    """Papers made ready to be ranked, for however many calls."""

    papers: Papers
    vectors: NDArray[np.float32]
    read_rows: NDArray[np.int64]  # -1 where the model never saw a reader of the paper
    by_meaning: Votes
    by_words: Votes

    def __len__(self) -> int:
        return len(self.papers)

    @property
    def is_read(self) -> NDArray[np.bool_]:
        return self.read_rows >= 0

    @cached_property
    def likeness(self) -> NDArray[np.float32]:
        """(m, m) cosines in the projection; short of the same where words differ, for in the few dimensions that a
        small catalogue has everything is alike."""
        near, by_words = likeness(self.vectors, self.vectors), likeness(self.papers.words, self.papers.words)
        has_words = np.diff(self.papers.words.indptr) > 0
        differ = (by_words < SAME_WORDS) & has_words[:, None] & has_words
        return np.where(differ, np.minimum(near, NEAR_DUPLICATE), near)


def prepare(known: Known, papers: Papers) -> Candidates:
    vectors, own = known.projection.transform(papers), known.rows.of(papers.ids)
    meaning, words = known.usual_votes
    return Candidates(
        papers,
        vectors,
        known.read_rows(papers),
        votes_of(vectors, known.vectors, MEANING_POWER, own, meaning),
        votes_of(papers.words, known.words, WORDS_POWER, own, words),
    )


class Comparison:
    """A library against candidates: what does not depend on a reader, computed when a part is first asked for."""

    def __init__(self, known: Known, library: Papers, candidates: Candidates) -> None:
        self.known = known
        self.library = library
        self.candidates = candidates
        self.rarity = known.rarity(library)
        self.vectors = known.vectors_of(library)
        self.corrected = known.projection.corrected(library, self.vectors)

    def weighed(self, likings: sp.csr_matrix) -> sp.csr_matrix:
        """Likings CSR (n, n_library), each paper by its rarity; entries keep their order, unlike a product's."""
        data = np.asarray(likings.data * self.rarity[likings.indices], np.float32)
        return sp.csr_matrix((data, likings.indices, likings.indptr), likings.shape)

    def places(self, weighed: sp.csr_matrix) -> NDArray[np.float32]:
        """(n, d) the readers' places in the projection."""
        return self.known.projection.normalised(
            product(weighed.shape[0], self.corrected.shape[1], self.gather(weighed))
        )

    def gather(self, weighed: sp.csr_matrix) -> Iterator[Gathered]:
        """The places of what readers read, for readers of about as many papers at once."""
        return gather(weighed, self.corrected)

    @cached_property
    def neighbours(self) -> sp.csr_matrix:
        """(n_library, m) votes by meaning."""
        rows = self.known.rows.of(self.library.ids)
        return self.candidates.by_meaning.to(rows, self.vectors, self.candidates.vectors)

    @cached_property
    def lexical(self) -> sp.csr_matrix:
        """(n_library, m) votes by words."""
        rows = self.known.rows.of(self.library.ids)
        return self.candidates.by_words.to(rows, self.library.words, self.candidates.papers.words)

    @cached_property
    def coreads(self) -> sp.csr_matrix:
        """(n_library, m)."""
        rows, columns = self.known.read_rows(self.library), self.candidates.read_rows
        if not (columns >= 0).any() or not (rows >= 0).any():
            return sp.csr_matrix((len(rows), len(columns)), dtype=np.float32)
        picked = self.known.coreads[np.maximum(rows, 0)][:, np.maximum(columns, 0)]
        keep_rows, keep_columns = sp.diags((rows >= 0).astype(np.float32)), sp.diags((columns >= 0).astype(np.float32))
        return sp.csr_matrix(keep_rows @ picked @ keep_columns, dtype=np.float32)

    @cached_property
    def library_factors(self) -> NDArray[np.float32]:
        """(n_library, k) what ALS learnt, zeros for papers it did not see read."""
        return self._factors(self.known.read_rows(self.library))

    @cached_property
    def lent_factors(self) -> NDArray[np.float32]:
        """(m, k) what each candidate borrows from the papers it votes for."""
        meaning, words = self.candidates.by_meaning.by_known, self.candidates.by_words.by_known
        n = meaning.shape[0]
        every = self._factors(np.where(self.known.n_readers > 0, np.arange(n), -1))
        return np.asarray((meaning + WORDS_SHARE * words).T @ every, np.float32)

    def _factors(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        if self.known.collaborative is None or not len(self.known.rows):
            return np.zeros((len(rows), 1), np.float32)
        factors = self.known.collaborative.item_factors_[np.maximum(rows, 0)]
        return np.where(rows[:, None] >= 0, factors, 0)

    def raw(self, likings: sp.csr_matrix, names: Collection[str]) -> dict[str, NDArray[np.float32]]:
        """Parts by name, (n, m) float32 each, for the readers of `likings` CSR (n, n_library)."""
        weighed = self.weighed(likings)
        unit = of_length_one(weighed)
        out: dict[str, NDArray[np.float32]] = {}
        if "reading" in names:
            out["reading"] = self.places(weighed) @ self.candidates.vectors.T
        for name in ("neighbours", "lexical", "coreads"):
            if name in names:
                out[name] = np.asarray((unit @ getattr(self, name)).toarray(), np.float32)
        if "lent" in names:
            out["lent"] = self.borrowers(unit) @ self.lent_factors.T
        if "collaborative" in names:
            out["collaborative"] = self.collaborative(likings)
        return out

    def borrowers(self, unit: sp.csr_matrix) -> NDArray[np.float32]:
        """(n, k) the readers among the factors, at length one."""
        return normalised(np.asarray(unit @ self.library_factors, np.float32))

    def collaborative(self, likings: sp.csr_matrix) -> NDArray[np.float32]:
        """(n, m) ALS's own prediction; 0 for candidates that nobody has read."""
        if self.known.collaborative is None:
            return np.zeros((likings.shape[0], len(self.candidates)), np.float32)
        readers = self.known.collaborative.fold_in(likings, self.library_factors)
        return np.asarray(readers @ self._factors(self.candidates.read_rows).T, np.float32)


def usual_votes(projection: Projection, papers: Papers, vectors: NDArray[np.float32]) -> tuple[float, float]:
    """The median over some papers of what their votes by meaning, by words, come to."""
    if not len(papers):
        return 0.0, 0.0
    some = np.random.default_rng(0).permutation(len(papers))[:300]
    meaning = votes_of(vectors[some], vectors, MEANING_POWER, some)
    words = votes_of(papers.words[some], papers.words, WORDS_POWER, some)
    return float(np.median(meaning.total)), float(np.median(words.total))


def of_length_one(matrix: sp.csr_matrix) -> sp.csr_matrix:
    """Rows of Euclidean length one; a row of nothing stays."""
    out = sp.csr_matrix(matrix, dtype=np.float32, copy=True)
    lengths = np.sqrt(np.asarray(out.multiply(out).sum(axis=1)).ravel())
    out.data /= np.repeat(np.maximum(lengths, 1e-12), np.diff(out.indptr)).astype(np.float32)
    return out


def coreads_of(likings: sp.csr_matrix, k: int = MOST_COREADS) -> sp.csr_matrix:
    """(n_items, n_items) CSR: for each paper the k papers whose readers are most nearly its own, by cosine
    (Sarwar et al., 2001), itself left out."""
    columns = of_length_one(sp.csr_matrix(likings.T, dtype=np.float32))
    n = columns.shape[0]
    blocks = []
    for start in range(0, n, 2048):
        block = sp.csr_matrix(columns[start : start + 2048] @ columns.T)
        block.setdiag(0, k=start)
        block.eliminate_zeros()
        blocks.append(_greatest_of_rows(block, k))
    return sp.vstack(blocks, format="csr") if blocks else sp.csr_matrix((n, n), dtype=np.float32)


def _greatest_of_rows(matrix: sp.csr_matrix, k: int) -> sp.csr_matrix:
    """Each row's k greatest entries."""
    order = np.lexsort((-matrix.data, np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))))
    place = np.arange(matrix.nnz) - np.repeat(matrix.indptr[:-1], np.diff(matrix.indptr))
    out = matrix.copy()
    out.data[order[place >= k]] = 0
    out.eliminate_zeros()
    return out
