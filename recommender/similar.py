"""Papers like a paper: by its words and by its place in the projection."""

from __future__ import annotations

import numpy as np

from papers.models import Paper
from recommender.engine.neighbours import NOT_ALIKE
from recommender.engine.topk import top_columns
from recommender.features import papers_of
from recommender.placed import Placed
from recommender.published import model

DEPTH = 4  # times k: what is hidden is taken out at the end


def similar_papers(paper: Paper, k: int = 5) -> list[Paper]:
    """Up to k papers that readers may see, the most alike first, in a bounded number of queries."""
    ranker = model()
    placed, itself = Placed(ranker), papers_of([paper.pk], ranker)
    scores = placed.near_words(itself.words) + placed.near_place(ranker.ranker.known_.projection.transform(itself)[0])
    scores[placed.ids == paper.pk] = -np.inf
    best = top_columns(scores[None], DEPTH * k, placed.ids)[0]
    found = [int(placed.ids[column]) for column in best if column >= 0 and scores[column] > NOT_ALIKE]
    rows = Paper.objects.published().for_lists().in_bulk(found)
    return [rows[pk] for pk in found if pk in rows][:k]
