"""interactions -> split -> fit and measure -> fit on everything -> artifact, written aside -> published."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version

from django.db import transaction
from django.utils import timezone

from recommender.corpus import Corpus, read_corpus
from recommender.embedding import encoder
from recommender.engine.artifacts import write_artifact
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
    loses to the one in use."""
    clock = _Clock(progress)
    with clock.step("reading"):
        corpus = read_corpus()
        in_use = published()
    with clock.step("evaluating"):
        evaluation = evaluate(corpus, published=in_use)
    with clock.step("fitting"):
        lexicon = corpus.lexicon()
        ranker = Ranker().fit(corpus.papers(lexicon), corpus.matrix(), like=evaluation.ranker)
    with clock.step("writing"):
        notes = [*dict.fromkeys(ranker.notes_ + evaluation.notes)]
        if corpus.n_without_vector:
            notes.append(f"{corpus.n_without_vector} papers have no vector yet: run manage.py embed_papers.")
        kept = _keep(Model("", ranker, lexicon, corpus.at.timestamp()), corpus, evaluation, notes, clock.seconds)
    if evaluation.loses and not even_if_it_loses:
        kept.state, kept.state_reason = RankerVersion.State.REJECTED, evaluation.loses[:300]
        kept.save(update_fields=["state", "state_reason"])
    elif publish:
        publish_version(kept)
    return Trained(kept, evaluation, notes, clock.seconds)


def publish_version(chosen: RankerVersion) -> None:
    """Make this the ranker in use. One is published at a time; the one before is retired and can come back."""
    state = RankerVersion.State
    with transaction.atomic():
        list(RankerVersion.objects.select_for_update().filter(state=state.PUBLISHED))
        RankerVersion.objects.filter(state=state.PUBLISHED).exclude(pk=chosen.pk).update(state=state.RETIRED)
        RankerVersion.objects.filter(pk=chosen.pk).update(
            state=state.PUBLISHED, state_reason="", published_at=timezone.now()
        )
    chosen.refresh_from_db()


def _keep(
    model: Model, corpus: Corpus, evaluation: Evaluation, notes: list[str], seconds: dict[str, float]
) -> RankerVersion:
    arrays, kept = model.to_artifact()
    manifest = evaluation.as_dict() | {
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
        "settings": model.ranker.settings,
        "notes": notes,
    }
    name = f"{corpus.at:%Y%m%d-%H%M%S-%f}"
    write_artifact(folder_of(name).parent, name, arrays, manifest | {"model": kept})
    return RankerVersion.objects.create(name=name, manifest=manifest)


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
