"""The whole ranker on small worlds with a known answer, and on the oddest ones."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

from recommender.engine import ranker as ranker_module
from recommender.engine.artifacts import read_artifact, write_artifact
from recommender.engine.papers import Papers, Readers
from recommender.engine.ranker import Ranker
from tests.recommender.engine.worlds import field_papers, field_readers, likings

FIELDS = 4
LIBRARY = field_papers(120, FIELDS)
NEW = field_papers(60, FIELDS, seed=5, first_id=1000)


@pytest.fixture(scope="module")
def ranker() -> Ranker:
    return Ranker(dim=32, n_models=2).fit(LIBRARY, field_readers(240, 120, FIELDS))


def readers_of(*readers: dict[int, float], library: Papers = LIBRARY) -> Readers:
    return Readers.of_likings(likings(len(library), *readers), library)


def fields_of(items: list[ranker_module.Item]) -> list[int]:
    return [item.column % FIELDS for item in items]


# --- what it is for --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_readers", [0, 1, 49, 240])
def test_a_reader_of_one_field_gets_its_new_papers_however_many_readers_there_are(n_readers: int) -> None:
    ranker = Ranker(dim=32, n_models=1).fit(LIBRARY, field_readers(n_readers, 120, FIELDS))
    [items] = ranker.rank(readers_of({2: 1.0, 6: 1.0, 10: 1.0}), LIBRARY, NEW, 10)
    assert fields_of(items) == [2] * 10
    assert bool(ranker.notes_) == (n_readers < 200)
    if n_readers < 5:
        assert "content, topics, popularity and recency" in ranker.notes_[0]


def test_a_reader_of_two_fields_nine_to_one_gets_both(ranker: Ranker) -> None:
    reads = dict.fromkeys(range(0, 72, 4), 1.0) | {1: 1.0, 5: 1.0}  # eighteen of field 0, two of field 1
    [items] = ranker.rank(readers_of(reads), LIBRARY, NEW, 20)
    assert fields_of(items).count(0) >= 10
    assert fields_of(items).count(1) >= 3
    assert set(fields_of(items)) <= {0, 1}


def test_a_short_list_holds_the_small_field_too_where_the_big_one_would_fill_it(ranker: Ranker) -> None:
    reads = readers_of(dict.fromkeys(range(0, 72, 4), 1.0) | {1: 1.0, 5: 1.0})
    many = field_papers(400, FIELDS, seed=9, first_id=1000)
    many = many.take(np.flatnonzero((np.arange(400) % FIELDS != 1) | (np.arange(400) < 20)))
    field = many.ids % FIELDS  # of field 0 a hundred, of field 1 five
    small = (1001 % FIELDS) - (1000 % FIELDS)
    alone, shared = (
        [
            int(field[item.column] - field[0]) % FIELDS
            for item in ranker.rank(reads, LIBRARY, many, 10, shares_out=yes)[0]
        ]
        for yes in (False, True)
    )
    assert alone.count(small) == 0
    assert shared.count(0) == 9
    assert shared.count(small) == 1
    none = many.take(np.flatnonzero((field - field[0]) % FIELDS != small))
    [items] = ranker.rank(reads, LIBRARY, none, 10)
    assert {int(field_of) for field_of in (none.ids[[item.column for item in items]] - field[0]) % FIELDS} == {0}
    barred = sp.csr_matrix(((field - field[0]) % FIELDS == small).astype(np.int8)[None])
    [items] = ranker.rank(reads, LIBRARY, many, 10, exclude=barred)
    assert len({item.column for item in items}) == 10
    assert not barred[0, [item.column for item in items]].nnz


def test_what_was_disliked_pushes_away_what_is_like_it(ranker: Ranker) -> None:
    both = {0: 1.0, 4: 1.0, 1: 1.0, 5: 1.0}
    plain, turned = ranker.score(readers_of(both, both | {9: -1.0}), LIBRARY, NEW)
    fall = plain - turned
    assert (fall[1::4] > 0).all()
    assert fall[1::4].mean() > 2.0  # more than the spread of what a reader of the field gets
    assert np.abs(fall[0::4]).max() < 0.3
    only = ranker.score(readers_of({9: -1.0}, {}), LIBRARY, NEW)
    assert (only[0, 1::4] < only[1, 1::4]).all()


def test_followed_authors_come_first_then_followed_topics(ranker: Ranker) -> None:
    topics = sp.csr_matrix((np.arange(60) % 4 == 3).astype(np.float32)[:, None])
    authors = sp.csr_matrix((np.arange(60) == 17).astype(np.float32)[:, None])
    papers = replace(NEW, topics=topics, authors=authors)
    one = sp.csr_matrix(np.ones((1, 1), np.float32))
    nobody = Readers(np.array([1]), sp.csr_matrix((1, 120), dtype=np.float32), one, one)
    [items] = ranker.rank(nobody, LIBRARY, papers, 10)
    assert (items[0].column, items[0].part, items[0].source) == (17, "authors", 0)
    assert fields_of(items[1:]) == [3] * 9
    assert {item.part for item in items[1:]} == {"topics"}


def test_popularity_decides_among_equals_only(ranker: Ranker) -> None:
    votes = np.zeros(60, np.float32)
    votes[[2, 3]] = 300
    papers = replace(NEW, votes=votes)
    nobody, of_field_2 = ranker.rank(readers_of({}, {2: 1.0, 6: 1.0}), LIBRARY, papers, 10)
    assert {item.column for item in nobody[:2]} == {2, 3}
    assert nobody[0].part == "popularity"
    assert 3 not in {item.column for item in of_field_2}


def test_the_dial_turns_from_own_reading_to_what_others_read(ranker: Ranker) -> None:
    reader = readers_of({2: 1.0, 6: 1.0})
    middle, own, others = (
        ranker.score(reader, LIBRARY, NEW, dial=np.array([dial], np.float32)) for dial in (0.5, 0.0, 1.0)
    )
    assert middle == pytest.approx(ranker.score(reader, LIBRARY, NEW), rel=1e-4, abs=1e-4)
    assert (own + others) / 2 == pytest.approx(middle, rel=1e-3, abs=1e-3)
    assert not np.allclose(own, others)


# --- reasons ---------------------------------------------------------------------------------------------------------


def test_taking_the_reason_away_lowers_the_score_more_than_taking_any_other_read_paper(ranker: Ranker) -> None:
    reads = {0: 1.0, 4: 0.5, 8: 1.0, 1: 1.0, 2: 0.3, 44: 1.0}
    [items] = ranker.rank(readers_of(reads), LIBRARY, NEW, 5)
    for item in items:
        assert item.part == "read"
        full = ranker.score(readers_of(reads), LIBRARY, NEW)[0, item.column]
        falls = {
            gone: full
            - ranker.score(readers_of({c: w for c, w in reads.items() if c != gone}), LIBRARY, NEW)[0, item.column]
            for gone in reads
        }
        assert falls[item.source] > 0
        assert falls[item.source] >= sorted(falls.values())[-2]  # the rest grows a little when one goes


def test_what_the_library_brought_adds_up_to_the_score_of_its_parts(ranker: Ranker) -> None:
    """So that the greatest contribution is one in truth, not in looks."""
    reads = {0: 1.0, 4: 0.5, 1: 1.0}
    weighted = ranker._compare(LIBRARY, NEW, None)
    reader = readers_of(reads)
    read = weighted.read(reader.user_items)
    (gathered,) = weighted.comparison.gather(read.weighed)
    brought = weighted.brought(gathered, read.sums, np.arange(60)[None])[0].sum(axis=0)
    lent = np.zeros(60)
    if weighted.lent is not None:
        lent = (weighted.comparison.borrowers(read.unit) @ weighted.lent.T)[0]
    whole = weighted.by_library(read, None)[0] - weighted.offset
    assert brought + lent == pytest.approx(whole, rel=1e-3, abs=1e-3)


# --- robust ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_papers", [0, 1, 2, 3])
@pytest.mark.parametrize("n_readers", [0, 1, 3])
def test_hardly_any_papers_are_ranked_without_complaint(n_papers: int, n_readers: int) -> None:
    papers = field_papers(n_papers, 1)
    ranker = Ranker().fit(papers, field_readers(n_readers, n_papers, 1))
    reader = Readers.of_likings(likings(n_papers, dict.fromkeys(range(min(n_papers, 1)), 1.0), {}), papers)
    for candidates in (papers, field_papers(2, 1, first_id=50), field_papers(0, 1)):
        scores = ranker.score(reader, papers, candidates)
        assert scores.shape == (2, len(candidates))
        assert np.isfinite(scores).all()
        assert [len(items) for items in ranker.rank(reader, papers, candidates, 5)] == [
            len(set(candidates.ids))
        ] * 2 or (len(candidates) > 1)


def test_papers_without_text_and_identical_papers_are_ranked(ranker: Ranker) -> None:
    words = sp.vstack([NEW.words[:1]] * 5 + [sp.csr_matrix((3, NEW.words.shape[1]))], format="csr")
    papers = Papers.of_text(np.arange(2000, 2008), words)
    scores = ranker.score(readers_of({0: 1.0}), LIBRARY, papers)
    assert np.isfinite(scores).all()
    [items] = ranker.rank(readers_of({0: 1.0}), LIBRARY, papers, 10)
    assert [item.column for item in items if item.column < 5] == [4]  # of five that are the same, the newest only
    identical = Ranker().fit(papers, likings(8, *[{0: 1.0, 1: 1.0}] * 6))
    assert np.isfinite(identical.score(readers_of({0: 1.0}, library=papers), papers, papers)).all()


def test_exactly_what_remains_is_ranked(ranker: Ranker) -> None:
    exclude = np.ones((1, 60), np.int8)
    exclude[0, [3, 8, 21]] = 0
    [items] = ranker.rank(readers_of({0: 1.0}), LIBRARY, NEW, 10, exclude=sp.csr_matrix(exclude))
    assert sorted(item.column for item in items) == [3, 8, 21]
    assert all(np.isfinite(item.score) for item in items)
    assert ranker.rank(readers_of({0: 1.0}), LIBRARY, NEW, 10, exclude=sp.csr_matrix(np.ones((1, 60)))) == [[]]


def test_a_reader_of_everything_a_hundred_thousand_times_is_ranked_like_any_other(ranker: Ranker) -> None:
    everything = dict.fromkeys(range(120), 1.0)
    items = ranker.rank(readers_of(everything, {2: 1.0}), LIBRARY, NEW, 5)
    assert [len(row) for row in items] == [5, 5]
    assert fields_of(items[1]) == [2] * 5
    n = 100_000
    many = Papers.of_text(np.arange(n), sp.csr_matrix(np.eye(1, 8, dtype=np.float32).repeat(n, axis=0)))
    huge = Ranker().fit(field_papers(8, 1), field_readers(2, 8, 1))
    library = replace(many, words=sp.csr_matrix((n, 30), dtype=np.float32))
    reader = Readers.of_likings(sp.csr_matrix(np.ones((1, n), np.float32)), library)
    [found] = huge.rank(reader, library, field_papers(3, 1, first_id=10**6), 3)
    assert len(found) == 3


def test_papers_and_readers_newer_than_the_model_take_part(ranker: Ranker) -> None:
    unknown = field_papers(8, FIELDS, seed=11, first_id=5000)
    [items] = ranker.rank(readers_of({3: 1.0, 7: 1.0}, library=unknown), unknown, NEW, 8)
    assert fields_of(items) == [3] * 8


def test_a_chunk_of_one_and_of_many_rank_alike(ranker: Ranker, monkeypatch: pytest.MonkeyPatch) -> None:
    many = readers_of(*({row: 1.0, row + 4: 1.0} for row in range(12)), {})
    monkeypatch.setattr(ranker_module, "CHUNK", 1)
    one_by_one = ranker.rank(many, LIBRARY, NEW, 5)
    monkeypatch.setattr(ranker_module, "CHUNK", 5)
    for alone, together in zip(one_by_one, ranker.rank(many, LIBRARY, NEW, 5), strict=True):
        assert [(i.column, i.part, i.source) for i in alone] == [(i.column, i.part, i.source) for i in together]
        assert [i.score for i in alone] == pytest.approx([i.score for i in together], rel=1e-3)


def test_fixed_seeds_rank_the_same_in_every_run(ranker: Ranker) -> None:
    again = Ranker(dim=32, n_models=2).fit(LIBRARY, field_readers(240, 120, FIELDS))
    reader = readers_of({2: 1.0, 5: 1.0})
    assert np.array_equal(ranker.score(reader, LIBRARY, NEW), again.score(reader, LIBRARY, NEW))


def test_a_matrix_the_wrong_way_round_or_not_finite_is_refused() -> None:
    with pytest.raises(ValueError, match="right way round"):
        Ranker().fit(LIBRARY, field_readers(240, 120, FIELDS).T.tocsr())
    with pytest.raises(ValueError, match="finite"):
        Ranker().fit(LIBRARY, likings(120, {0: np.nan}))


# --- what a score means, and what is kept ----------------------------------------------------------------------------


def test_a_chance_is_what_it_says() -> None:
    """Readers take half of what is of their field: over all pairs, what is said to happen happens."""
    papers = field_papers(600, FIELDS)
    ranker = Ranker(dim=32, n_models=1).fit(papers, field_readers(400, 600, FIELDS, each=60))
    fresh = field_papers(400, FIELDS, seed=77, first_id=9000)
    truth = field_readers(200, 400, FIELDS, each=40, seed=78).toarray() > 0
    readers = Readers.of_likings(field_readers(200, 600, FIELDS, each=60), papers)
    chances = ranker.chances(ranker.score(readers, papers, fresh), np.zeros(400, bool))
    assert chances.mean() == pytest.approx(truth.mean(), rel=0.25)
    likely = chances > np.quantile(chances, 0.8)
    assert chances[likely].mean() == pytest.approx(truth[likely].mean(), rel=0.25)


def test_a_ranker_kept_and_read_again_ranks_the_same(ranker: Ranker, tmp_path) -> None:
    arrays, kept = ranker.to_arrays()
    manifest, read = read_artifact(write_artifact(tmp_path, "v1", arrays, {"model": kept}))
    again = Ranker.from_arrays(read, manifest["model"])
    reader = readers_of({2: 1.0, 5: 1.0, 9: -1.0}, {})
    for candidates in (NEW, LIBRARY):
        assert np.array_equal(ranker.score(reader, LIBRARY, candidates), again.score(reader, LIBRARY, candidates))
    assert ranker.rank(reader, LIBRARY, NEW, 5) == again.rank(reader, LIBRARY, NEW, 5)


def test_the_engine_imports_without_django() -> None:
    code = (
        "import sys; sys.modules['django'] = None\n"
        "import pkgutil, importlib, recommender.engine as engine\n"
        "for module in pkgutil.iter_modules(engine.__path__):\n"
        "    importlib.import_module(f'recommender.engine.{module.name}')\n"
        "assert 'sentence_transformers' not in sys.modules and 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
