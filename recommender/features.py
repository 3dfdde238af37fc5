"""database ids -> the engine's rows of papers and readers, in a bounded number of queries."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
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


Event = tuple[int, int, str, datetime, bool]  # reader, paper, kind, at, at is known


@dataclass(frozen=True)
class Taste:
    """What some readers did and said. A reader is a row, and so is each interest they keep apart: the row's id is the
    reader's, or minus the interest's."""

    rows: Rows
    reader_of: dict[int, int]  # by row
    events: list[Event]  # by row
    had: list[tuple[int, int]]  # reader, paper: also what no longer steers
    topics: list[tuple[int, int]]  # row, topic
    authors: list[tuple[int, int]]  # row, author
    sentences: list[tuple[int, str]]  # row, sentence
    muted: list[tuple[int, str]]  # reader, word
    names: dict[int, str] = field(default_factory=dict)  # of rows kept apart
    dials: dict[int, float] = field(default_factory=dict)  # by reader, where it was turned: 0 to 1

    def rows_of(self) -> dict[int, list[int]]:
        """By reader: their own row, then those kept apart by name."""
        out: dict[int, list[int]] = {row: [row] for row in self.reader_of if row not in self.names}
        for row in sorted(self.names, key=lambda row: (self.names[row], row)):
            out[self.reader_of[row]].append(row)
        return out


def taste_of(user_ids: Sequence[int], at: datetime) -> Taste:
    """Five queries for each IDS_A_QUERY readers, one more where some keep interests apart. What happened after `at` is
    not known yet."""
    fields = ("user_id", "paper_id", "kind", "at", "at_is_known")
    done = [
        row
        for some in in_chunks(user_ids)
        for row in Interaction.objects.filter(user__in=some, at__lte=at).values_list(*fields).iterator(5000)
    ]
    said = [interest for some in in_chunks(user_ids) for interest in Interest.objects.filter(user__in=some)]
    row_of = {interest.pk: -interest.pk if interest.name else interest.user_id for interest in said}
    since = {interest.user_id: interest.learnt_since for interest in said if interest.learnt_since}
    topics = _followed(Interest.topics.through.objects.all(), "topic_id", row_of)
    reader_of = {user_id: user_id for user_id in user_ids} | {row_of[one.pk]: one.user_id for one in said}
    steering = [event for event in done if event[0] not in since or event[3] >= since[event[0]]]
    return Taste(
        Rows(reader_of),
        reader_of,
        _spread(steering, reader_of, [pair for pair in topics if pair[0] < 0]),
        [(user_id, paper_id) for user_id, paper_id, *_ in done],
        topics,
        _followed(Interest.authors.through.objects.all(), "author_id", row_of),
        [(row_of[one.pk], str(text)) for one in said for text in one.sentences if str(text).strip()],
        [(one.user_id, str(word)) for one in said for word in one.muted_words if str(word).strip()],
        {row_of[one.pk]: one.name for one in said if one.name},
        {one.user_id: one.dial / 100 for one in said if not one.name and one.dial != Interest.MIDDLE},
    )


def _spread(events: list[Event], reader_of: Mapping[int, int], apart: Collection[tuple[int, int]]) -> list[Event]:
    """Every event in the rows it speaks for. What a reader liked in a topic of an interest kept apart speaks for that
    one alone, what they did not like against all of theirs."""
    rows_apart: dict[int, list[int]] = defaultdict(list)
    for row, reader in reader_of.items():
        if row < 0:
            rows_apart[reader].append(row)
    if not rows_apart:
        return events
    rows_by_topic: dict[int, list[int]] = defaultdict(list)
    for row, topic in apart:
        rows_by_topic[topic].append(row)
    rows_by_paper: dict[int, set[int]] = defaultdict(set)
    theirs = sorted({event[1] for event in events if event[0] in rows_apart})
    for some in in_chunks(theirs):
        pairs = Paper.topics.through.objects.filter(paper_id__in=some, topic_id__in=rows_by_topic)
        for paper_id, topic in pairs.values_list("paper_id", "topic_id"):
            rows_by_paper[paper_id].update(rows_by_topic[topic])
    out = []
    for reader, paper_id, kind, at, is_known in events:
        own = rows_apart.get(reader, [])
        if kind in Interaction.NEGATIVE:
            rows = [reader, *own]
        else:
            rows = [row for row in own if row in rows_by_paper[paper_id]] or [reader]
        out += [(row, paper_id, kind, at, is_known) for row in rows]
    return out


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
    users, columns = taste.rows, Rows(library.ids)
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
        for some in in_chunks(ids.tolist())
        for pk, published_at, upvotes, updated_at in Paper.objects.filter(pk__in=some).values_list(
            "pk", "published_at", "upvotes", "updated_at"
        )
    }
    votes = defaultdict(int, {pk: upvotes for pk, (_, upvotes, _) in details.items()})
    if with_votes:
        for some in in_chunks(ids.tolist()):
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
    for some in in_chunks(paper_ids):
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
    for some in in_chunks(unknown):
        texts = {paper.pk: paper.text for paper in Paper.objects.filter(pk__in=some).only("title", "abstract")}
        rows = model.lexicon.transform([texts.get(pk, "") for pk in some])
        transformed.update({keys[pk]: rows[row] for row, pk in enumerate(some)})
    stacked = sp.vstack([out, *(transformed[keys[pk]] for _, pk in fresh)], format="csr")
    order = np.arange(len(ids))
    order[[position for position, _ in fresh]] = len(ids) + np.arange(len(fresh))
    return stacked[order]


def _followed(links: QuerySet[Any], column: str, row_of: Mapping[int, int]) -> list[tuple[int, int]]:
    return [
        (row_of[pk], followed)
        for some in in_chunks(list(row_of))
        for pk, followed in links.filter(interest_id__in=some).values_list("interest_id", column)
    ]


def _pairs(
    links: QuerySet[Any], column: str, ids: NDArray[np.int64], columns: Rows | None
) -> Iterator[tuple[int, int]]:
    if columns is None or not len(columns):
        return
    for some in in_chunks(ids.tolist()):
        yield from links.filter(paper_id__in=some).values_list("paper_id", column)


def _incidence(rows: Rows, columns: Rows | None, pairs: Iterable[tuple[int, int]]) -> sp.csr_matrix:
    columns = columns or Rows([])
    found = list(pairs)
    ones = np.ones(len(found), np.float32)
    return user_items(rows, columns, [pair[0] for pair in found], [pair[1] for pair in found], ones)


def in_chunks(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    return (ids[start : start + IDS_A_QUERY] for start in range(0, len(ids), IDS_A_QUERY))
