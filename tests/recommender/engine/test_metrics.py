"""Metrics against arithmetic by hand."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from recommender.engine.evaluation import (
    bootstrap,
    coverage_at,
    measure,
    ndcg_at,
    newest,
    novelty_at,
    recall_at,
    reciprocal_rank,
)

# Alice took papers 0, 2 and 5; bob paper 3; charlie nothing.
TRUTH = sp.csr_matrix([[1, 0, 1, 0, 0, 1], [0, 0, 0, 1, 0, 0], [0, 0, 0, 0, 0, 0]])
RANKED = np.array([[2, 1, 0, 4], [0, 1, 3, 2], [0, 1, 2, 3]])


def test_recall_is_the_share_of_what_was_taken() -> None:
    assert recall_at(2, RANKED, TRUTH)[:2] == pytest.approx([1 / 3, 0])
    assert recall_at(4, RANKED, TRUTH)[:2] == pytest.approx([2 / 3, 1])


def test_ndcg_discounts_by_place_and_divides_by_the_best_possible() -> None:
    alice = (1 / np.log2(2) + 1 / np.log2(4)) / (1 / np.log2(2) + 1 / np.log2(3) + 1 / np.log2(4))
    bob = (1 / np.log2(4)) / (1 / np.log2(2))
    assert ndcg_at(4, RANKED, TRUTH)[:2] == pytest.approx([alice, bob])


def test_ndcg_of_a_reader_of_more_than_k_papers_can_be_one() -> None:
    assert ndcg_at(2, np.array([[0, 5]]), TRUTH[:1])[0] == pytest.approx(1)


def test_reciprocal_rank_is_that_of_the_first_hit_however_many_were_taken() -> None:
    assert reciprocal_rank(RANKED, TRUTH)[:2] == pytest.approx([1, 1 / 3])
    assert reciprocal_rank(np.array([[1, 4]]), TRUTH[:1])[0] == 0


def test_a_reader_who_took_nothing_is_no_question() -> None:
    for values in measure(RANKED, TRUTH, ["recall@2", "ndcg@2", "mrr"]).values():
        assert np.isnan(values[2])
        assert np.isfinite(values[:2]).all()


def test_a_list_that_ended_early_has_no_hits_after_its_end() -> None:
    assert recall_at(4, np.array([[2, -1, -1, -1]]), TRUTH[:1])[0] == pytest.approx(1 / 3)


def test_coverage_counts_papers_in_anybodys_top() -> None:
    assert coverage_at(2, RANKED, 6) == pytest.approx(3 / 6)  # papers 0, 1, 2
    assert coverage_at(2, RANKED, 0) == 0


def test_novelty_is_the_surprise_in_bits() -> None:
    readers_of = np.array([3, 0, 1, 0, 0, 0])
    # With one reader added to each of three: p = 4/4, 1/4, 2/4.
    assert novelty_at(2, np.array([[0, 1], [2, -1]]), readers_of, 3) == pytest.approx([(0 + 2) / 2, 1])


def test_metrics_need_known_names_and_matching_shapes() -> None:
    with pytest.raises(ValueError, match="precision"):
        measure(RANKED, TRUTH, ["precision@5"])
    with pytest.raises(ValueError, match="do not fit"):
        recall_at(2, RANKED[:1], TRUTH)


def test_an_interval_holds_the_mean_and_narrows_with_more_readers() -> None:
    rng = np.random.default_rng(0)
    few, many = bootstrap(rng.random(20)), bootstrap(rng.random(2000))
    assert few.low < few.mean < few.high
    assert many.high - many.low < (few.high - few.low) / 5
    assert bootstrap(np.array([np.nan])).mean == 0
    assert bootstrap(np.array([0.5, np.nan])).mean == 0.5


def test_the_newest_are_held_out_and_unknown_times_count_as_old() -> None:
    days = np.array([5, np.nan, 9, 1, 8], float)
    assert newest(days, 0.4).tolist() == [False, False, True, False, True]
    assert newest(np.array([1.0, 2.0]), 0.01).tolist() == [False, True]
    assert newest(np.array([1.0]), 0.5).tolist() == [False]


def test_without_times_a_share_is_drawn_the_same_in_every_run() -> None:
    unknown = np.full(100, np.nan)
    assert newest(unknown, 0.2).sum() == 20
    assert (newest(unknown, 0.2, seed=3) == newest(unknown, 0.2, seed=3)).all()
    assert (newest(unknown, 0.2, seed=3) != newest(unknown, 0.2, seed=4)).any()
