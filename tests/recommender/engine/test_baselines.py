"""Each baseline is what its authors built, and none is crippled: all find a planted taste."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

from recommender.engine.baselines import BASELINES
from recommender.engine.encoder import normalised
from recommender.engine.papers import Papers
from tests.recommender.engine.worlds import field_papers, field_readers, likings

FIELDS = 4


def with_vectors(papers: Papers, seed: int) -> Papers:
    noise = np.random.default_rng(seed).normal(0, 0.2, (len(papers), 16))
    places = np.eye(FIELDS, 16)[np.arange(len(papers)) % FIELDS]
    return replace(papers, dense=normalised((places + noise).astype(np.float32)))


LIBRARY = with_vectors(field_papers(120, FIELDS), 0)
NEW = with_vectors(field_papers(40, FIELDS, seed=3, first_id=1000), 1)
READ = field_readers(60, 120, FIELDS)
OF_TASTE = sorted(set(BASELINES) - {"random", "popularity"})


def scores(name: str, readers: sp.csr_matrix, candidates: Papers = NEW) -> np.ndarray:
    return BASELINES[name](READ, LIBRARY, 0)(readers, candidates)


@pytest.mark.parametrize("name", OF_TASTE)
def test_it_finds_the_papers_of_a_readers_field(name: str) -> None:
    found = scores(name, READ[:8])
    assert found.shape == (8, 40)
    for reader in range(8):
        assert (np.argsort(-found[reader])[:8] % FIELDS == reader % FIELDS).mean() > 0.8


@pytest.mark.parametrize("name", sorted(BASELINES))
def test_it_scores_readers_of_nothing_and_of_everything(name: str) -> None:
    everything = dict.fromkeys(range(120), 1.0)
    assert np.isfinite(scores(name, likings(120, {}, everything, {0: 1.0}))).all()


@pytest.mark.parametrize("name", sorted(BASELINES))
def test_it_scores_the_same_in_every_run(name: str) -> None:
    assert scores(name, READ[:4]) == pytest.approx(scores(name, READ[:4]), abs=1e-5)


@pytest.mark.parametrize("name", ["scholar_inbox", "zotero_arxiv_daily"])
def test_without_vectors_a_dense_baseline_knows_nothing(name: str) -> None:
    bare, new = (replace(papers, dense=papers.dense[:, :0]) for papers in (LIBRARY, NEW))
    assert not BASELINES[name](READ, bare, 0)(READ[:3], new).any()


def test_the_centroid_is_the_cosine_with_the_mean_of_what_was_read() -> None:
    reader = likings(120, {0: 1.0, 4: 0.5})
    mean = LIBRARY.words[0].toarray()[0] + 0.5 * LIBRARY.words[4].toarray()[0]
    expected = NEW.words.toarray() @ mean / np.linalg.norm(mean)
    assert scores("tfidf_centroid", reader)[0] == pytest.approx(expected, abs=1e-5)


def test_the_mean_cosine_is_over_the_whole_library() -> None:
    reader = likings(120, {0: 1.0, 1: 1.0})
    expected = (NEW.dense @ LIBRARY.dense[[0, 1]].T).mean(axis=1)
    assert scores("zotero_arxiv_daily", reader)[0] == pytest.approx(expected, abs=1e-5)


def test_popularity_is_the_same_for_everybody_and_breaks_ties_by_lot() -> None:
    voted = replace(NEW, votes=np.arange(40, dtype=np.float32) // 2)
    found = scores("popularity", READ[:2], voted)
    assert (found[0] == found[1]).all()
    assert (np.argsort(-found[0]) // 2).tolist() == [pair for pair in range(19, -1, -1) for _ in range(2)]
