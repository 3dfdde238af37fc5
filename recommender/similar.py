"""Papers like a paper: by its words and by its place in the projection."""

from __future__ import annotations

import numpy as np

from papers.models import Paper
from recommender.engine.neighbours import NOT_ALIKE, likeness
from recommender.engine.topk import top_columns
from recommender.features import papers_of
from recommender.published import model

DEPTH = 4  # times k: what is hidden is taken out at the end
NEWEST = 500  # papers newer than the ranker that are looked at as well


def similar_papers(paper: Paper, k: int = 5) -> list[Paper]:
    """Up to k papers that readers may see, the most alike first, in a bounded number of queries."""
    ranker = model()
    known = ranker.ranker.known_
    newer = Paper.objects.published().newest_first().values_list("pk", flat=True)[:NEWEST]
    others = papers_of([pk for pk in newer if pk not in set(known.rows.ids.tolist())], ranker)
    itself = papers_of([paper.pk], ranker)
    place = known.projection.transform(itself)
    by_words = np.concatenate([likeness(itself.words, words)[0] for words in (known.words, others.words)])
    by_meaning = np.concatenate([known.vectors, known.projection.transform(others)]) @ place[0]
    scores = by_words + by_meaning
    ids = np.concatenate([known.rows.ids, others.ids])
    scores[ids == paper.pk] = -np.inf
    found = [int(ids[column]) for column in top_columns(scores[None], DEPTH * k, ids)[0] if scores[column] > NOT_ALIKE]
    rows = Paper.objects.published().for_lists().in_bulk(found)
    return [rows[pk] for pk in found if pk in rows][:k]
