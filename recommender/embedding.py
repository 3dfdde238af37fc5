"""papers without a vector of their present text -> encoder -> vector store."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path

from django.conf import settings
from django.db.models import Max

from papers.models import Paper, PaperQuerySet
from papers.sentences import split_sentences
from recommender.engine.encoder import Encoder, clean_text
from recommender.engine.vectors import VectorStore
from recommender.models import Interest

# Texts encoded before their vectors are kept: what a killed run loses at most, some ten seconds of two cores.
SEGMENT = 256


@dataclass(frozen=True)
class Embedded:
    encoded: int
    unchanged: int
    refused: tuple[str, ...] = ()  # files left out of the store, one line each


def encoder() -> Encoder:
    """The encoder that the settings name; its model is loaded when something is encoded."""
    return Encoder(settings.ENCODER, dim=settings.ENCODER_DIM)


def paper_vectors() -> VectorStore:
    return _store(settings.ARTIFACTS_DIR / "vectors" / "papers", encoder().tag)


def sentence_vectors() -> VectorStore:
    """Vectors of what readers say of themselves, so that no page need load a model to rank for them."""
    return _store(settings.ARTIFACTS_DIR / "vectors" / "sentences", encoder().tag)


@cache
def _store(root: Path, tag: str) -> VectorStore:
    """One a process, so that its segments stay mapped."""
    return VectorStore(root, tag)


def sentence_id(sentence: str) -> int:
    """A negative number that stands for a sentence where papers have their ids."""
    digest = hashlib.blake2b(clean_text(sentence).encode(), digest_size=8).digest()
    return -1 - (int.from_bytes(digest) >> 2)


def embed_papers(
    progress: Callable[[int, int], None] | None = None, *, paper_ids: Iterable[int] | None = None
) -> Embedded:
    """Encode what is missing or changed: papers of any status (a pending one may be published tomorrow), then the
    sentences of readers' interests. `progress(done, total)` is called as batches finish.

    Every SEGMENT texts are kept at once, so a killed run goes on where it was; two runs at once write the same vectors
    twice, and the later ones count.
    """
    papers, sentences = paper_vectors(), sentence_vectors()
    wanted = Paper.objects.order_by("pk")
    if paper_ids is not None:
        wanted = wanted.filter(pk__in=list(paper_ids))
    hashes, lengths = {}, {}
    for paper in _texts(wanted):
        hashes[paper.pk], lengths[paper.pk] = paper.text_hash, len(paper.text)
    missing = papers.missing(hashes)
    said = {} if paper_ids is not None else _sentences()
    unsaid = sentences.missing(dict.fromkeys(said, ""))
    done, total = 0, len(missing) + len(unsaid)

    def finished(count: int) -> None:
        nonlocal done
        done += count
        if progress:
            progress(done, total)

    finished(0)
    # Texts of like length share a batch; the longest come first.
    for ids in _chunks(sorted(missing, key=lambda pk: -lengths[pk])):
        found = Paper.objects.in_bulk(ids)
        kept = [pk for pk in ids if pk in found]  # one may have been deleted meanwhile
        vectors = encoder().encode([found[pk].text for pk in kept], progress=finished)
        if kept:
            papers.append(kept, [found[pk].text_hash for pk in kept], vectors)
    for ids in _chunks(unsaid):
        vectors = encoder().encode([said[id_] for id_ in ids], progress=finished)
        sentences.append(ids, [""] * len(ids), vectors)
    papers.compact()
    return Embedded(total, len(hashes) + len(said) - total, (*papers.refused, *sentences.refused))


def _chunks(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    return (ids[start : start + SEGMENT] for start in range(0, len(ids), SEGMENT))


def _texts(papers: PaperQuerySet) -> Iterator[Paper]:
    return papers.only("pk", "title", "abstract").iterator(chunk_size=2000)


def _sentences() -> dict[int, str]:
    """What readers say of themselves, and the sentences of new abstracts, of which a digest shows the telling one."""
    lists = Interest.objects.exclude(sentences=[]).values_list("sentences", flat=True)
    texts = [sentence for sentences in lists for sentence in sentences]
    newest = Paper.objects.aggregate(newest=Max("published_at"))["newest"]
    if newest:
        new = Paper.objects.filter(published_at__gt=newest - timedelta(days=settings.CATCH_UP_DAYS))
        abstracts = [split_sentences(abstract) for abstract in new.values_list("abstract", flat=True)]
        texts += [sentence for sentences in abstracts if len(sentences) > 1 for sentence in sentences]
    return {sentence_id(text): text for text in texts if clean_text(text)}
