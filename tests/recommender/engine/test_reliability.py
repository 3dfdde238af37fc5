"""Whether a chance means what it says, and intervals over readers who were asked several times."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from recommender.engine.evaluation import bootstrap, reliability


def test_the_finest_bins_stand_at_the_top() -> None:
    chances = np.array([[0.1, 0.2, 0.3, 0.4], [0.5, 0.6, 0.7, 0.9]], np.float32)
    taken = sp.csr_matrix(np.array([[0, 0, 0, 1], [0, 1, 1, 1]]))
    lowest, middle, top = reliability(chances, taken, n_bins=3)
    assert lowest == (pytest.approx(0.25), pytest.approx(1 / 4), 4)  # half of all eight
    assert middle == (pytest.approx(0.55), pytest.approx(1 / 2), 2)  # half of the rest
    assert top == (pytest.approx(0.8), pytest.approx(1.0), 2)


def test_no_pair_is_left_out_or_counted_twice() -> None:
    rng = np.random.default_rng(0)
    bins = reliability(rng.random((7, 31)).astype(np.float32), sp.csr_matrix(rng.random((7, 31)) < 0.1))
    assert sum(n for *_, n in bins) == 7 * 31


def test_nothing_asked_gives_no_bins() -> None:
    assert reliability(np.zeros((0, 5), np.float32), sp.csr_matrix((0, 5))) == []


def test_several_runs_give_the_mean_of_their_means() -> None:
    runs = np.array([[1.0, np.nan, np.nan], [0.0, 1.0, 0.5]])
    assert bootstrap(runs).mean == pytest.approx((1 + 0.5) / 2)


def test_a_reader_is_drawn_with_all_their_runs() -> None:
    """So asking the same readers twice makes nothing surer."""
    values = np.random.default_rng(0).random(50)
    once, twice = bootstrap(values), bootstrap(np.array([values, values]))
    assert (twice.low, twice.high) == pytest.approx((once.low, once.high))


def test_a_mean_lies_within_its_interval_also_where_readers_were_asked_unequally_often() -> None:
    runs = np.full((3, 40), np.nan)
    runs[:, :10], runs[0, 10:] = 0.9, 0.1
    interval = bootstrap(runs)
    assert interval.low < interval.mean < interval.high
