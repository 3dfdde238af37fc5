"""All that a ranker learns from: every paper, every interaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import compress

import numpy as np
import scipy.sparse as sp
from django.utils import timezone
from numpy.typing import NDArray

from papers.models import Paper
from recommender.embedding import paper_vectors
from recommender.engine.interactions import Rows, user_items, weigh
from recommender.engine.lexical import Lexicon
from recommender.engine.papers import Papers
from recommender.features import DAY_SECONDS
from recommender.models import Interaction


@dataclass(frozen=True, eq=False)
class Corpus:
    """Papers by rising id, and interactions up to an instant."""

    ids: NDArray[np.int64]
    texts: list[str]
    published: NDArray[np.float64]  # days since 1970
    votes: NDArray[np.float32]  # as the papers' sources counted them
    dense: NDArray[np.float32]
    n_without_vector: int
    user_ids: Rows
    events: list[tuple[int, int, str, datetime, bool]]  # user, paper, kind, at, at is known
    at: datetime

    def papers(self, lexicon: Lexicon) -> Papers:
        words = lexicon.transform(self.texts)
        return Papers.of_text(self.ids, words, self.dense, published=self.published, votes=self.votes)

    def lexicon(self, which: NDArray[np.bool_] | None = None) -> Lexicon:
        """Learnt from the texts of some papers (all)."""
        return Lexicon().fit(self.texts if which is None else list(compress(self.texts, which)))

    def matrix(self, which: NDArray[np.bool_] | None = None) -> sp.csr_matrix:
        """CSR (n_users, n_papers) of some events (all), aged as of `at`."""
        chosen = self.events if which is None else list(compress(self.events, which))
        ages = [(self.at - when).total_seconds() / DAY_SECONDS if known else np.nan for *_, when, known in chosen]
        return user_items(
            self.user_ids,
            Rows(self.ids),
            [event[0] for event in chosen],
            [event[1] for event in chosen],
            weigh([event[2] for event in chosen], np.array(ages)),
        )


def read_corpus(at: datetime | None = None) -> Corpus:
    """Every paper there is (what is hidden today was read all the same), and what happened up to `at` (now)."""
    at = at or timezone.now()
    columns = ("pk", "title", "abstract", "published_at", "upvotes")
    papers = list(Paper.objects.order_by("pk").only(*columns).iterator(chunk_size=2000))
    ids = np.array([paper.pk for paper in papers], np.int64)
    fields = ("user_id", "paper_id", "kind", "at", "at_is_known")
    events = list(Interaction.objects.filter(at__lte=at).order_by("pk").values_list(*fields).iterator(5000))
    dense, known = paper_vectors().get(ids)
    return Corpus(
        ids,
        [paper.text for paper in papers],
        np.array([paper.published_at.timestamp() / DAY_SECONDS for paper in papers], np.float64),
        np.array([paper.upvotes for paper in papers], np.float32),
        dense,
        int((~known).sum()),
        Rows(event[0] for event in events),
        events,
        at,
    )
