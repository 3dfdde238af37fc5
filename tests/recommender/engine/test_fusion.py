"""Weights learnt on what was held out, and chances that mean what they say."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from recommender.engine.fusion import FEWEST_TAKEN, Fusion, scale_of, scaled

Parts = dict[str, NDArray[np.float32]]
PRIOR = {"first": 1.0, "useful": 0.2, "noise": 0.2}


def world(seed: int, n: int = 120, m: int = 80) -> tuple[Parts, NDArray[np.bool_], NDArray[np.bool_]]:
    """Readers take a paper with a chance that rises with `first` + 2 `useful`; `noise` says nothing."""
    rng = np.random.default_rng(seed)
    parts = {name: rng.normal(0, 1, (n, m)).astype(np.float32) for name in PRIOR}
    chance = 1 / (1 + np.exp(-(-5 + 1.2 * (parts["first"] + 2 * parts["useful"]))))
    taken = rng.random((n, m)) < chance
    taken[np.arange(n), (parts["first"] + 2 * parts["useful"]).argmax(axis=1)] = True
    return parts, taken, np.zeros((n, m), bool)


@pytest.fixture(scope="module")
def fitted() -> Fusion:
    return Fusion(PRIOR).fit(*world(0))


def test_what_helps_counts_more_and_what_does_not_counts_less(fitted: Fusion) -> None:
    assert fitted.weights_["first"] == 1.0
    assert fitted.weights_["useful"] > 0.2
    assert fitted.weights_["noise"] < 0.2


def test_a_weight_that_makes_no_difference_stays_as_it_was() -> None:
    parts, taken, barred = world(1)
    parts["noise"][:] = 0
    assert Fusion(PRIOR).fit(parts, taken, barred).weights_["noise"] == 0.2


def test_scores_are_the_weighted_sum() -> None:
    fusion = Fusion({"one": 1.0, "two": 0.5, "three": 0.0}).start()
    parts = {name: np.full((1, 2), value, np.float32) for name, value in (("one", 2.0), ("two", 4.0), ("three", 9.0))}
    assert fusion.fuse(parts).tolist() == [[2 + 0.5 * 4] * 2]


def test_a_greater_score_is_a_greater_chance(fitted: Fusion) -> None:
    chances = fitted.chance(np.linspace(-8, 8, 100, dtype=np.float32))
    assert (np.diff(chances) > 0).all()
    assert (chances > 0).all()
    assert (chances < 1).all()


def test_what_is_said_to_happen_happens_on_other_days(fitted: Fusion) -> None:
    parts, taken, _ = world(7, n=400)
    scores = fitted.fuse(parts)
    chances = fitted.chance(scores)
    assert chances.mean() == pytest.approx(taken.mean(), rel=0.15)
    for low, high in ((0.5, 0.8), (0.8, 0.95), (0.95, 1.0)):
        some = (scores >= np.quantile(scores, low)) & (scores <= np.quantile(scores, high))
        assert chances[some].mean() == pytest.approx(taken[some].mean(), rel=0.3)


def test_chances_that_flatten_at_the_top_are_told_truly_all_along() -> None:
    rng = np.random.default_rng(3)
    parts = {"first": rng.normal(0, 1.5, (600, 200)).astype(np.float32)}
    chance = 1 / (1 + np.exp(-(-4 + 2.5 * np.minimum(parts["first"], 1) + 0.2 * parts["first"])))
    taken = rng.random(chance.shape) < chance
    kept = taken.any(axis=1)
    fusion = Fusion({"first": 1.0}).fit({"first": parts["first"][kept]}, taken[kept], np.zeros_like(taken[kept]))
    for low, high in ((-3, -1), (-1, 0), (0, 0.7), (0.7, 1.5), (1.5, 3), (3, 6)):
        some = (parts["first"] > low) & (parts["first"] < high)
        assert fusion.chance(parts["first"][some]).mean() == pytest.approx(chance[some].mean(), rel=0.25)


def test_of_few_takings_one_slope_is_learnt() -> None:
    parts, taken, barred = world(0, n=30)
    assert taken.sum() < FEWEST_TAKEN
    assert len(Fusion(PRIOR).fit(parts, taken, barred).slopes_) == 1


def test_the_base_rate_is_how_often_a_paper_is_taken(fitted: Fusion) -> None:
    _, taken, _ = world(0)
    assert fitted.base_rate_ == pytest.approx(taken.mean())
    assert fitted.n_lists_ == len(taken)


def test_what_was_no_candidate_is_no_negative() -> None:
    parts, taken, barred = world(0)
    barred[:, ::2] = ~taken[:, ::2]
    assert Fusion(PRIOR).fit(parts, taken, barred).base_rate_ == pytest.approx(taken.sum() / (~barred).sum())


def test_without_lists_the_prior_stands_with_a_chance_for_what_is_usual() -> None:
    fusion = Fusion(PRIOR).start()
    assert fusion.weights_ == PRIOR
    assert fusion.n_lists_ == 0
    assert (
        fusion.chance(np.zeros(1, np.float32))[0]
        == pytest.approx(fusion.base_rate_)
        == pytest.approx(1 / 404, rel=0.01)
    )


def test_fitting_is_the_same_in_every_run(fitted: Fusion) -> None:
    again = Fusion(PRIOR).fit(*world(0))
    assert (again.weights_, again.intercept_) == (fitted.weights_, fitted.intercept_)
    assert again.slopes_.tolist() == fitted.slopes_.tolist()


def test_the_prior_is_not_changed_by_learning(fitted: Fusion) -> None:
    assert PRIOR == {"first": 1.0, "useful": 0.2, "noise": 0.2}


def test_parts_are_scaled_in_spreads_above_their_mean() -> None:
    part = np.array([[1, 3], [5, 7]], np.float32)
    assert scale_of({"part": part})["part"] == (4.0, pytest.approx(5**0.5))
    assert scaled(part, (4.0, 2.0)).tolist() == [[-1.5, -0.5], [0.5, 1.5]]


def test_a_part_that_is_always_the_same_says_nothing() -> None:
    part = np.full((2, 2), 7, np.float32)
    assert scaled(part, scale_of({"part": part})["part"]).tolist() == [[0, 0], [0, 0]]
