"""Of the whole catalogue what may be for one reader: near what they read, said or follow, or noticed by many."""

from __future__ import annotations

from datetime import datetime

import numpy as np

from accounts.models import User
from papers.models import Paper
from recommender.engine.topk import top_columns
from recommender.models import Interaction, Interest
from recommender.published import model
from recommender.search import Asked, by_words

NEAR, NOTICED, FOLLOWED, SAID = 1000, 300, 300, 200  # papers of each kind that the ranker then looks at
LATEST = 200  # papers read that say where the reader is


def pool(user: User, at: datetime) -> list[int]:
    """Ids of papers readers may see, at most some thousands, in a bounded number of queries."""
    papers = Paper.objects.published(at)
    interests = list(Interest.objects.filter(user=user))
    found = set(_near(user))
    found.update(papers.order_by("-upvotes", "-published_at").values_list("pk", flat=True)[:NOTICED])
    for followed in ("topics", "authors"):
        theirs = papers.filter(**{f"{followed}__followers__in": interests}).newest_first()
        found.update(theirs.values_list("pk", flat=True)[:FOLLOWED])
    for sentence in [text for interest in interests for text in interest.sentences][:20]:
        found.update(by_words(Asked(str(sentence)))[:SAID])
    return sorted(papers.filter(pk__in=found).values_list("pk", flat=True))


def _near(user: User) -> list[int]:
    known = model().ranker.known_
    read = Interaction.objects.positive().filter(user=user).order_by("-at").values_list("paper_id", flat=True)[:LATEST]
    rows = known.rows.of(list(read))
    rows = rows[rows >= 0]
    if not len(rows):
        return []
    # The nearest to any of what they read, so that a small field is looked at as well.
    likeness = (known.vectors @ known.vectors[rows].T).max(axis=1)
    columns = top_columns(np.asarray(likeness[None], np.float32), NEAR, known.rows.ids)[0]
    return [int(known.rows.ids[column]) for column in columns if column >= 0]
