"""What the engine knows of papers and of readers: rows of features, no database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Papers:
    """n papers, a row each. A sentence a reader says of themselves is a row too, of negative id: it is treated as a
    paper they saved."""

    ids: NDArray[np.int64]  # (n,)
    words: sp.csr_matrix  # (n, n_words) float32, TF-IDF, rows of length one or empty
    dense: NDArray[np.float32]  # (n, dim), rows of length one, or of zeros where the text has not been encoded
    topics: sp.csr_matrix  # (n, n_topics) 0 or 1
    authors: sp.csr_matrix  # (n, n_authors) 0 or 1
    published: NDArray[np.float64]  # (n,) days since 1970, nan where unknown
    votes: NDArray[np.float32]  # (n,) how many people took notice

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> Papers:
        return Papers(*(getattr(self, field.name)[rows] for field in fields(self)))

    @classmethod
    def of_text(
        cls,
        ids: Sequence[int] | NDArray[np.int64],
        words: sp.csr_matrix,
        dense: NDArray[np.float32] | None = None,
        *,
        topics: sp.csr_matrix | None = None,
        authors: sp.csr_matrix | None = None,
        published: NDArray[np.float64] | None = None,
        votes: NDArray[np.float32] | None = None,
    ) -> Papers:
        """Papers of which only the text need be known."""
        n = len(ids)
        none = sp.csr_matrix((n, 0), dtype=np.float32)
        return cls(
            np.asarray(ids, np.int64),
            sp.csr_matrix(words, dtype=np.float32),
            np.zeros((n, 0), np.float32) if dense is None else np.asarray(dense, np.float32),
            none if topics is None else topics,
            none if authors is None else authors,
            np.full(n, np.nan) if published is None else published,
            np.zeros(n, np.float32) if votes is None else votes,
        )


@dataclass(frozen=True, eq=False)
class Readers:
    """n readers, a row each. The columns of `user_items` are the rows of a `Papers` that stands beside it."""

    ids: NDArray[np.int64]  # (n,)
    user_items: sp.csr_matrix  # (n, n_items) float32; above zero what they like, below what they do not
    topics: sp.csr_matrix  # (n, n_topics) 0 or 1: followed
    authors: sp.csr_matrix  # (n, n_authors) 0 or 1: followed

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_] | slice) -> Readers:
        return Readers(*(getattr(self, field.name)[rows] for field in fields(self)))

    @classmethod
    def of_likings(cls, user_items: sp.csr_matrix, papers: Papers) -> Readers:
        """Readers of whom only the interactions are known."""
        n = user_items.shape[0]
        return cls(
            np.arange(n, dtype=np.int64),
            sp.csr_matrix(user_items, dtype=np.float32),
            sp.csr_matrix((n, papers.topics.shape[1]), dtype=np.float32),
            sp.csr_matrix((n, papers.authors.shape[1]), dtype=np.float32),
        )
