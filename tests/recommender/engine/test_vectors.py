"""The store of vectors: whole segments or none, whoever writes and whenever it is killed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from recommender.engine import vectors
from recommender.engine.errors import ArtifactError
from recommender.engine.vectors import VectorStore


def numbers(*rows: float) -> np.ndarray:
    return np.array([[row, row + 0.5] for row in rows], np.float32)


@pytest.fixture
def store(tmp_path: Path) -> VectorStore:
    return VectorStore(tmp_path, "model-a")


def test_an_empty_store_knows_nothing(store: VectorStore) -> None:
    found, known = store.get([1, 2])
    assert (len(store), store.dim, found.shape, known.tolist()) == (0, 0, (2, 0), [False, False])
    assert store.missing({1: "x"}) == [1]


def test_vectors_come_back_by_id_in_the_order_asked(store: VectorStore) -> None:
    store.append([7, 3], ["h7", "h3"], numbers(7, 3))
    found, known = store.get([3, 99, 7])
    assert found.tolist() == [[3, 3.5], [0, 0], [7, 7.5]]
    assert known.tolist() == [True, False, True]


def test_a_changed_text_is_missing_until_it_is_encoded_again_and_then_counts(store: VectorStore) -> None:
    store.append([1, 2], ["old", "same"], numbers(1, 2))
    assert store.missing({1: "new", 2: "same", 3: "other"}) == [1, 3]
    store.append([1], ["new"], numbers(10))
    assert store.missing({1: "new", 2: "same"}) == []
    assert store.get([1])[0].tolist() == [[10, 10.5]]
    assert len(store) == 2


def test_two_writers_at_once_lose_nothing(tmp_path: Path) -> None:
    first, second = VectorStore(tmp_path, "model-a"), VectorStore(tmp_path, "model-a")
    for number in range(5):
        first.append([number], ["h"], numbers(number))
        second.append([number + 100], ["h"], numbers(number + 100))
    assert len(first) == len(second) == 10
    assert first.get([104])[0].tolist() == [[104, 104.5]]


def test_models_do_not_mix(tmp_path: Path, store: VectorStore) -> None:
    path = store.append([1], ["h"], numbers(1))
    other = VectorStore(tmp_path, "model-b")
    assert len(other) == 0
    other.folder.mkdir()
    (other.folder / path.name).write_bytes(path.read_bytes())
    assert len(other) == 0
    assert "another encoder (model-a)" in other.refused[0]


@pytest.mark.parametrize("keep", [0, 5, 40, 200])
def test_a_truncated_file_is_refused_by_name_and_the_rest_is_kept(store: VectorStore, keep: int) -> None:
    store.append([1], ["h"], numbers(1))
    cut = store.append([2], ["h"], numbers(2))
    cut.write_bytes(cut.read_bytes()[:keep] if keep < 200 else cut.read_bytes()[:-1])
    fresh = VectorStore(store.root, store.tag)
    assert len(fresh) == 1
    assert fresh.missing({1: "h", 2: "h"}) == [2]
    [line] = fresh.refused
    assert cut.name in line
    assert "\n" not in line


def test_a_flipped_bit_is_refused(store: VectorStore) -> None:
    path = store.append([1], ["h"], numbers(1))
    damaged = bytearray(path.read_bytes())
    damaged[-1] ^= 1
    path.write_bytes(damaged)
    fresh = VectorStore(store.root, store.tag)
    assert len(fresh) == 0
    assert "checksum" in fresh.refused[0]


def test_what_a_killed_writer_left_is_not_read(store: VectorStore) -> None:
    store.append([1], ["h"], numbers(1))
    (store.folder / ".00000-half.vectors.part").write_bytes(b"half")
    assert len(VectorStore(store.root, store.tag)) == 1


def test_a_changed_dimension_and_numbers_not_finite_are_refused(store: VectorStore) -> None:
    store.append([1], ["h"], numbers(1))
    with pytest.raises(ArtifactError, match="2 dimensions, not 3"):
        store.append([2], ["h"], np.ones((1, 3), np.float32))
    with pytest.raises(ValueError, match="finite"):
        store.append([2], ["h"], np.array([[np.nan, 1]], np.float32))
    with pytest.raises(ValueError, match="do not match"):
        store.append([2, 3], ["h"], numbers(2))


def test_compacting_keeps_the_latest_of_each_and_a_reader_that_had_it_mapped(
    store: VectorStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vectors, "COMPACT_ABOVE", 3)
    for number in range(6):
        store.append([number % 3, 50 + number], [f"h{number}", "h"], numbers(number, 50 + number))
    reader = VectorStore(store.root, store.tag)
    before = reader.get([0, 1, 2, 55])[0]
    store.compact()
    store.append([1], ["newest"], numbers(77))
    assert len(list(store.folder.glob("*.vectors"))) == 2
    for one in (reader, store, VectorStore(store.root, store.tag)):
        assert one.get([0, 2, 55])[0].tolist() == before[[0, 2, 3]].tolist()
        assert one.get([1])[0].tolist() == [[77, 77.5]]
        assert one.missing({0: "h3", 1: "newest", 2: "h5"}) == []
