"""Events to a matrix."""

from __future__ import annotations

import numpy as np
import pytest

from recommender.engine.interactions import (
    HALF_LIFE_DAYS,
    OLDEST_SHARE,
    WEIGHTS,
    Rows,
    negative,
    positive,
    user_items,
    weigh,
)


def test_every_kind_of_the_site_has_a_weight_and_the_negative_ones_are_negative() -> None:
    from recommender.models import Interaction

    assert set(WEIGHTS) == set(Interaction.Kind.values)
    assert {kind for kind, weight in WEIGHTS.items() if weight < 0} == {str(kind) for kind in Interaction.NEGATIVE}


def test_a_half_life_halves_what_can_fade_and_no_known_time_fades_nothing() -> None:
    weights = weigh(["save"] * 4, np.array([0, HALF_LIFE_DAYS, 1e6, np.nan]))
    half = OLDEST_SHARE + (1 - OLDEST_SHARE) / 2
    assert weights == pytest.approx([1, half, OLDEST_SHARE, 1])
    assert weigh(["save"], np.array([-5.0])) == pytest.approx([1])  # a clock that runs ahead


def test_rows_translate_both_ways_and_know_strangers() -> None:
    rows = Rows([30, 10, 20, 10])
    assert rows.ids.tolist() == [10, 20, 30]
    assert rows.of([20, 5, 30, 99]).tolist() == [1, -1, 2, -1]
    assert Rows([]).of([1]).tolist() == [-1]


def test_of_several_events_the_strongest_counts_and_a_dislike_outweighs_all() -> None:
    users, papers = Rows([1, 2]), Rows([7, 8, 9])
    matrix = user_items(
        users,
        papers,
        [1, 1, 1, 1, 2, 2, 3],
        [7, 7, 8, 8, 9, 99, 7],
        np.array([0.3, 1.0, 1.0, -0.5, 0.5, 1.0, 1.0], np.float32),
    )
    assert matrix.shape == (2, 3)
    assert matrix.toarray().tolist() == [[1.0, -0.5, 0.0], [0.0, 0.0, 0.5]]
    assert positive(matrix).toarray().tolist() == [[1.0, 0.0, 0.0], [0.0, 0.0, 0.5]]
    assert negative(matrix).toarray().tolist() == [[0.0, 0.5, 0.0], [0.0, 0.0, 0.0]]
    assert positive(matrix).nnz == 2  # a stored 0 would count as read


def test_no_events_are_an_empty_matrix() -> None:
    assert user_items(Rows([1]), Rows([]), [], [], np.zeros(0, np.float32)).shape == (1, 0)
