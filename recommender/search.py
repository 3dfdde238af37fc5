"""Search: identifier, words, authors, meaning -> rankings -> fused -> what the reader may see.

A ranking is a list of paper ids, best first, of anything in the catalogue: what is hidden is taken out once, at the
end. Any text at all is a query.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any
from unicodedata import category

from django.db import connection

from papers.identifiers import find_papers
from papers.models import Authorship, Paper, PaperQuerySet
from recommender.search_index import PLAIN

DEPTH = 1000  # papers a ranking goes down to: enough to filter by topic or date and still fill a page
# Papers that a query's rarest words bring, all of which are scored; by its other words alone a paper is not found. What
# that changes is in docs/decisions/0020-search-in-the-database.md.
MOST_RANKED = 10_000
MOST_TOKENS = 32  # of a query; a pasted page is not slower than a sentence
LONGEST_TOKEN = 80
MARKS = {"Mn", "Mc"}  # Unicode's categories of what is written on or around a letter and makes it another
TITLE_WEIGHT = 4.0  # of a word in the title, against 1 in the abstract
# Cormack, Clarke & Büttcher, "Reciprocal Rank Fusion outperforms Condorcet and individual Rank Learning Methods",
# SIGIR 2009: 60 keeps the first few ranks of one list from deciding alone.
RRF_K = 60


class Asked:
    """A query's words, and the papers that hold them: asked of the index once, however many rankings want them."""

    def __init__(self, query: str) -> None:
        self.tokens = tokenize(query)

    @cached_property
    def with_every_word(self) -> list[int]:
        return _matching_papers(self.tokens, every=True) if self.tokens else []

    @cached_property
    def with_some_words(self) -> list[int]:
        if len(self.tokens) < 2:
            return self.with_every_word
        return _matching_papers(_rarest(self.tokens), every=False)


Ranking = Callable[[Asked], list[int]]


def search_papers(query: str, k: int = 30, papers: PaperQuerySet | None = None) -> list[Paper]:
    """Up to k papers that the reader may see, best first, out of `papers` (all)."""
    found = find_papers([query[:300]]).values()
    asked = Asked(query)
    rankings = [ranking(asked) for ranking in RANKINGS] if asked.tokens else []
    ids = list(dict.fromkeys([paper.pk for paper in found] + fuse(rankings)))
    shown = _first_visible(ids, k, (Paper.objects.all() if papers is None else papers).published())
    rows = Paper.objects.for_lists().in_bulk(shown)
    return [rows[paper_id] for paper_id in shown]


def _first_visible(ids: Sequence[int], k: int, papers: PaperQuerySet) -> list[int]:
    """The first k ids that are among `papers`. Most are, as a rule, so that the first few need to be asked about; where
    a filter leaves out many, four times as many are looked at each time."""
    shown: list[int] = []
    start, end = 0, 4 * k
    while start < len(ids) and len(shown) < k:
        visible = set(papers.filter(pk__in=ids[start:end]).values_list("pk", flat=True))
        shown += [paper_id for paper_id in ids[start:end] if paper_id in visible]
        start, end = end, 4 * end
    return shown[:k]


def tokenize(query: str) -> list[str]:
    """Letters with their marks and digits only, so that no token is syntax to either database."""
    text = without_accents(query[:10_000])
    words = "".join(letter if letter.isalnum() or category(letter) in MARKS else " " for letter in text).split()
    tokens = (word[:LONGEST_TOKEN].lower() for word in words if any(map(str.isalnum, word)))
    return list(dict.fromkeys(tokens))[:MOST_TOKENS]


def without_accents(text: str) -> str:
    """Latin letters without their marks, as both indexes hold them (SQLite's remove_diacritics, search_index.PLAIN):
    other scripts' marks make other letters."""
    bare = re.sub(r"([A-Za-z])[\u0300-\u036f]+", r"\1", unicodedata.normalize("NFD", text))
    return unicodedata.normalize("NFC", bare)


def fuse(rankings: Sequence[Sequence[int]]) -> list[int]:
    """Reciprocal rank fusion: score(paper) = sum over rankings of 1 / (60 + rank). Ties by id, the newest first."""
    scores: dict[int, float] = defaultdict(float)
    for ranking in rankings:
        for rank, paper_id in enumerate(ranking, start=1):
            scores[paper_id] += 1 / (RRF_K + rank)
    return sorted(scores, key=lambda paper_id: (-scores[paper_id], -paper_id))


def by_words(asked: Asked) -> list[int]:
    """Papers with all the words, best match first, then those with some."""
    every = asked.with_every_word
    if len(every) >= DEPTH:
        return every
    return list(dict.fromkeys(every + asked.with_some_words))[:DEPTH]


def by_author(asked: Asked) -> list[int]:
    """Where the query is a name or part of one: their papers, the newest first."""
    authors = _matching_authors(asked.tokens, every=True)
    if not authors:
        return []
    rows = Authorship.objects.filter(author__in=authors).order_by("-paper__published_at", "-paper_id")
    return list(dict.fromkeys(rows.values_list("paper_id", flat=True)[:DEPTH]))


def by_words_and_author(asked: Asked) -> list[int]:
    """For "bengio attention": of the papers about the words, those by somebody so called, in the words' order."""
    authors = _matching_authors(asked.tokens, every=False) if len(asked.tokens) > 1 else []
    if not authors:
        return []
    rows = Authorship.objects.filter(paper__in=asked.with_some_words, author__in=authors)
    theirs = set(rows.values_list("paper_id", flat=True))
    return [paper_id for paper_id in asked.with_some_words if paper_id in theirs]


