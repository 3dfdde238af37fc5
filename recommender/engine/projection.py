"""text -> the space in which readers and papers meet, learnt from what readers read together.

    z(paper)  = normalised(words @ word_vectors + dense @ dense_vectors)
    u(reader) = normalised(sum of weight * rarity * (z(paper) + correction(paper)) over what they read)

A new paper has its place from its text alone. What readers did with a known paper may correct that place, on the
reader's side only, so that both kinds of paper stay comparable. Several models that differ by their seed stand side by
side; each block of their vectors is normalised by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.utils.extmath import randomized_svd

from recommender.engine.encoder import normalised
from recommender.engine.errors import NotFinite
from recommender.engine.interactions import Rows
from recommender.engine.papers import Papers

UNLEARNT_WORDS = 128  # dimensions for words beside the dense vectors while nothing has been learnt
LONGEST_LIBRARY = 40  # papers of one reader that take part in one step
RARITY = 0.2  # a paper that a thousand read says a quarter of what one that one reader read says


class Projection:
    """A two-tower model with one text encoder for both (as Covington et al., 2016), trained with a sampled softmax.

    Each step takes some readers, splits what each of them read at random, and asks the place of one part to find the
    papers of the other among all papers of the step. `temperature` sharpens the softmax (the setting that matters most:
    lower overfits, higher blurs); `popularity` is the exponent of the correction for papers that occur often (Yi et
    al., 2019), `rarity` that of a read paper's weight for its reader. Words, dense components and the vectors
    themselves are dropped at random, and `decay` holds the corrections near zero.

    After `fit` or `start`: word_vectors_ (n_words, d), dense_vectors_ (dim, d), corrections_ (n_papers, d) by the rows_
    of papers, float32, where d is n_blocks_ times the width of a block; is_learnt_.
    """

    def __init__(
        self,
        dim: int = 256,
        *,
        n_models: int = 3,
        epochs: int = 8,
        batch_size: int = 256,
        learning_rate: float = 2e-3,
        temperature: float = 0.08,
        popularity: float = 0.5,
        rarity: float = RARITY,
        word_dropout: float = 0.3,
        dense_dropout: float = 0.2,
        vector_dropout: float = 0.1,
        decay: float = 0.1,
        random_state: int = 0,
    ) -> None:
        self.dim = dim
        self.n_models = n_models
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.temperature = temperature
        self.popularity = popularity
        self.rarity = rarity
        self.word_dropout = word_dropout
        self.dense_dropout = dense_dropout
        self.vector_dropout = vector_dropout
        self.decay = decay
        self.random_state = random_state

    # --- learning ------------------------------------------------------------------------------------------------

    def start(self, papers: Papers) -> Projection:
        """Without readers: latent semantic analysis of the words (Deerwester et al., 1990) beside the dense vectors."""
        words = _principal_words(papers.words, UNLEARNT_WORDS, self.random_state)
        dim = papers.dense.shape[1]
        self.word_vectors_ = np.hstack([words, np.zeros((len(words), dim), np.float32)])
        self.dense_vectors_ = np.hstack([np.zeros((dim, words.shape[1]), np.float32), np.eye(dim, dtype=np.float32)])
        self.rows_, self.corrections_ = Rows([]), np.zeros((0, words.shape[1] + dim), np.float32)
        self.n_blocks_, self.is_learnt_ = 1, False
        return self

    def fit(self, papers: Papers, likings: sp.csr_matrix) -> Projection:
        """`likings` CSR (n_users, n_papers), positive weights. Readers of one paper teach nothing; with no others
        this is `start`. NotFinite where training went astray."""
        if likings.shape[1] != len(papers):
            raise ValueError(f"likings has {likings.shape[1]} columns for {len(papers)} papers.")
        if not (likings.getnnz(axis=1) >= 2).any() or min(papers.words.shape) < 2 or not papers.words.nnz:
            return self.start(papers)
        import torch  # two seconds, and only whoever trains needs it

        start = _principal_words(papers.words, self.dim, self.random_state)
        models = []
        for number in range(self.n_models):
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(self.random_state * 1000 + number)
                models.append(self._train(torch, papers, likings, start, self.random_state * 1000 + number))
        self.word_vectors_, self.dense_vectors_, corrections = (
            np.hstack(blocks) for blocks in zip(*models, strict=True)
        )
        if not all(np.isfinite(learnt).all() for learnt in (self.word_vectors_, self.dense_vectors_, corrections)):
            raise NotFinite("The projection learnt from readers holds numbers that are not finite.")
        order = np.argsort(papers.ids, kind="stable")
        self.rows_, self.corrections_ = Rows(papers.ids), corrections[order] / np.float32(np.sqrt(self.n_models))
        self.n_blocks_, self.is_learnt_ = self.n_models, True
        return self

    def _train(
        self, torch: Any, papers: Papers, likings: sp.csr_matrix, first_words: NDArray[np.float32], seed: int
    ) -> tuple[NDArray[np.float32], ...]:
        """Vectors of words, of dense components, corrections. `first_words` are the words' to start from."""
        first_dense = _principal_axes(papers.dense, first_words.shape[1])
        words, dense = torch.nn.Parameter(torch.tensor(first_words)), torch.nn.Parameter(torch.tensor(first_dense))
        corrections = torch.nn.Parameter(torch.zeros(len(papers), first_words.shape[1]))
        optimizer = torch.optim.AdamW(
            [{"params": [words, dense], "weight_decay": 0.0}, {"params": [corrections], "weight_decay": self.decay}],
            lr=self.learning_rate,
            fused=True,  # one pass over ten million numbers a step instead of a dozen: a quarter of the time
        )
        encode = _text_tower(torch, papers, words, dense, self.word_dropout, self.dense_dropout)
        seen = np.maximum(likings.getnnz(axis=0), 1).astype(np.float32)
        weighted = sp.csr_matrix(likings @ sp.diags(seen**-self.rarity), dtype=np.float32)
        offset = torch.from_numpy(-self.popularity * np.log(seen))
        rng = np.random.default_rng(seed)
        readers = np.flatnonzero(likings.getnnz(axis=1) >= 2)
        n_steps = self.epochs * -(-len(readers) // self.batch_size)
        step = 0
        for _ in range(self.epochs):
            order = rng.permutation(readers)
            for first in range(0, len(order), self.batch_size):
                batch = _split(weighted, order[first : first + self.batch_size], rng)
                vectors = torch.nn.functional.dropout(encode(batch.papers), self.vector_dropout)
                loss = self._loss(torch, batch, vectors, vectors + corrections[batch.papers], offset[batch.papers])
                for group in optimizer.param_groups:  # twenty steps up, then straight down to zero
                    group["lr"] = self.learning_rate * min(1.0, (step + 1) / 20) * (1 - step / n_steps)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                step += 1
        return words.detach().numpy(), dense.detach().numpy(), corrections.detach().numpy()

    def _loss(self, torch: Any, batch: _Batch, vectors: Any, corrected: Any, offset: Any) -> Any:
        """Mean over targets of -log softmax, each against the papers that are none of its reader's."""
        given = torch.from_numpy(batch.given_weights)[:, None] * corrected[batch.given_papers]
        readers = torch.zeros(batch.n_readers, vectors.shape[1]).index_add(
            0, torch.from_numpy(batch.given_readers), given
        )
        logits = torch.nn.functional.normalize(readers, dim=1) @ vectors.T / self.temperature + offset
        own = torch.zeros_like(logits, dtype=torch.bool)
        own[batch.given_readers, batch.given_papers] = True
        own[batch.target_readers, batch.target_papers] = True
        others = torch.logsumexp(logits.masked_fill(own, -1e4), dim=1)[batch.target_readers]
        wanted = logits[batch.target_readers, batch.target_papers]
        return (torch.logaddexp(others, wanted) - wanted).mean()

    # --- using ---------------------------------------------------------------------------------------------------

    def transform(self, papers: Papers) -> NDArray[np.float32]:
        """(n, d) float32, rows of length one, or of zeros where no text is known."""
        out = np.asarray(papers.words @ self.word_vectors_, np.float32)
        if papers.dense.shape[1] == len(self.dense_vectors_):
            out += papers.dense @ self.dense_vectors_
        return self.normalised(out)

    def normalised(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Every block at the same length, the whole at length one; zeros stay."""
        width = vectors.shape[1] // self.n_blocks_
        blocks = normalised(vectors.reshape(len(vectors) * self.n_blocks_, width))
        return blocks.reshape(vectors.shape) / np.float32(np.sqrt(self.n_blocks_))

    def corrected(self, papers: Papers, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, d) the papers' vectors as they count on the reader's side."""
        rows = self.rows_.of(papers.ids)
        out = vectors.copy()
        for start in range(0, len(rows), 4096):
            some = np.flatnonzero(rows[start : start + 4096] >= 0) + start
            out[some] += self.corrections_[rows[some]]
        return out


@dataclass(frozen=True, eq=False)
class _Batch:
    """Some readers' papers, split into those given and those to be found; positions are in `papers`."""

    papers: NDArray[np.int64]
    n_readers: int
    given_readers: NDArray[np.int64]
    given_papers: NDArray[np.int64]
    given_weights: NDArray[np.float32]
    target_readers: NDArray[np.int64]
    target_papers: NDArray[np.int64]


def _split(likings: sp.csr_matrix, readers: NDArray[np.int64], rng: np.random.Generator) -> _Batch:
    """30 to 80% of each reader's papers are given, at least one on each side."""
    given: list[NDArray[np.int64]] = []
    targets: list[NDArray[np.int64]] = []
    for reader in readers:
        entries = rng.permutation(np.arange(likings.indptr[reader], likings.indptr[reader + 1]))[:LONGEST_LIBRARY]
        n_given = min(max(round(len(entries) * rng.uniform(0.3, 0.8)), 1), len(entries) - 1)
        given.append(entries[:n_given])
        targets.append(entries[n_given:])
    given_entries, target_entries = np.concatenate(given), np.concatenate(targets)
    columns = likings.indices.astype(np.int64)
    papers, places = np.unique(columns[np.concatenate([given_entries, target_entries])], return_inverse=True)
    who = np.arange(len(readers))
    return _Batch(
        papers,
        len(readers),
        np.repeat(who, [len(part) for part in given]),
        places[: len(given_entries)],
        likings.data[given_entries].astype(np.float32),
        np.repeat(who, [len(part) for part in targets]),
        places[len(given_entries) :],
    )


def _text_tower(
    torch: Any, papers: Papers, words: Any, dense: Any, word_dropout: float, dense_dropout: float
) -> Callable[[NDArray[np.int64]], Any]:
    """A function from rows of `papers` to their vectors, with gradients and dropout."""
    functional = torch.nn.functional
    components = torch.tensor(np.asarray(papers.dense))

    def encode(rows: NDArray[np.int64]) -> Any:
        some = papers.words[rows]
        out = functional.embedding_bag(
            torch.from_numpy(some.indices.astype(np.int64)),
            words,
            torch.from_numpy(some.indptr[:-1].astype(np.int64)),
            mode="sum",
            per_sample_weights=functional.dropout(torch.from_numpy(some.data), word_dropout),
        )
        if components.shape[1]:
            out = out + functional.dropout(components[rows], dense_dropout) @ dense
        return functional.normalize(out, dim=1, eps=1e-6)

    return encode


def _principal_words(words: sp.csr_matrix, k: int, random_state: int) -> NDArray[np.float32]:
    """(n_words, at most k)."""
    k = min(k, min(words.shape) - 1)
    if k < 1 or not words.nnz:
        return np.zeros((words.shape[1], 0), np.float32)
    _, _, components = randomized_svd(words, k, random_state=random_state, n_iter=3)
    return np.ascontiguousarray(components.T, np.float32)


def _principal_axes(dense: NDArray[np.float32], k: int) -> NDArray[np.float32]:
    """(dim, k): the dense vectors' principal axes, zeros where k is more than there are."""
    out = np.zeros((dense.shape[1], k), np.float32)
    if dense.size:
        sample = np.asarray(dense[:5000])
        _, _, axes = np.linalg.svd(sample - sample.mean(axis=0), full_matrices=False)
        out[:, : min(k, len(axes))] = axes[:k].T
    return out
