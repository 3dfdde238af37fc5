"""Where papers lie in the space of the ranker in use: those it learnt from, and the newest that came since."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from papers.models import Paper
from recommender.engine.neighbours import likeness
from recommender.engine.papers import Papers
from recommender.features import papers_of
from recommender.published import Model

NEWEST = 500  # papers newer than the ranker that are looked at as well


class Placed:
    """Papers by their ids, and how near they are to a place or to some words."""

    def __init__(self, ranker: Model) -> None:
        self.known = ranker.ranker.known_
        self.newer, self.places = _newer(ranker)
        self.ids = np.concatenate([self.known.rows.ids, self.newer.ids])

    def near_place(self, place: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n,) cosines in the space; `place` is (d,)."""
        return np.concatenate([self.known.vectors @ place, self.places @ place])

    def near_words(self, words: sp.csr_matrix) -> NDArray[np.float32]:
        """(n,) cosines of words; `words` is one row."""
        return np.concatenate([likeness(words, some)[0] for some in (self.known.words, self.newer.words)])


# The last answer of `_newer`, by what it was made of: every page of a paper asks for the same.
_last: tuple[tuple[Model, list[tuple[int, datetime]]], tuple[Papers, NDArray[np.float32]]] | None = None


def _newer(ranker: Model) -> tuple[Papers, NDArray[np.float32]]:
    """The newest papers that the ranker has not seen, and their places."""
    global _last
    known = ranker.ranker.known_
    newest = list(Paper.objects.published().newest_first().values_list("pk", "updated_at")[:NEWEST])
    is_new = known.rows.of([pk for pk, _ in newest]) < 0
    key = ranker, [paper for paper, new in zip(newest, is_new, strict=True) if new]
    if _last is None or _last[0] != key:
        papers = papers_of([pk for pk, _ in key[1]], ranker)
        _last = key, (papers, known.projection.transform(papers))
    return _last[1]
