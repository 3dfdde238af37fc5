"""database ids -> the engine's rows of papers and readers, in a bounded number of queries."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import scipy.sparse as sp
from django.db.models import Count, QuerySet
from numpy.typing import NDArray

from papers.models import Authorship, Paper
from recommender.embedding import paper_vectors, sentence_id, sentence_vectors
from recommender.engine.interactions import Rows, user_items, weigh
from recommender.engine.papers import Papers, Readers
from recommender.models import Interaction, Interest
from recommender.published import Model

DAY_SECONDS = 86_400.0
IDS_A_QUERY = 5000  # SQLite takes 32,766 parameters in one statement
SENTENCE_WEIGHT = 1.0  # a sentence about oneself is a paper one has saved


@dataclass(frozen=True)
class Taste:
    """What some readers did and said."""

    user_ids: Rows
    events: list[tuple[int, int, str, datetime, bool]]  # user, paper, kind, at, at is known
    topics: list[tuple[int, int]]  # user, topic
    authors: list[tuple[int, int]]  # user, author
    sentences: list[tuple[int, str]]  # user, sentence
    muted: list[tuple[int, str]]  # user, word


def taste_of(user_ids: Sequence[int], at: datetime) -> Taste:
    """Five queries for each IDS_A_QUERY readers. What happened after `at` is not known yet."""
    fields = ("user_id", "paper_id", "kind", "at", "at_is_known")
    events = [
        row
        for some in _chunks(user_ids)
        for row in Interaction.objects.filter(user__in=some, at__lte=at).values_list(*fields).iterator(5000)
    ]
    said = [
        row
        for some in _chunks(user_ids)
        for row in Interest.objects.filter(user__in=some).values_list("pk", "user_id", "sentences", "muted_words")
    ]
    user_of = {pk: user_id for pk, user_id, _, _ in said}
    return Taste(
        Rows(user_ids),
        events,
        _followed(Interest.topics.through.objects.all(), "topic_id", user_of),
        _followed(Interest.authors.through.objects.all(), "author_id", user_of),
        [(user_id, str(text)) for _, user_id, sentences, _ in said for text in sentences if str(text).strip()],
        [(user_id, str(word)) for _, user_id, _, words in said for word in words if str(word).strip()],
    )


def library_of(taste: Taste, model: Model) -> Papers:
    """The papers these readers did something with, and their sentences after them."""
    paper_ids = np.unique(np.array([paper_id for _, paper_id, _, _, _ in taste.events], np.int64))
    papers = papers_of(paper_ids, model)
    texts = {sentence_id(text): text for _, text in taste.sentences}
    if not texts:
        return papers
    ids = list(texts)
    dense = sentence_vectors().get(ids)[0]
    if dense.shape[1] != papers.dense.shape[1]:  # no sentence has been encoded yet
        dense = np.zeros((len(ids), papers.dense.shape[1]), np.float32)
    sentences = Papers.of_text(ids, model.lexicon.transform(list(texts.values())), dense)
    return Papers.of_text(
        np.concatenate([papers.ids, sentences.ids]),
        sp.vstack([papers.words, sentences.words], format="csr"),
        np.vstack([papers.dense, sentences.dense]),
    )


def readers_of(taste: Taste, library: Papers, topics: Rows, authors: Rows, at: datetime) -> Readers:
    """The columns of `user_items` are the rows of `library`."""
    users, columns = taste.user_ids, Rows(library.ids)
    ages = np.array(
        [(at - when).total_seconds() / DAY_SECONDS if is_known else np.nan for _, _, _, when, is_known in taste.events]
    )
    who = [event[0] for event in taste.events] + [user_id for user_id, _ in taste.sentences]
    what = [event[1] for event in taste.events] + [sentence_id(text) for _, text in taste.sentences]
    weights = np.concatenate(
        [weigh([event[2] for event in taste.events], ages), np.full(len(taste.sentences), SENTENCE_WEIGHT, np.float32)]
    )
    matrix = user_items(users, columns, who, what, weights)
    position = np.argsort(np.argsort(library.ids))  # Rows sorts; the library need not be sorted
    return Readers(
        users.ids,
        matrix[:, position],
        _incidence(users, topics, taste.topics),
        _incidence(users, authors, taste.authors),
    )


def papers_of(
    ids: Sequence[int] | NDArray[np.int64],
    model: Model,
    *,
    topics: Rows | None = None,
    authors: Rows | None = None,
    with_votes: bool = False,
) -> Papers:
    """Papers in the order given; ids that are not in the catalogue have no text. Topics and authors count only so far
    as they have a column."""
    ids = np.asarray(ids, np.int64)
    rows = Rows(ids)
    details = {
        pk: (published_at, upvotes, updated_at)
        for some in _chunks(ids.tolist())
        for pk, published_at, upvotes, updated_at in Paper.objects.filter(pk__in=some).values_list(
            "pk", "published_at", "upvotes", "updated_at"
        )
    }
    votes = defaultdict(int, {pk: upvotes for pk, (_, upvotes, _) in details.items()})
    if with_votes:
        for some in _chunks(ids.tolist()):
            counted = Interaction.objects.positive().filter(paper__in=some).values_list("paper_id")
            for pk, readers in counted.annotate(readers=Count("user", distinct=True)):
                votes[pk] += readers
    return Papers(
        ids,
        _words(ids, {pk: changed.timestamp() for pk, (_, _, changed) in details.items()}, model),
        paper_vectors().get(ids)[0],
        _incidence(rows, topics, _pairs(Paper.topics.through.objects.all(), "topic_id", ids, topics))[rows.of(ids)],
        _incidence(rows, authors, _pairs(Authorship.objects.all(), "author_id", ids, authors))[rows.of(ids)],
        np.array([details[pk][0].timestamp() / DAY_SECONDS if pk in details else np.nan for pk in ids.tolist()]),
        np.array([votes[pk] for pk in ids.tolist()], np.float32),
    )


def muted(taste: Taste, paper_ids: Sequence[int]) -> dict[int, set[int]]:
    """The papers that hold a word the reader muted, in title, abstract or a topic's name. Two queries, or none."""
    readers_by_word: dict[str, list[int]] = defaultdict(list)
    for user_id, word in taste.muted:
        readers_by_word[" ".join(word.casefold().split())].append(user_id)
    out: dict[int, set[int]] = defaultdict(set)
    if not readers_by_word:
        return out
    patterns = {word: re.compile(rf"(?<!\w){re.escape(word)}(?!\w)") for word in readers_by_word}
    for some in _chunks(paper_ids):
        for paper in Paper.objects.filter(pk__in=some).only("title", "abstract").prefetch_related("topics"):
            text = " ".join([paper.text, *(topic.name for topic in paper.topics.all())]).casefold()
            for word, pattern in patterns.items():
                if word in text and pattern.search(text):
                    for user_id in readers_by_word[word]:
                        out[user_id].add(paper.pk)
    return out


