"""The sentence of an abstract that tells a reader most: the one nearest to what they read and say of themselves."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from papers.models import Paper
from papers.sentences import split_sentences
from recommender.embedding import paper_vectors, sentence_id, sentence_vectors
from recommender.engine.encoder import normalised
from recommender.models import Interaction, Interest

LATEST = 200  # of what a reader read; more would not move the mean


def telling_sentences(pairs: Collection[tuple[int, int]]) -> dict[tuple[int, int], int]:
    """By (user id, paper id) the number of the sentence; what is missing has none better than the first.

    Three queries and one matrix product, however many pairs.
    """
    abstracts = Paper.objects.filter(pk__in={paper_id for _, paper_id in pairs}).values_list("pk", "abstract")
    sentences = {pk: found for pk, abstract in abstracts if len(found := split_sentences(abstract)) > 1}
    places = [(pk, number) for pk, found in sentences.items() for number in range(len(found))]
    vectors, known = sentence_vectors().get([sentence_id(sentences[pk][number]) for pk, number in places])
    users = sorted({user_id for user_id, paper_id in pairs if paper_id in sentences})
    if not users or not known.any():
        return {}
    near = _tastes(users, vectors.shape[1]) @ vectors.T
    near[:, ~known] = -np.inf
    rows = {user_id: row for row, user_id in enumerate(users)}
    columns: dict[int, list[int]] = defaultdict(list)
    for column, (pk, _number) in enumerate(places):
        columns[pk].append(column)
    return {
        (user_id, paper_id): int(near[rows[user_id], columns[paper_id]].argmax())
        for user_id, paper_id in pairs
        if paper_id in sentences and known[columns[paper_id]].any()
    }


def _tastes(users: list[int], dim: int) -> NDArray[np.float32]:
    """(len(users), dim) the mean of what each read and said, zeros for who did neither."""
    read: dict[int, list[int]] = defaultdict(list)
    interactions = Interaction.objects.positive().filter(user__in=users).order_by("-at")
    for user_id, paper_id in interactions.values_list("user_id", "paper_id"):
        if len(read[user_id]) < LATEST:
            read[user_id].append(paper_id)
    said: dict[int, list[str]] = defaultdict(list)
    for user_id, texts in Interest.objects.filter(user__in=users).values_list("user_id", "sentences"):
        said[user_id] += texts
    out = np.zeros((len(users), dim), np.float32)
    for row, user_id in enumerate(users):
        for store, ids in (
            (paper_vectors(), read[user_id]),
            (sentence_vectors(), [sentence_id(str(text)) for text in said[user_id]]),
        ):
            vectors, _known = store.get(ids)
            if vectors.shape == (len(ids), dim):
                out[row] += vectors.sum(axis=0)
    return normalised(out)