def by_meaning(asked: Asked) -> list[int]:
    """Papers near the words in the space that the published ranker learnt, whatever words they use themselves."""
    from recommender.meaning import near_text  # scikit-learn's second and a half is for those that search

    return near_text(" ".join(asked.tokens))


def find_new(query: str, since: datetime) -> list[int]:
    """Papers announced since then with all the query's words, or by somebody so called."""
    tokens = tokenize(query)
    if not tokens:
        return []
    by_them = Authorship.objects.filter(
        author__in=_matching_authors(tokens, every=True), paper__published_at__gte=since
    )
    found = [*_matching_papers(tokens, every=True, since=since), *by_them.values_list("paper_id", flat=True)]
    return list(dict.fromkeys(found))


# One more way of finding papers is one more function here.
RANKINGS: list[Ranking] = [by_words, by_author, by_words_and_author, by_meaning]


def _rarest(tokens: Sequence[str]) -> list[str]:
    """The words by which papers with some of them are found: the rarest, as many as bring MOST_RANKED papers."""
    n_papers = _n_papers_with(tokens)
    n_ranked = 0
    chosen: list[str] = []
    for token in sorted(tokens, key=n_papers.__getitem__):
        if n_ranked and n_ranked + n_papers[token] > MOST_RANKED:
            break
        n_ranked += n_papers[token]
        chosen.append(token)
    return chosen


def _n_papers_with(tokens: Sequence[str]) -> dict[str, int]:
    """By token, the papers that hold it: counted by SQLite, which takes 0.4 ms for 10,000; by PostgreSQL, which would
    take 10, guessed from what ANALYZE found, and 0 for a word that it did not find common."""
    if connection.vendor == "postgresql":
        rows = _rows(
            "WITH asked AS MATERIALIZED ("
            "  SELECT token, unnest(tsvector_to_array(to_tsvector('english', token))) AS lexeme"
            "  FROM unnest(%s::text[]) AS token"
            "), common AS ("
            "  SELECT unnest(most_common_elems::text::text[]) AS lexeme, unnest(most_common_elem_freqs) AS share"
            "  FROM pg_stats WHERE schemaname = current_schema() AND tablename = 'papers_paper' AND attname = 'words'"
            ") SELECT token, min(share) * (SELECT reltuples FROM pg_class WHERE oid = 'papers_paper'::regclass) "
            "FROM asked JOIN common USING (lexeme) GROUP BY token",
            [list(tokens)],
        )
        return dict.fromkeys(tokens, 0) | {token: int(n) for token, n in rows}
    count = "(SELECT count(*) FROM recommender_paper_words WHERE recommender_paper_words MATCH %s)"
    [counts] = _rows("SELECT " + ", ".join(count for _ in tokens), [_match([token], True) for token in tokens])
    return dict(zip(tokens, counts, strict=True))


def _matching_papers(tokens: Sequence[str], *, every: bool, since: datetime | None = None) -> list[int]:
    after = [] if since is None else [connection.ops.adapt_datetimefield_value(since)]
    if connection.vendor == "postgresql":
        query, parameters = _tsquery("english", tokens, every)
        return _ids(
            f"SELECT id FROM papers_paper, (SELECT {query} AS query) AS asked WHERE words @@ query"
            + (" AND published_at >= %s" if after else "")
            + " ORDER BY ts_rank(%s::real[], words, query) DESC, id DESC LIMIT %s",
            [*parameters, *after, [0.0, 0.0, 1 / TITLE_WEIGHT, 1.0], DEPTH],
        )
    return _ids(
        "SELECT rowid FROM recommender_paper_words WHERE recommender_paper_words MATCH %s"
        + (" AND rowid IN (SELECT id FROM papers_paper WHERE published_at >= %s)" if after else "")
        + " ORDER BY bm25(recommender_paper_words, %s, 1.0), rowid DESC LIMIT %s",
        [_match(tokens, every), *after, TITLE_WEIGHT, DEPTH],
    )


def _matching_authors(tokens: Sequence[str], *, every: bool) -> list[int]:
    if connection.vendor == "postgresql":
        query, parameters = _tsquery("simple", tokens, every)
        return _ids(
            f"SELECT id FROM papers_author WHERE to_tsvector('simple', {PLAIN.format('name')}) @@ ({query}) LIMIT %s",
            [*parameters, DEPTH],
        )
    return _ids(
        "SELECT rowid FROM recommender_author_words WHERE recommender_author_words MATCH %s LIMIT %s",
        [_match(tokens, every), DEPTH],
    )


def _match(tokens: Sequence[str], every: bool) -> str:
    """In FTS5's language, every token quoted."""
    return (" AND " if every else " OR ").join(f'"{token}"' for token in tokens)


def _tsquery(config: str, tokens: Sequence[str], every: bool) -> tuple[str, list[str]]:
    operator = " && " if every else " || "
    return operator.join(f"plainto_tsquery('{config}', %s)" for _ in tokens), list(tokens)


def _ids(sql: str, parameters: Sequence[Any]) -> list[int]:
    return [paper_id for (paper_id,) in _rows(sql, parameters)]


def _rows(sql: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return list(cursor.fetchall())
