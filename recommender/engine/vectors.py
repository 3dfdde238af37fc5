"""Vectors outside the database: a folder for each encoder tag, segments that are only ever added.

A segment is one file: an 8-byte magic, the header's length, a JSON header (tag, dim, n, checksum), then the ids
(int64), the text hashes (16 bytes each) and the vectors (float32), so that the vectors can be memory-mapped. It is
written aside and renamed, so a reader sees a whole segment or none; a file is never rewritten under those who map it.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
import uuid
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recommender.engine.errors import ArtifactError

MAGIC = b"BSVEC\x01\n\x00"
SUFFIX = ".vectors"
HASH_BYTES = 16
ALIGNMENT = 64
COMPACT_ABOVE = 64  # segments


@dataclass(frozen=True, eq=False)
class Segment:
    """One file's content; `vectors` is a memory map."""

    path: Path
    ids: NDArray[np.int64]
    hashes: NDArray[np.bytes_]
    vectors: NDArray[np.float32]


class VectorStore:
    """The vectors of one encoder tag under `root`; of two for one id the one written last counts."""

    def __init__(self, root: Path, tag: str) -> None:
        self.root = root
        self.tag = tag
        self._segments: dict[str, Segment] = {}
        self._place: dict[int, tuple[str, int]] = {}
        self.refused: list[str] = []

    @property
    def folder(self) -> Path:
        return self.root / self.tag

    def refresh(self) -> VectorStore:
        """Look for segments that came or went since. Files that are not whole segments of this tag are left out and
        named in `refused`."""
        names = sorted(path.name for path in self.folder.glob(f"*{SUFFIX}"))
        if names == list(self._segments) and not self.refused:
            return self
        known, self._segments, self._place, self.refused = self._segments, {}, {}, []
        for name in names:
            try:
                segment = known.get(name) or read_segment(self.folder / name, self.tag)
            except FileNotFoundError:  # compacted away between the listing and now
                return self.refresh()
            except ArtifactError as error:
                self.refused.append(str(error))
                continue
            self._segments[name] = segment
            self._place.update({int(id_): (name, row) for row, id_ in enumerate(segment.ids)})
        return self

    def __len__(self) -> int:
        return len(self.refresh()._place)

    @property
    def dim(self) -> int:
        """0 while the store is empty."""
        return next((segment.vectors.shape[1] for segment in self.refresh()._segments.values()), 0)

    def missing(self, hashes: Mapping[int, str]) -> list[int]:
        """Which of these ids have no vector, or one of another text."""
        self.refresh()
        return [id_ for id_, text_hash in hashes.items() if self._hash_of(id_) != text_hash]

    def get(self, ids: Sequence[int] | NDArray[np.int64]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """(len(ids), dim) float32 and which of them are known; the others are rows of zeros."""
        self.refresh()
        out = np.zeros((len(ids), self.dim), np.float32)
        known = np.zeros(len(ids), bool)
        wanted: dict[str, list[tuple[int, int]]] = {}
        for position, id_ in enumerate(ids):
            if place := self._place.get(int(id_)):
                wanted.setdefault(place[0], []).append((position, place[1]))
        for name, pairs in wanted.items():
            positions, rows = np.array(pairs, np.int64).T
            out[positions] = self._segments[name].vectors[rows]
            known[positions] = True
        return out, known

    def append(self, ids: Sequence[int], hashes: Sequence[str], vectors: NDArray[np.float32]) -> Path:
        """Add one segment: aside, synced, renamed. Names are unique and sort by time, so two writers never meet."""
        if len(ids) != len(hashes) or vectors.shape[:1] != (len(ids),) or vectors.ndim != 2:
            raise ValueError(f"{len(ids)} ids, {len(hashes)} hashes and vectors of shape {vectors.shape} do not match.")
        if not np.isfinite(vectors).all():
            raise ValueError("Vectors must be finite.")
        if self.dim and vectors.shape[1] != self.dim:
            raise ArtifactError(
                f"{self.folder} holds vectors of {self.dim} dimensions, not {vectors.shape[1]}: the encoder changed "
                "under its name. Remove the folder and embed again."
            )
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{time.time_ns():020d}-{uuid.uuid4().hex[:8]}{SUFFIX}"
        _write_segment(path, self.tag, ids, hashes, vectors)
        return path

    def compact(self) -> None:
        """Many segments to one, by one process at a time; others go on reading what they have mapped."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            old = list(self.refresh()._segments.values())
            if len(old) <= COMPACT_ABOVE:
                return
            ids = np.array(sorted(self._place), np.int64)
            vectors, _ = self.get(ids)
            # Named after the newest segment it replaces, so that whatever was added meanwhile still counts as later.
            path = old[-1].path.with_name(f"{old[-1].path.stem}-{uuid.uuid4().hex[:8]}{SUFFIX}")
            _write_segment(path, self.tag, ids.tolist(), [self._hash_of(int(id_)) or "" for id_ in ids], vectors)
            for segment in old:
                segment.path.unlink(missing_ok=True)

    def _hash_of(self, id_: int) -> str | None:
        place = self._place.get(id_)
        return self._segments[place[0]].hashes[place[1]].decode() if place else None


def _write_segment(
    path: Path, tag: str, ids: Iterable[int], hashes: Iterable[str], vectors: NDArray[np.float32]
) -> None:
    id_array = np.fromiter(ids, np.int64)
    hash_array = np.array([text_hash.encode("ascii")[:HASH_BYTES] for text_hash in hashes], f"S{HASH_BYTES}")
    body = b"".join((id_array.tobytes(), hash_array.tobytes(), np.ascontiguousarray(vectors, np.float32).tobytes()))
    header = {"tag": tag, "dim": int(vectors.shape[1]), "n": len(id_array), "crc32": zlib.crc32(body)}
    encoded = json.dumps(header).encode()
    encoded += b" " * (-(len(MAGIC) + 8 + len(encoded)) % ALIGNMENT)
    aside = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        with aside.open("wb") as file:
            file.write(MAGIC + len(encoded).to_bytes(8, "little") + encoded + body)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def read_segment(path: Path, tag: str) -> Segment:
    """A segment of this tag, memory-mapped; ArtifactError where it is truncated, damaged or of another tag."""
    refusal = f"{path} is left out, for it is"
    with path.open("rb") as file:
        start = file.read(len(MAGIC) + 8)
        if start[: len(MAGIC)] != MAGIC:
            raise ArtifactError(f"{refusal} not a file of vectors: remove it.")
        length = int.from_bytes(start[len(MAGIC) :], "little")
        try:
            header = json.loads(file.read(min(length, 1 << 20)))
            n, dim, checksum, found_tag = int(header["n"]), int(header["dim"]), int(header["crc32"]), header["tag"]
        except (ValueError, KeyError, TypeError) as error:
            raise ArtifactError(f"{refusal} damaged: remove it and embed again.") from error
    if found_tag != tag:
        raise ArtifactError(f"{refusal} of another encoder ({found_tag}): remove it.")
    offset = len(start) + length
    expected = offset + n * (8 + HASH_BYTES + 4 * dim)
    if path.stat().st_size != expected:
        raise ArtifactError(
            f"{refusal} truncated ({path.stat().st_size} of {expected} bytes): remove it and embed again."
        )
    body = np.memmap(path, np.uint8, "r", offset=offset, shape=(expected - offset,))
    if zlib.crc32(body.data) != checksum:
        raise ArtifactError(f"{refusal} damaged (checksum): remove it and embed again.")
    ids, hashes = body[: 8 * n], body[8 * n : (8 + HASH_BYTES) * n]
    return Segment(
        path,
        np.array(ids).view(np.int64),
        np.array(hashes).view(f"S{HASH_BYTES}"),
        body[(8 + HASH_BYTES) * n :].view(np.float32).reshape(n, dim),
    )
