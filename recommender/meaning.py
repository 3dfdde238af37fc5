"""Papers near what a query means: its words' place in the space learnt from what readers read together.

The text encoder would cost a page seconds and a gigabyte. The published ranker holds a vector for every word, learnt
together with the papers' places, and a query is little but words.
"""

from __future__ import annotations

import numpy as np

from recommender.engine.papers import Papers
from recommender.engine.topk import top_columns
from recommender.placed import Placed
from recommender.published import model

NEAREST = 50  # papers, of a list that has no natural end
NEAR = 0.35  # the least cosine, chosen by looking (docs/ranker.md): below it lie papers about something else


def near_text(text: str) -> list[int]:
    """Papers, the nearest first; none while no ranker is published, or where it knows none of the words."""
    ranker = model()
    words = ranker.lexicon.transform([text])
    if not ranker.name or not words.nnz:
        return []
    placed = Placed(ranker)
    place = ranker.ranker.known_.projection.transform(Papers.of_text(np.array([-1]), words))[0]
    scores = placed.near_place(place)
    best = top_columns(scores[None], NEAREST, placed.ids)[0]
    return [int(placed.ids[column]) for column in best if scores[column] >= NEAR]
