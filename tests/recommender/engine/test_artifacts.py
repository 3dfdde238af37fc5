"""Artifacts: whole and finite, or not at all."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

from recommender.engine.artifacts import (
    pack_sparse,
    pack_text,
    read_artifact,
    unpack_sparse,
    unpack_text,
    write_artifact,
)
from recommender.engine.errors import ArtifactError

ARRAYS = {"factors": np.arange(6, dtype=np.float32).reshape(2, 3), "ids": np.array([4, 9]), "none": np.zeros((0, 3))}


def test_arrays_come_back_memory_mapped_and_as_they_were(tmp_path: Path) -> None:
    folder = write_artifact(tmp_path, "v1", ARRAYS, {"seconds": 3})
    manifest, arrays = read_artifact(folder)
    assert manifest["seconds"] == 3
    assert isinstance(arrays["factors"], np.memmap)
    for name, array in ARRAYS.items():
        assert arrays[name].dtype == array.dtype
        assert arrays[name].tolist() == array.tolist()
    with pytest.raises(ValueError, match="read-only"):
        arrays["factors"][0, 0] = 1


def test_sparse_matrices_and_words_survive(tmp_path: Path) -> None:
    matrix = sp.csr_matrix(np.array([[0, 2.5, 0], [1, 0, 0]], np.float32))
    words = ["c++", "naïve", "量子"]
    _, arrays = read_artifact(write_artifact(tmp_path, "v", pack_sparse("m", matrix) | {"w": pack_text(words)}, {}))
    assert unpack_sparse("m", arrays).toarray().tolist() == matrix.toarray().tolist()
    assert unpack_text(arrays["w"]) == words
    assert unpack_text(pack_text([])) == []


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_nothing_that_is_not_finite_is_written(tmp_path: Path, bad: float) -> None:
    with pytest.raises(ValueError, match="factors"):
        write_artifact(tmp_path, "v1", {"factors": np.array([1, bad])}, {})
    assert list(tmp_path.iterdir()) == []


def test_a_version_is_never_written_over(tmp_path: Path) -> None:
    write_artifact(tmp_path, "v1", ARRAYS, {})
    with pytest.raises(FileExistsError):
        write_artifact(tmp_path, "v1", ARRAYS, {})


def test_a_manifest_that_is_no_json_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        write_artifact(tmp_path, "v1", ARRAYS, {"what": object()})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("damage", ["truncate", "flip", "foreign", "remove", "dtype"])
def test_a_damaged_array_is_told_in_one_line(tmp_path: Path, damage: str) -> None:
    folder = write_artifact(tmp_path, "v1", ARRAYS, {})
    path = folder / "factors.array"
    content = path.read_bytes()
    changed = {
        "truncate": content[:-4],
        "flip": content[:-1] + bytes([content[-1] ^ 1]),
        "foreign": b"PK\x03\x04" + content[4:],
        "remove": b"",
        "dtype": content.replace(b'"<f4"', b'"<f8"'),
    }[damage]
    path.unlink()
    if damage != "remove":
        path.write_bytes(changed)
    with pytest.raises(ArtifactError, match=r"factors\.array") as told:
        read_artifact(folder)
    assert "\n" not in str(told.value)


def test_a_folder_without_a_manifest_is_no_artifact(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="train again"):
        read_artifact(tmp_path / "missing")
    (tmp_path / "manifest.json").write_text(json.dumps({"no": "arrays"}))
    with pytest.raises(ArtifactError, match="train again"):
        read_artifact(tmp_path)
