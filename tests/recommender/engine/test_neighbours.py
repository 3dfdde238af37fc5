"""Votes: each new paper has one to give, so that no paper rises for being near to everything."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.typing import NDArray

from recommender.engine.encoder import normalised
from recommender.engine.neighbours import likeness, n_neighbours, votes_of


def directions(*degrees: float) -> NDArray[np.float32]:
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def test_a_vote_is_shared_by_likeness_to_the_given_power() -> None:
    votes = votes_of(directions(0), directions(0, 60, 90), 2.0, np.array([-1])).by_known.toarray()[:, 0]
    near = np.array([1.0**2, 0.5**2, 0.0])  # cosines of 0, 60 and 90 degrees, squared
    assert votes == pytest.approx(near / near.sum(), abs=1e-6)


def test_the_nearer_a_paper_the_more_it_gets_and_a_greater_power_sharpens() -> None:
    known, own = directions(10, 30, 50), np.array([-1])
    blunt = votes_of(directions(0), known, 1.0, own).by_known.toarray()[:, 0]
    sharp = votes_of(directions(0), known, 4.0, own).by_known.toarray()[:, 0]
    assert blunt[0] > blunt[1] > blunt[2] > 0
    assert sharp[0] > blunt[0]
    assert sharp[2] < blunt[2]


def random_vectors(n: int, seed: int, dim: int = 8) -> NDArray[np.float32]:
    return normalised(np.random.default_rng(seed).normal(0, 1, (n, dim)).astype(np.float32))


def test_no_paper_hands_out_more_than_one_vote() -> None:
    votes = votes_of(random_vectors(700, 1), random_vectors(400, 2), 4.0, np.full(700, -1))
    handed_out = np.asarray(votes.by_known.sum(axis=0)).ravel()
    assert handed_out.max() <= 1 + 1e-5
    assert handed_out.min() > 0.99
    assert (votes.by_known.data > 0).all()


def test_where_next_to_nothing_is_alike_the_votes_stay_small() -> None:
    known, own = directions(0, 0), np.array([-1, -1])
    votes = votes_of(directions(0, 89), known, 2.0, own, usual_total=2.0).by_known
    alike, unlike = np.asarray(votes.sum(axis=0)).ravel()
    assert alike > 0.75
    assert unlike < 0.01


def test_a_paper_gives_no_vote_to_itself() -> None:
    vectors = random_vectors(50, 3)
    votes = votes_of(vectors, vectors, 4.0, np.arange(50)).by_known
    assert not votes.diagonal().any()
    assert votes.sum() > 40


def test_a_hub_near_to_everything_does_not_rise_for_everybody() -> None:
    fields = np.eye(6, dtype=np.float32)
    hub = normalised(fields.sum(axis=0, keepdims=True))
    rng = np.random.default_rng(0)
    known = normalised(np.repeat(fields, 40, axis=0) + rng.normal(0, 0.25, (240, 6)).astype(np.float32))
    plain = normalised(fields + rng.normal(0, 0.25, (6, 6)).astype(np.float32))
    candidates = np.vstack([plain, hub])
    reader = np.arange(240) < 40  # of the first field
    votes = votes_of(candidates, known, 4.0, np.full(7, -1)).by_known
    score = np.asarray(reader @ votes).ravel()
    mean_cosine = likeness(known, candidates)[reader].mean(axis=0)
    assert mean_cosine.argsort()[::-1][:2].tolist() == [0, 6]  # by cosines the hub is the second best for each field
    assert score[0] > 3 * score[6]
    over_all_readers = [np.asarray((np.arange(240) // 40 == field) @ votes).ravel()[6] for field in range(6)]
    assert max(over_all_readers) < 0.5


def test_sparse_and_dense_vectors_vote_alike() -> None:
    candidates, known = np.abs(random_vectors(20, 4)), np.abs(random_vectors(60, 5))
    own = np.full(20, -1)
    dense = votes_of(candidates, known, 2.0, own).by_known.toarray()
    sparse = votes_of(sp.csr_matrix(candidates), sp.csr_matrix(known), 2.0, own).by_known.toarray()
    assert dense == pytest.approx(sparse, abs=1e-6)


def test_a_paper_newer_than_the_model_gets_the_votes_its_place_deserves() -> None:
    known, candidates = random_vectors(80, 6), random_vectors(30, 7)
    votes = votes_of(candidates, known, 4.0, np.full(30, -1))
    as_new = votes.to(np.full(80, -1), known, candidates)
    assert as_new.toarray() == pytest.approx(votes.by_known.toarray(), abs=1e-5)
    mixed = votes.to(np.array([5, -1, 7]), known[[5, 6, 7]], candidates)
    assert mixed.toarray() == pytest.approx(votes.by_known[[5, 6, 7]].toarray(), abs=1e-5)


def test_a_small_catalogue_votes_for_few() -> None:
    assert [n_neighbours(n) for n in (0, 1, 4, 49, 400, 1_000_000)] == [0, 1, 4, 5, 14, 100]


def test_no_known_papers_and_no_candidates_give_no_votes() -> None:
    none, some = np.zeros((0, 8), np.float32), random_vectors(3, 8)
    assert votes_of(some, none, 4.0, np.full(3, -1)).by_known.shape == (0, 3)
    assert votes_of(none, some, 4.0, np.zeros(0, np.int64)).by_known.shape == (3, 0)
    assert votes_of(some, none, 4.0, np.full(3, -1)).to(np.array([-1]), some[:1], some).nnz == 0
