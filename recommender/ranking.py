"""readers and candidates -> what they did and said -> the published ranker -> each reader's list, with reasons."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import numpy as np
import scipy.sparse as sp
from django.conf import settings
from django.utils import timezone

from recommender.embedding import sentence_id
from recommender.engine.interactions import Rows
from recommender.engine.papers import Papers
from recommender.engine.parts import Candidates
from recommender.engine.ranker import Item
from recommender.features import DAY_SECONDS, Taste, library_of, muted, papers_of, readers_of, taste_of
from recommender.published import Model, load, model

EXPLORED = "explored"
MOST_PREPARED = 4  # sets of candidates: today's, yesterday's, those of readers who were away


@dataclass(frozen=True)
class RankedPaper:
    paper_id: int
    score: float
    reason: dict[str, Any]
    arm: str = ""


def rank(
    user_ids: Sequence[int],
    paper_ids: Sequence[int],
    k: int,
    *,
    exclude: Mapping[int, set[int]] | None = None,
    at: datetime | None = None,
    version: str = "",
) -> dict[int, list[RankedPaper]]:
    """The best k of these papers for each reader, best first; fewer where fewer remain.

    A score is how many times likelier the reader is to take the paper than one drawn at random. `arm` is EXPLORED where
    the paper has the place that settings.EXPLORATION keeps for trying.

    Left out: what the reader did anything with, what `exclude` names for them, what holds a word they muted. Readers
    and papers newer than the model take part by what they did and by their text. About a dozen queries for a call,
    however many readers. `version` names another ranker than the published one; ArtifactError where it is not whole.
    """
    at = at or timezone.now()
    users = list(dict.fromkeys(user_ids))
    papers = sorted(set(paper_ids))
    if not users or not papers or k < 1:
        return {user_id: [] for user_id in users}
    ranker = _versioned(version) if version else model()
    taste = taste_of(users, at)
    topics, authors = Rows(topic for _, topic in taste.topics), Rows(author for _, author in taste.authors)
    library = library_of(taste, ranker)
    candidates = papers_of(papers, ranker, topics=topics, authors=authors, with_votes=True)
    readers = readers_of(taste, library, topics, authors, at)
    excluded = _excluded(taste, papers, exclude or {})
    lists = ranker.ranker.rank(
        readers,
        library,
        candidates,
        k,
        exclude=excluded,
        at_day=at.timestamp() / DAY_SECONDS,
        prepared=_prepared(ranker, candidates),
        diversity=settings.DIVERSITY,
        exploration=settings.EXPLORATION,
        occasion=f"{at:%Y-%m-%d}",
    )
    names = _Names(taste, library, topics, authors)
    return {
        int(user_id): [
            RankedPaper(
                int(candidates.ids[item.column]), item.score, names.reason(item), EXPLORED if item.is_explored else ""
            )
            for item in items
        ]
        for user_id, items in zip(readers.ids, lists, strict=True)
    }


@lru_cache(maxsize=4)
def _versioned(name: str) -> Model:
    """Artifacts do not change, so each is loaded once a process: an experiment compares two."""
    return load(name)


_kept: OrderedDict[tuple[Model, bytes], Candidates] = OrderedDict()


def _prepared(model: Model, candidates: Papers) -> Candidates:
    """The candidates as the ranker compares them; kept, since every chunk of an edition's readers asks for the same."""
    text = hashlib.blake2b(digest_size=16)
    for array in (candidates.ids, candidates.dense, candidates.words.indices, candidates.words.data):
        text.update(np.ascontiguousarray(array).tobytes())
    key = (model, text.digest())
    if key not in _kept:
        _kept[key] = model.ranker.prepare(candidates)
    _kept.move_to_end(key)
    while len(_kept) > MOST_PREPARED:
        _kept.popitem(last=False)
    return _kept[key]


def _excluded(taste: Taste, paper_ids: Sequence[int], exclude: Mapping[int, set[int]]) -> sp.csr_matrix:
    """CSR (n_readers, n_candidates)."""
    had = {user_id: set(papers) for user_id, papers in exclude.items()}
    for user_id, paper_id, *_ in taste.events:
        had.setdefault(user_id, set()).add(paper_id)
    for user_id, papers in muted(taste, paper_ids).items():
        had.setdefault(user_id, set()).update(papers)
    pairs = [(user_id, paper_id) for user_id, papers in had.items() for paper_id in papers]
    rows = taste.user_ids.of([user_id for user_id, _ in pairs])
    columns = Rows(paper_ids).of([paper_id for _, paper_id in pairs])
    known = (rows >= 0) & (columns >= 0)
    shape = (len(taste.user_ids), len(paper_ids))
    return sp.csr_matrix((np.ones(int(known.sum()), np.int8), (rows[known], columns[known])), shape=shape)


class _Names:
    """An item's reason as docs/architecture.md has it."""

    def __init__(self, taste: Taste, library: Papers, topics: Rows, authors: Rows) -> None:
        self.sentences = {sentence_id(text): text for _, text in taste.sentences}
        self.library, self.topics, self.authors = library, topics, authors

    def reason(self, item: Item) -> dict[str, Any]:
        match item.part:
            case "read":
                id_ = int(self.library.ids[item.source])
                if id_ in self.sentences:
                    return {"kind": "interest", "text": self.sentences[id_]}
                return {"kind": "read", "paper": id_}
            case "topics":
                return {"kind": "topic", "topic": int(self.topics.ids[item.source])}
            case "authors":
                return {"kind": "author", "author": int(self.authors.ids[item.source])}
            case "popularity":
                return {"kind": "trending"}
            case _:
                return {"kind": "new"}
