"""What comes whatever its score: papers by authors a reader follows, and what the searches they saved find."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import Min

from papers.models import Authorship, Paper
from recommender.features import Taste, in_chunks
from recommender.models import SavedSearch
from recommender.search import find_new

Promises = dict[int, dict[int, dict[str, Any]]]  # by reader and paper: the reason


def promised_to(taste: Taste, paper_ids: Sequence[int]) -> Promises:
    """Two queries, and up to four for every saved search that differs."""
    out: Promises = defaultdict(dict)
    searches = _searches(taste)
    oldest = _oldest(paper_ids) if searches else None
    for (query, topic), users in searches.items():
        for paper_id in _found(query, topic, paper_ids, oldest) if oldest else []:
            for user_id in users:
                out[user_id][paper_id] = {"kind": "search", "text": query}
    followers: dict[int, set[int]] = defaultdict(set)
    for row, author in taste.authors:
        followers[author].add(taste.reader_of[row])
    if followers:
        for some in in_chunks(paper_ids):
            by_them = Authorship.objects.filter(paper__in=some, author__in=followers).order_by("paper_id", "-position")
            for paper_id, author in by_them.values_list("paper_id", "author_id"):
                for user_id in followers[author]:
                    out[user_id][paper_id] = {"kind": "author", "author": author}
    return dict(out)


def _searches(taste: Taste) -> dict[tuple[str, int | None], list[int]]:
    out: dict[tuple[str, int | None], list[int]] = defaultdict(list)
    for some in in_chunks(sorted(set(taste.reader_of.values()))):
        wanted = SavedSearch.objects.filter(user__in=some, in_digest=True).order_by("pk")
        for user_id, query, topic in wanted.values_list("user_id", "query", "topic_id"):
            out[query, topic].append(user_id)
    return out


def _oldest(paper_ids: Sequence[int]) -> datetime | None:
    found = (Paper.objects.filter(pk__in=some).aggregate(at=Min("published_at"))["at"] for some in in_chunks(paper_ids))
    return min(filter(None, found), default=None)


def _found(query: str, topic: int | None, paper_ids: Sequence[int], oldest: datetime) -> list[int]:
    """Those of these papers that the search finds."""
    wanted = set(paper_ids)
    found = [paper_id for paper_id in find_new(query, oldest) if paper_id in wanted]
    if topic and found:
        in_topic = Paper.topics.through.objects.filter(topic_id=topic, paper_id__in=found)
        kept = set(in_topic.values_list("paper_id", flat=True))
        found = [paper_id for paper_id in found if paper_id in kept]
    return found
