"""One list does not say the same thing twice; a knob says how much else it may cost."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.typing import NDArray

from recommender.engine.diversity import NEAR_DUPLICATE, diversified
from recommender.engine.neighbours import likeness
from recommender.engine.papers import Papers, Readers
from recommender.engine.ranker import Ranker
from recommender.engine.topk import top_columns
from tests.recommender.engine.worlds import field_papers, field_readers, likings


def chosen(scores: list[float], alike: dict[tuple[int, int], float], k: int, diversity: float) -> list[int]:
    """For one reader, of candidates by falling score."""
    cosines = np.eye(len(scores), dtype=np.float32)
    for (one, other), cosine in alike.items():
        cosines[one, other] = cosines[other, one] = cosine
    return diversified(np.array([scores], np.float32), np.arange(len(scores))[None], cosines, k, diversity).tolist()[0]


def test_a_paper_like_one_already_taken_makes_room_for_another() -> None:
    scores, alike = [3.0, 2.9, 2.5], {(0, 1): 0.9}
    # After 0: 2.9 - 1 * 0.9 = 2.0 against 2.5 - 1 * 0.0.
    assert chosen(scores, alike, 2, 1.0) == [0, 2]
    # 2.9 - 0.4 * 0.9 = 2.54 against 2.5.
    assert chosen(scores, alike, 2, 0.4) == [0, 1]


def test_with_the_knob_at_nothing_the_order_is_that_of_the_scores() -> None:
    assert chosen([3.0, 2.9, 2.5, 1.0], {(0, 1): 0.9, (1, 2): 0.9}, 4, 0.0) == [0, 1, 2, 3]


@pytest.mark.parametrize("diversity", [0.0, 0.5, 5.0])
def test_near_duplicates_never_stand_in_one_list(diversity: float) -> None:
    assert chosen([3.0, 2.9, 0.1], {(0, 1): NEAR_DUPLICATE + 0.001}, 3, diversity) == [0, 2, -1]


def test_it_is_the_nearest_of_those_taken_that_counts_not_the_last() -> None:
    # 2 is like 0, taken first; 1, taken second, is like nothing.
    assert chosen([3.0, 2.0, 1.9, 1.5], {(0, 2): 0.9}, 3, 1.0) == [0, 1, 3]


def test_lists_end_where_nothing_is_left() -> None:
    scores = np.array([[2.0, 1.0, -np.inf], [-np.inf] * 3], np.float32)
    shortlist = np.array([[1, 0, -1], [-1, -1, -1]])
    assert diversified(scores, shortlist, np.eye(3, dtype=np.float32), 3, 0.5).tolist() == [[1, 0, -1], [-1, -1, -1]]
    assert diversified(np.zeros((0, 3)), np.zeros((0, 3), np.int64), np.eye(3), 2, 0.5).shape == (0, 2)


def papers_and_scores(seed: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    rng = np.random.default_rng(seed)
    vectors = rng.normal(0, 1, (60, 4)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return likeness(vectors, vectors), rng.normal(0, 1, (50, 60)).astype(np.float32)


def test_more_diversity_never_gains_score_and_lessens_likeness() -> None:
    alike, scores = papers_and_scores(0)
    shortlist = top_columns(scores, 50)
    listed = np.take_along_axis(scores, shortlist, axis=1)
    worth, closeness = [], []
    for knob in (0.0, 0.25, 0.5, 1.0, 2.0, 4.0):
        lists = diversified(listed, shortlist, alike, 10, knob)
        worth.append(float(np.take_along_axis(scores, lists, axis=1).sum()))
        closeness.append(np.mean([np.triu(alike[np.ix_(row, row)], 1).sum() for row in lists]))
    assert worth == sorted(worth, reverse=True)
    assert closeness == sorted(closeness, reverse=True)
    assert worth[0] > worth[-1]
    assert closeness[0] > closeness[-1]


def test_readers_chosen_for_together_get_what_each_gets_alone() -> None:
    alike, scores = papers_and_scores(1)
    shortlist = top_columns(scores, 30)
    listed = np.take_along_axis(scores, shortlist, axis=1)
    together = diversified(listed, shortlist, alike, 10, 0.7)
    alone = [diversified(listed[[row]], shortlist[[row]], alike, 10, 0.7)[0].tolist() for row in range(50)]
    assert together.tolist() == alone


def test_different_papers_are_no_duplicates_however_small_the_catalogue() -> None:
    """Two papers are learnt in one dimension, in which everything is alike."""
    papers = field_papers(2, 2)
    ranker = Ranker().fit(papers, likings(2))
    (items,) = ranker.rank(Readers.of_likings(likings(2, {}), papers), papers, papers, 5)
    assert sorted(item.column for item in items) == [0, 1]


def test_one_paper_over_and_over_does_not_crowd_out_the_rest() -> None:
    """Two hundred copies, all better than the others, fill every first shortlist."""
    library, new = field_papers(60, 3), field_papers(30, 3, seed=8, first_id=500)
    copies = Papers.of_text(np.arange(1000, 1200), sp.vstack([library.words[:1]] * 200, format="csr"))
    candidates = Papers.of_text(
        np.concatenate([copies.ids, new.ids]), sp.vstack([copies.words, new.words], format="csr")
    )
    ranker = Ranker().fit(library, field_readers(30, 60, 3))
    reader = Readers.of_likings(likings(60, {0: 1.0, 3: 1.0}), library)
    (items,) = ranker.rank(reader, library, candidates, 8)
    assert len(items) == 8
    assert [item.column for item in items if item.column < 200] == [199]  # of equal ones the newest id
