"""Two fields in one library: found where they fall apart, and each given its share of a list."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.typing import NDArray

from recommender.engine.padded import gather, product
from recommender.engine.second_field import FEWEST_READS, MOST_READS, SecondFields, shared_out

DIM = 32


def around(axis: int, n: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """n vectors of cosines of about two thirds to each other."""
    out = rng.normal(0, 0.7 / np.sqrt(DIM), (n, DIM))
    out[:, axis] += 1
    return (out / np.linalg.norm(out, axis=1, keepdims=True)).astype(np.float32)


def split(vectors: NDArray[np.float32], *weights: NDArray[np.float32]) -> tuple[list[list[int]], NDArray[np.float32]]:
    likings = sp.csr_matrix(np.array(weights, np.float32))
    fields = SecondFields(likings.shape, DIM)
    assert product(len(weights), DIM, fields.watch(gather(likings, vectors))) == pytest.approx(
        likings @ vectors, abs=1e-3
    )
    found = fields.of_second_field()
    return [sorted(found[row].indices.tolist()) for row in range(len(weights))], fields.share_


@pytest.mark.parametrize("n_small", [2, 3, 8])
def test_the_smaller_of_two_fields_is_found_and_weighed(n_small: int) -> None:
    rng = np.random.default_rng(n_small)
    vectors = np.vstack([around(0, 18, rng), around(1, n_small, rng)])
    even = np.ones(len(vectors), np.float32)
    heavy = np.where(np.arange(len(vectors)) < 18, 1.0, 0.5).astype(np.float32)
    found, share = split(vectors, even, heavy)
    assert found == [list(range(18, 18 + n_small))] * 2
    assert share == pytest.approx([n_small / len(vectors), n_small / 2 / (18 + n_small / 2)])


def test_one_field_a_stray_paper_and_a_small_library_are_left_whole() -> None:
    rng = np.random.default_rng(0)
    vectors = np.vstack([around(0, 18, rng), around(1, 4, rng)])
    one, stray, little = np.zeros((3, 22), np.float32)
    one[:18] = 1
    stray[:19] = 1
    little[[0, 1, 2, 18, 19]] = 1
    assert FEWEST_READS > 5
    found, share = split(vectors, one, stray, little, np.zeros(22, np.float32))
    assert found == [[], [], [], []]
    assert not share.any()


def test_texts_that_are_all_the_same_or_none_are_left_whole() -> None:
    assert split(np.ones((10, DIM), np.float32), np.ones(10))[0] == [[]]
    found, share = split(np.zeros((10, DIM), np.float32), np.ones(10))
    assert found == [[]]
    assert np.isfinite(share).all()


def test_of_a_huge_library_what_weighs_most_is_compared() -> None:
    rng = np.random.default_rng(0)
    n = 3 * MOST_READS
    vectors = np.vstack([around(0, n, rng), around(1, 50, rng)])
    weights = np.concatenate([np.full(n, 0.5), np.ones(50)]).astype(np.float32)
    found, share = split(vectors, weights)
    assert found == [list(range(n, n + 50))]
    assert share == pytest.approx([50 / (50 + (MOST_READS - 50) / 2)])


def test_however_far_a_list_is_read_the_field_has_its_share() -> None:
    chosen = np.array([range(10)] * 3)
    small = np.array([[20, 21, 3, 22, -1]] * 3)
    holds = np.zeros((3, 10), bool)
    holds[2, 3] = True  # paper 3 is of the field already
    share = np.array([0.1, 0.3, 0.3], np.float32)
    first, second, third = shared_out(chosen, holds, share, small).tolist()
    assert first == [0, 1, 2, 3, 4, 5, 6, 20, 7, 8]
    assert second == [0, 1, 20, 2, 3, 21, 4, 5, 6, 22]
    assert third == [0, 1, 3, 2, 4, 20, 5, 6, 7, 21]


def test_a_field_that_has_its_share_a_short_list_and_one_without_papers_stay() -> None:
    chosen = np.array([[4, 5, 6, 7], [4, 5, -1, -1], [4, 5, 6, 7]])
    holds = np.array([[True, False, True, False], [False] * 4, [False] * 4])
    small = np.array([[8, 9], [5, -1], [-1, -1]])
    out = shared_out(chosen, holds, np.array([0.3, 0.5, 0.5], np.float32), small)
    assert out[0].tolist() == [4, 5, 6, 7]
    assert sorted(out[1].tolist()) == [-1, -1, 4, 5]
    assert out[2].tolist() == [4, 5, 6, 7]
