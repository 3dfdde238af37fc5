"""Papers like a paper: by its words and by its vector."""

from __future__ import annotations

import numpy as np

from papers.models import Paper
from recommender.embedding import paper_vectors
from recommender.engine.ranker import best_columns
from recommender.published import model

DEPTH = 4  # times k: what is hidden is taken out at the end


def similar_papers(paper: Paper, k: int = 5) -> list[Paper]:
    """Up to k papers that readers may see, the most alike first. Three queries."""
    known = model()
    ids = known.rows.ids
    if not len(ids):
        return []
    row = int(known.rows.of([paper.pk])[0])
    words = known.words[row] if row >= 0 else known.lexicon.transform([paper.text])
    scores = np.asarray((known.words @ words.T).todense(), np.float32).ravel()
    vectors, _ = paper_vectors().get(ids)
    own, _ = paper_vectors().get([paper.pk])
    scores = scores + vectors @ own[0]
    scores[ids == paper.pk] = -np.inf
    order = [int(ids[column]) for column in best_columns(scores[None], DEPTH * k, ids)[0] if scores[column] > 0]
    rows = Paper.objects.published().for_lists().in_bulk(order)
    return [rows[pk] for pk in order if pk in rows][:k]