# Words of papers that a model has not seen, by (paper, when it changed): a digest's candidates are asked for once for
# every chunk of readers. By the model itself, since untrained ones share their empty name and not their words.
_transformed: WeakKeyDictionary[Model, dict[tuple[int, float], sp.csr_matrix]] = WeakKeyDictionary()
MOST_TRANSFORMED = 20_000


def _words(ids: NDArray[np.int64], changed: Mapping[int, float], model: Model) -> sp.csr_matrix:
    n_words = len(model.lexicon.idf_)
    known = model.ranker.known_
    at = known.rows.of(ids)
    fresh = [
        (position, int(pk))
        for position, pk in enumerate(ids)
        if at[position] < 0 or changed.get(int(pk), 0.0) > model.trained_until
    ]
    none = sp.csr_matrix((len(ids), n_words), dtype=np.float32)
    out = known.words[np.maximum(at, 0)] if len(known.rows) else none
    if not fresh:
        return out
    transformed = _transformed.setdefault(model, {})
    keys = {pk: (pk, changed.get(pk, 0.0)) for _, pk in fresh}
    unknown = [pk for pk, key in keys.items() if key not in transformed]
    if len(transformed) + len(unknown) > MOST_TRANSFORMED:
        transformed.clear()
        unknown = list(keys)
    for some in _chunks(unknown):
        texts = {paper.pk: paper.text for paper in Paper.objects.filter(pk__in=some).only("title", "abstract")}
        rows = model.lexicon.transform([texts.get(pk, "") for pk in some])
        transformed.update({keys[pk]: rows[row] for row, pk in enumerate(some)})
    stacked = sp.vstack([out, *(transformed[keys[pk]] for _, pk in fresh)], format="csr")
    order = np.arange(len(ids))
    order[[position for position, _ in fresh]] = len(ids) + np.arange(len(fresh))
    return stacked[order]


def _followed(links: QuerySet[Any], column: str, user_of: Mapping[int, int]) -> list[tuple[int, int]]:
    return [
        (user_of[pk], followed)
        for some in _chunks(list(user_of))
        for pk, followed in links.filter(interest_id__in=some).values_list("interest_id", column)
    ]


def _pairs(
    links: QuerySet[Any], column: str, ids: NDArray[np.int64], columns: Rows | None
) -> Iterator[tuple[int, int]]:
    if columns is None or not len(columns):
        return
    for some in _chunks(ids.tolist()):
        yield from links.filter(paper_id__in=some).values_list("paper_id", column)


def _incidence(rows: Rows, columns: Rows | None, pairs: Iterable[tuple[int, int]]) -> sp.csr_matrix:
    columns = columns or Rows([])
    found = list(pairs)
    ones = np.ones(len(found), np.float32)
    return user_items(rows, columns, [pair[0] for pair in found], [pair[1] for pair in found], ones)


def _chunks(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    return (ids[start : start + IDS_A_QUERY] for start in range(0, len(ids), IDS_A_QUERY))
