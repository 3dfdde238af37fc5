"""The ranker in use: loaded once per process, memory-mapped, changed when another is published."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from django.conf import settings
from django.db.models import Count, Max

from papers.models import Paper
from recommender.embedding import encoder, paper_vectors
from recommender.engine.artifacts import Arrays, pack_text, read_artifact, unpack_text
from recommender.engine.errors import ArtifactError
from recommender.engine.lexical import Lexicon
from recommender.engine.papers import Papers
from recommender.engine.ranker import Ranker
from recommender.models import RankerVersion

logger = logging.getLogger(__name__)

# Texts that teach an untrained ranker its words: enough for word frequencies, read in two or three seconds.
UNTRAINED_TEXTS = 5000


@dataclass(frozen=True, eq=False)
class Model:
    """A ranker and the words it knows; `name` is empty for the untrained one."""

    name: str
    ranker: Ranker
    lexicon: Lexicon
    trained_until: float  # a paper changed after this timestamp has other words by now

    def to_artifact(self) -> tuple[Arrays, dict[str, Any]]:
        arrays, ranker_settings = self.ranker.to_arrays()
        arrays |= {"idf": self.lexicon.idf_, "vocabulary": pack_text(self.lexicon.words_in_order().tolist())}
        return arrays, {"ranker": ranker_settings, "encoder": encoder().tag, "trained_until": self.trained_until}


_loaded: tuple[Path, Model] | None = None  # by its folder
_untrained: tuple[tuple[Any, ...], Model] | None = None


def model() -> Model:
    """The published ranker, or where none is (or none can be read) one that knows the catalogue's words only."""
    name = RankerVersion.objects.filter(state=RankerVersion.State.PUBLISHED).values_list("name", flat=True).first()
    if name is None:
        return untrained()
    global _loaded
    if _loaded is None or _loaded[0] != folder_of(name):
        try:
            _loaded = folder_of(name), load(name)
        except ArtifactError as error:
            logger.error("The published ranker cannot be used, the one before stays in use: %s", error)
            return _last_good() or untrained()
    return _loaded[1]


def published() -> Model | None:
    """The published ranker itself; None where there is none that can be read."""
    name = RankerVersion.objects.filter(state=RankerVersion.State.PUBLISHED).values_list("name", flat=True).first()
    try:
        return load(name) if name else None
    except ArtifactError as error:
        logger.error("The published ranker cannot be read: %s", error)
        return None


def folder_of(name: str) -> Path:
    return Path(settings.ARTIFACTS_DIR) / "rankers" / name


def load(name: str) -> Model:
    """ArtifactError where it is not whole, or was trained with another encoder."""
    manifest, arrays = read_artifact(folder_of(name))
    try:
        kept = manifest["model"]
        if kept["encoder"] != encoder().tag:
            raise ArtifactError(
                f"The ranker {name} was trained with the encoder {kept['encoder']}, now it is {encoder().tag}: train "
                "again."
            )
        lexicon = Lexicon()
        lexicon.vocabulary_ = {word: column for column, word in enumerate(unpack_text(arrays["vocabulary"]))}
        lexicon.idf_ = np.asarray(arrays["idf"])
        ranker = Ranker.from_arrays(arrays, kept["ranker"])
        return Model(name, ranker, lexicon, float(kept["trained_until"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ArtifactError(f"The ranker {name} was written by another version of Broadsheet: train again.") from error


def _last_good() -> Model | None:
    """The ranker this process used so far, or the newest retired one that can be read."""
    global _loaded
    if _loaded is not None and _loaded[0].parent == folder_of("-").parent:
        return _loaded[1]
    retired = RankerVersion.objects.filter(state=RankerVersion.State.RETIRED).order_by("-published_at")
    for name in retired.values_list("name", flat=True)[:5]:
        try:
            _loaded = folder_of(name), load(name)
            return _loaded[1]
        except ArtifactError:
            continue
    return None


def untrained() -> Model:
    """Words, vectors and what readers say of themselves; kept until the catalogue changes."""
    global _untrained
    papers = Paper.objects.published()
    state = (
        *papers.aggregate(n=Count("pk"), newest=Max("pk"), changed=Max("updated_at")).values(),
        len(paper_vectors()),
    )
    if _untrained is None or _untrained[0] != state:
        newest = list(papers.only("pk", "title", "abstract").newest_first()[:UNTRAINED_TEXTS])
        newest.sort(key=lambda paper: paper.pk)
        lexicon = Lexicon().fit([paper.text for paper in newest])
        words = lexicon.transform([paper.text for paper in newest])
        ids = np.array([paper.pk for paper in newest], np.int64)
        known = Papers.of_text(ids, words, paper_vectors().get(ids)[0])
        ranker = Ranker().fit(known, sp.csr_matrix((0, len(ids)), dtype=np.float32))
        changed = state[2].timestamp() if state[2] else 0.0
        _untrained = state, Model("", ranker, lexicon, changed)
    return _untrained[1]
