"""interactions -> split -> fit and measure -> fit on everything -> artifact, written aside -> published."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from django.db import transaction
from django.utils import timezone

from recommender.corpus import Corpus, read_corpus
from recommender.embedding import encoder
from recommender.engine.artifacts import write_artifact
from recommender.engine.errors import NotFinite
from recommender.engine.ranker import Ranker
from recommender.evaluation import Evaluation, evaluate
from recommender.models import RankerVersion
from recommender.published import Model, folder_of, published

LIBRARIES = ("numpy", "scipy", "scikit-learn", "implicit", "sentence-transformers", "torch")

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Trained:
    version: RankerVersion
    evaluation: Evaluation
    notes: list[str]
    seconds: dict[str, float]


def train(progress: Progress = lambda step: None, *, publish: bool = True, even_if_it_loses: bool = False) -> Trained:
    """Measure a ranker on the newest papers held out, fit one like it on everything, keep it, and publish it unless it
    loses to the one in use. NotFinite where it is not whole: then a rejected version without artifacts says so."""
    clock = _Clock(progress)
    with clock.step("reading"):
        corpus = read_corpus()
        in_use = published()
    notes = []
    if corpus.n_without_vector:
        notes.append(f"{corpus.n_without_vector} papers have no vector yet: run manage.py embed_papers.")
    try:
        with clock.step("evaluating"):
            evaluation = evaluate(corpus, published=in_use)
        with clock.step("fitting"):
            lexicon = corpus.lexicon()
            ranker = Ranker().fit(corpus.papers(lexicon), corpus.matrix(), like=evaluation.ranker)
        with clock.step("writing"):
            notes = [*dict.fromkeys(ranker.notes_ + evaluation.notes), *notes]
            kept = _keep(Model("", ranker, lexicon, corpus.at.timestamp()), corpus, evaluation, notes, clock.seconds)
    except NotFinite as error:
        raise _rejected(corpus, error, notes, clock.seconds) from error
    if evaluation.loses and not even_if_it_loses:
        kept.state, kept.state_reason = RankerVersion.State.REJECTED, evaluation.loses[:300]
        kept.save(update_fields=["state", "state_reason"])
    elif publish:
        publish_version(kept)
    return Trained(kept, evaluation, notes, clock.seconds)


class PublishedMeanwhile(Exception):
    """Another version is in use than the one that was to be replaced; nothing was changed."""

    def __init__(self, version: RankerVersion | None) -> None:
        super().__init__(str(version))
        self.version = version


def publish_version(chosen: RankerVersion, *, instead_of: str | None = None) -> None:
    """Make this the ranker in use. One is published at a time; the one before is retired and can come back.

    `instead_of` is the key of the version believed to be in use, empty for none: PublishedMeanwhile where it is not.
    """
    state = RankerVersion.State
    with transaction.atomic():
        list(RankerVersion.objects.select_for_update().order_by("pk").values_list("pk"))  # of two at once, one waits
        in_use = RankerVersion.objects.filter(state=state.PUBLISHED).first()
        if instead_of is not None and instead_of != (str(in_use.pk) if in_use else ""):
            raise PublishedMeanwhile(in_use)
        RankerVersion.objects.filter(state=state.PUBLISHED).exclude(pk=chosen.pk).update(state=state.RETIRED)
        RankerVersion.objects.filter(pk=chosen.pk).update(
            state=state.PUBLISHED, state_reason="", published_at=timezone.now()
        )
    chosen.refresh_from_db()


def _keep(
    model: Model, corpus: Corpus, evaluation: Evaluation, notes: list[str], seconds: dict[str, float]
) -> RankerVersion:
    arrays, kept = model.to_artifact()
    manifest = evaluation.as_dict() | _learnt_from(corpus, notes, seconds) | {"settings": model.ranker.settings}
    name = _name_of(corpus)
    write_artifact(folder_of(name).parent, name, arrays, manifest | {"model": kept})
    return RankerVersion.objects.create(name=name, manifest=manifest)


def _rejected(corpus: Corpus, error: NotFinite, notes: list[str], seconds: dict[str, float]) -> NotFinite:
    """What to raise; the version's row, which has no artifacts and so can never be published, is there by then."""
    name, reason = _name_of(corpus), str(error)
    RankerVersion.objects.create(
        name=name,
        state=RankerVersion.State.REJECTED,
        state_reason=reason[:300],
        manifest=_learnt_from(corpus, notes, seconds),
    )
    return NotFinite(f"Ranker {name} is rejected and the one in use stays. {reason} Train again.")


def _name_of(corpus: Corpus) -> str:
    return f"{corpus.at:%Y%m%d-%H%M%S-%f}"


def _learnt_from(corpus: Corpus, notes: list[str], seconds: dict[str, float]) -> dict[str, Any]:
    return {
        "data_cutoff": corpus.at.isoformat(),
        "counts": {
            "papers": len(corpus.ids),
            "readers": len(corpus.user_ids),
            "interactions": len(corpus.events),
            "vectors": len(corpus.ids) - corpus.n_without_vector,
        },
        "seconds": {step: round(value, 3) for step, value in seconds.items()},
        "versions": {library: version(library) for library in LIBRARIES},
        "encoder": encoder().tag,
        "notes": notes,
    }


class _Clock:
    """Seconds by step."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.seconds: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        self.progress(name)
        start = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - start
