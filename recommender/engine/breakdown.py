"""A score taken apart: what each part of the ranker's sum brought. The parts add up to `Ranker.score`."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recommender.engine.interactions import negative, positive
from recommender.engine.papers import Papers, Readers
from recommender.engine.parts import Comparison
from recommender.engine.ranker import FOLLOWED_AUTHOR, FOLLOWED_TOPIC, Ranker
from recommender.engine.weighted import OWN_READING

LIBRARY_PARTS = ("reading", "neighbours", "lexical", "lent", "coreads", "collaborative")
PARTS = (*LIBRARY_PARTS, "topics", "authors", "popularity", "recency", "disliked")


def parts_of_scores(
    ranker: Ranker,
    readers: Readers,
    library: Papers,
    candidates: Papers,
    *,
    at_day: float | None = None,
    dial: NDArray[np.float32] | None = None,
) -> dict[str, NDArray[np.float32]]:
    """(n, m) float32 by name of PARTS, in the units of the score. Those of the library are nought for a reader of
    nothing; below nought where a candidate is less like what they read than is usual.

    For a page that explains, not for ranking: every part is computed by itself, n times m, nothing kept.
    """
    likings = positive(readers.user_items)
    prepared = ranker.prepare(candidates)
    comparison = Comparison(ranker.known_, library, prepared)
    shape = (len(readers), len(candidates))
    has_read = (np.diff(likings.indptr) > 0)[:, None]
    turn = np.ones((shape[0], 1), np.float32) if dial is None else np.asarray(2 * dial, np.float32)[:, None]
    weights = ranker.weights_of(prepared.is_read)
    raw = comparison.raw(likings, weights)
    out = {name: np.zeros(shape, np.float32) for name in PARTS}
    for name, weight in weights.items():
        turned = 2 - turn if name in OWN_READING else turn
        out[name] = np.where(has_read, weight * (turned * raw[name] - ranker.scales_[name][0]), 0)
    always = ranker._for_everybody(candidates, prepared.is_read, None)
    out["popularity"] += always
    out["recency"] += ranker._for_everybody(candidates, prepared.is_read, at_day) - always
    for name, follows, has, followed in (
        ("topics", readers.topics, candidates.topics, FOLLOWED_TOPIC),
        ("authors", readers.authors, candidates.authors, FOLLOWED_AUTHOR),
    ):
        if follows.nnz and has.nnz:
            out[name] += np.asarray((sp.csr_matrix(follows @ has.T) > 0).toarray() * followed, np.float32)
    ranker._push_away(out["disliked"], negative(readers.user_items), comparison)
    return {name: np.asarray(part, np.float32) for name, part in out.items()}
