"""readers and candidates -> what they did and said -> the published ranker -> each reader's list, with reasons."""

from __future__ import annotations

import hashlib
from collections import Counter, OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from itertools import zip_longest
from typing import Any

import numpy as np
import scipy.sparse as sp
from django.conf import settings
from django.utils import timezone
from numpy.typing import NDArray

from recommender.embedding import sentence_id
from recommender.engine.interactions import Rows
from recommender.engine.papers import Papers, Readers
from recommender.engine.parts import Candidates
from recommender.engine.ranker import Item
from recommender.features import DAY_SECONDS, Taste, library_of, muted, papers_of, readers_of, taste_of
from recommender.promised import Promises, promised_to
from recommender.published import Model, load, model

EXPLORED = "explored"
MOST_FOUND = 5  # by one saved search in one list, so that a wide one leaves room for the rest
MOST_PREPARED = 4  # sets of candidates: today's, yesterday's, those of readers who were away


@dataclass(frozen=True)
class RankedPaper:
    paper_id: int
    score: float
    reason: dict[str, Any]
    arm: str = ""
    is_promised: bool = False  # by an author they follow or a search they saved: it comes whatever its score


def rank(
    user_ids: Sequence[int],
    paper_ids: Sequence[int],
    k: int,
    *,
    exclude: Mapping[int, set[int]] | None = None,
    at: datetime | None = None,
    version: str = "",
    interest: int | None = None,
) -> dict[int, list[RankedPaper]]:
    """The best k of these papers for each reader, best first; fewer where fewer remain.

    A score is how many times likelier the reader is to take the paper than one drawn at random. `arm` is EXPLORED where
    the paper has the place that settings.EXPLORATION keeps for trying.

    What was promised (RankedPaper.is_promised) stands first. Then the interests that a reader keeps apart take turns
    with the rest of what they read; `interest` asks for one of them alone.

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
    choice: dict[str, Any] = {
        "at_day": at.timestamp() / DAY_SECONDS,
        "prepared": _prepared(ranker, candidates),
        "diversity": settings.DIVERSITY,
        "dial": _dial(taste),
    }
    excluded = _excluded(taste, papers, exclude or {})
    names = _Names(taste, library, topics, authors)

    def lists(rows: NDArray[np.int64], barred: sp.csr_matrix, **more: Any) -> dict[int, list[RankedPaper]]:
        dial = choice["dial"] if choice["dial"] is None else choice["dial"][rows]
        ranked = ranker.ranker.rank(
            readers.take(rows), library, candidates, k, exclude=barred, **choice | {"dial": dial} | more
        )
        return {
            int(row): [_named(item, candidates, names, taste.names.get(int(row), "")) for item in items]
            for row, items in zip(readers.ids[rows], ranked, strict=True)
        }

    if interest is not None and -interest not in taste.names:
        return {user_id: [] for user_id in users}
    wanted = np.arange(len(readers)) if interest is None else taste.rows.of([-interest])
    by_row = lists(wanted, excluded[wanted], exploration=settings.EXPLORATION, occasion=f"{at:%Y-%m-%d}")
    if interest is not None:
        return {user_id: by_row.get(-interest, []) for user_id in users}
    promises = _still_open(promised_to(taste, papers), excluded, taste, papers)
    first: dict[int, list[RankedPaper]] = {}
    if promises:
        rows = taste.rows.of(sorted(promises))
        first = lists(rows, excluded[rows] + _all_but(promises, papers), diversity=0.0)
    theirs = taste.rows_of()
    return {
        user_id: _joined(
            _promised(first.get(user_id, []), promises.get(user_id, {})),
            [by_row[row] for row in theirs[user_id] if row < 0 or len(theirs[user_id]) == 1 or _is_known(readers, row)],
            k,
        )
        for user_id in users
    }


def _named(item: Item, candidates: Papers, names: _Names, interest: str) -> RankedPaper:
    reason = names.reason(item) | ({"for": interest} if interest else {})
    return RankedPaper(int(candidates.ids[item.column]), item.score, reason, EXPLORED if item.is_explored else "")


def _dial(taste: Taste) -> NDArray[np.float32] | None:
    """(n_rows,) or None where nobody turned it, which is quicker."""
    if not taste.dials:
        return None
    turned = [taste.dials.get(taste.reader_of[int(row)], 0.5) for row in taste.rows.ids]
    return np.array(turned, np.float32)


def _is_known(readers: Readers, row: int) -> bool:
    at = int(np.searchsorted(readers.ids, row))
    return any(matrix[at].nnz for matrix in (readers.user_items, readers.topics, readers.authors))


def _all_but(promises: Promises, paper_ids: Sequence[int]) -> sp.csr_matrix:
    """CSR (n_promised_to, n_candidates), the readers in order."""
    barred = np.ones((len(promises), len(paper_ids)), np.int8)
    columns = Rows(paper_ids)
    for row, user_id in enumerate(sorted(promises)):
        barred[row, columns.of(list(promises[user_id]))] = 0
    return sp.csr_matrix(barred)


def _still_open(promises: Promises, excluded: sp.csr_matrix, taste: Taste, paper_ids: Sequence[int]) -> Promises:
    """Without what the reader must not get."""
    columns = Rows(paper_ids)
    out: Promises = {}
    for user_id, reasons in promises.items():
        barred = set(columns.ids[excluded[taste.rows.of([user_id])[0]].indices].tolist())
        if left := {paper_id: reason for paper_id, reason in reasons.items() if paper_id not in barred}:
            out[user_id] = left
    return out


def _promised(items: Sequence[RankedPaper], reasons: Mapping[int, dict[str, Any]]) -> list[RankedPaper]:
    """As ranked; then those that the ranker left out since they say much the same: two papers of one author may."""
    listed = {item.paper_id for item in items}
    like_them = [RankedPaper(paper_id, 0.0, {}) for paper_id in sorted(reasons, reverse=True) if paper_id not in listed]
    out, found = [], Counter[str]()
    for item in [*items, *like_them]:
        reason = reasons[item.paper_id]
        search = str(reason.get("text", ""))
        found[search] += 1
        if not search or found[search] <= MOST_FOUND:
            out.append(replace(item, reason=reason, is_promised=True))
    return out


def _joined(first: list[RankedPaper], lists: Sequence[list[RankedPaper]], k: int) -> list[RankedPaper]:
    """What was promised, then each list's best in turn, no paper twice."""
    by_turns = [item for turn in zip_longest(*lists) for item in turn if item is not None]
    out: dict[int, RankedPaper] = {}
    for item in [*first, *by_turns]:
        out.setdefault(item.paper_id, item)
    return list(out.values())[:k]


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
    """CSR (n_rows, n_candidates)."""
    had = {user_id: set(papers) for user_id, papers in exclude.items()}
    for user_id, paper_id in taste.had:
        had.setdefault(user_id, set()).add(paper_id)
    for user_id, papers in muted(taste, paper_ids).items():
        had.setdefault(user_id, set()).update(papers)
    rows_of = taste.rows_of()
    pairs = [
        (row, paper_id) for user_id, papers in had.items() for row in rows_of.get(user_id, []) for paper_id in papers
    ]
    rows = taste.rows.of([row for row, _ in pairs])
    columns = Rows(paper_ids).of([paper_id for _, paper_id in pairs])
    known = (rows >= 0) & (columns >= 0)
    shape = (len(taste.rows), len(paper_ids))
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
