"""Trained things on disk: a folder a version, written aside, published by one atomic rename, never changed after.

Each array is one file: an 8-byte magic, the header's length, a JSON header (dtype, shape, checksum), the numbers. They
are memory-mapped when read, so that the workers of one machine share them. Nothing is pickled.
"""

from __future__ import annotations

import json
import os
import shutil
import uuid
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recommender.engine.errors import ArtifactError, NotFinite

MAGIC = b"BSARR\x01\n\x00"
ALIGNMENT = 64
MANIFEST = "manifest.json"

Arrays = dict[str, NDArray[Any]]


def write_artifact(root: Path, name: str, arrays: Mapping[str, NDArray[Any]], manifest: Mapping[str, Any]) -> Path:
    """The folder root/name with every array and the manifest, whole or not at all. FileExistsError if it is there;
    NotFinite if a number is not, for nothing not finite is ever published."""
    target = root / name
    if target.exists():
        raise FileExistsError(target)
    for key, array in arrays.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise NotFinite(f"{key} holds numbers that are not finite.")
    content = dict(manifest) | {"arrays": sorted(arrays)}
    try:
        text = json.dumps(content, indent=2, allow_nan=False)
    except ValueError as error:
        raise NotFinite("The manifest holds numbers that are not finite.") from error
    aside = root / f".{name}.{uuid.uuid4().hex[:8]}.part"
    aside.mkdir(parents=True)
    try:
        for key, array in arrays.items():
            _write_array(aside / f"{key}.array", array)
        _write(aside / MANIFEST, text.encode())
        aside.rename(target)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return target


def read_artifact(folder: Path) -> tuple[dict[str, Any], Arrays]:
    """The manifest and the arrays, memory-mapped. ArtifactError where anything is missing, truncated or damaged."""
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        names = manifest["arrays"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ArtifactError(f"{folder} holds no trained ranker (no readable {MANIFEST}): train again.") from error
    return manifest, {name: _read_array(folder / f"{name}.array") for name in names}


def pack_sparse(name: str, matrix: sp.csr_matrix) -> Arrays:
    """A CSR matrix as four arrays."""
    return {
        f"{name}.data": matrix.data,
        f"{name}.indices": matrix.indices,
        f"{name}.indptr": matrix.indptr,
        f"{name}.shape": np.array(matrix.shape, np.int64),
    }


def unpack_sparse(name: str, arrays: Mapping[str, NDArray[Any]]) -> sp.csr_matrix:
    parts = tuple(arrays[f"{name}.{part}"] for part in ("data", "indices", "indptr"))
    return sp.csr_matrix(parts, shape=tuple(int(n) for n in arrays[f"{name}.shape"]))


def pack_text(lines: list[str]) -> NDArray[np.uint8]:
    """Strings without line breaks as bytes."""
    return np.frombuffer("\n".join(lines).encode(), np.uint8)


def unpack_text(array: NDArray[np.uint8]) -> list[str]:
    text = array.tobytes().decode()
    return text.split("\n") if text else []


def _write_array(path: Path, array: NDArray[Any]) -> None:
    array = np.ascontiguousarray(array)
    body = array.tobytes()
    header = {"dtype": array.dtype.str, "shape": list(array.shape), "crc32": zlib.crc32(body)}
    encoded = json.dumps(header).encode()
    encoded += b" " * (-(len(MAGIC) + 8 + len(encoded)) % ALIGNMENT)
    _write(path, MAGIC + len(encoded).to_bytes(8, "little") + encoded + body)


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _read_array(path: Path) -> NDArray[Any]:
    damaged = ArtifactError(f"{path} is truncated or damaged: train again, or choose an older ranker in the admin.")
    try:
        with path.open("rb") as file:
            start = file.read(len(MAGIC) + 8)
            length = int.from_bytes(start[len(MAGIC) :], "little")
            if start[: len(MAGIC)] != MAGIC:
                raise damaged
            header = json.loads(file.read(min(length, 1 << 20)))
        dtype, shape = np.dtype(header["dtype"]), tuple(int(n) for n in header["shape"])
        offset, size = len(start) + length, int(np.prod(shape)) * dtype.itemsize
        if dtype.hasobject or path.stat().st_size != offset + size:
            raise damaged
        if not size:
            return np.zeros(shape, dtype)
        array = np.memmap(path, dtype, "r", offset=offset, shape=shape)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise damaged from error
    if zlib.crc32(array.data) != header["crc32"]:
        raise damaged
    return array
