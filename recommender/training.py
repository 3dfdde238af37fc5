"""interactions -> split -> fit and measure -> fit on everything -> artifact, written aside -> published."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import version
from itertools import compress
from typing import Any

import numpy as np
import scipy.sparse as sp
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from numpy.typing import NDArray

from papers.models import Paper
from recommender.embedding import encoder, paper_vectors
from recommender.engine.artifacts import write_artifact
from recommender.engine.evaluation import Interval, bootstrap, measure, newest
from recommender.engine.interactions import Rows, user_items, weigh
from recommender.engine.lexical import Lexicon
from recommender.engine.papers import Papers, Readers
from recommender.engine.ranker import Ranker
from recommender.engine.topk import top_columns
from recommender.features import DAY_SECONDS
from recommender.models import Interaction, RankerVersion
from recommender.published import Model

HELD_OUT = 0.2  # share of papers, the newest
DEPTH = 100  # places of a list that are measured
METRICS = ("recall@10", "recall@20", "recall@100", "ndcg@10", "mrr")
LIBRARIES = ("numpy", "scipy", "scikit-learn", "implicit", "sentence-transformers", "torch")
BASELINES = ("popularity", "random")

Progress = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class Corpus:
    """All that is learnt from: papers by rising id, and every interaction."""

    ids: NDArray[np.int64]
    texts: list[str]
    published: NDArray[np.float64]  # days since 1970
    votes: NDArray[np.float32]
    dense: NDArray[np.float32]
    n_without_vector: int
    user_ids: Rows
    events: list[tuple[int, int, str, datetime, bool]]
    at: datetime

    def papers(self, lexicon: Lexicon) -> Papers:
        return Papers.of_text(
            self.ids, lexicon.transform(self.texts), self.dense, published=self.published, votes=self.votes
        )

    def matrix(self, which: NDArray[np.bool_] | None = None) -> sp.csr_matrix:
        """CSR (n_users, n_papers) of the chosen events (all), aged as of `at`."""
        chosen = self.events if which is None else list(compress(self.events, which))
        ages = [(self.at - when).total_seconds() / DAY_SECONDS if known else np.nan for *_, when, known in chosen]
        return user_items(
            self.user_ids,
            Rows(self.ids),
            [event[0] for event in chosen],
            [event[1] for event in chosen],
            weigh([event[2] for event in chosen], np.array(ages)),
        )


@dataclass
class Evaluation:
    """How a ranker and its baselines find reads of papers they have not seen."""

    metrics: dict[str, dict[str, float]] = field(default_factory=dict)
    intervals: dict[str, dict[str, tuple[float, float]]] = field(default_factory=dict)
    n_papers: int = 0
    n_readers: int = 0
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Trained:
    version: RankerVersion
    evaluation: Evaluation
    notes: list[str]
    seconds: dict[str, float]


def train(progress: Progress = lambda step: None, *, publish: bool = True) -> Trained:
    """Fit a ranker on all interactions, measure one like it on the newest papers held out, keep it and publish it."""
    clock = _Clock(progress)
    with clock.step("reading"):
        corpus = read_corpus()
    with clock.step("evaluating"):
        evaluation = evaluate(corpus)
    with clock.step("fitting"):
        lexicon = Lexicon().fit(corpus.texts)
        papers = corpus.papers(lexicon)
        ranker = Ranker().fit(papers, corpus.matrix())
    with clock.step("writing"):
        model = Model("", ranker, lexicon, corpus.at.timestamp())
        notes = [*dict.fromkeys(ranker.notes_ + evaluation.notes)]
        if corpus.n_without_vector:
            notes.append(f"{corpus.n_without_vector} papers have no vector yet: run manage.py embed_papers.")
        kept = _keep(model, corpus, evaluation, notes, clock.seconds)
    if publish:
        publish_version(kept)
    return Trained(kept, evaluation, notes, clock.seconds)


def read_corpus(at: datetime | None = None) -> Corpus:
    at = at or timezone.now()
    papers = list(
        Paper.objects.order_by("pk")
        .only("pk", "title", "abstract", "published_at", "upvotes")
        .iterator(chunk_size=2000)
    )
    ids = np.array([paper.pk for paper in papers], np.int64)
    fields = ("user_id", "paper_id", "kind", "at", "at_is_known")
    events = list(Interaction.objects.filter(at__lte=at).order_by("pk").values_list(*fields).iterator(5000))
    dense, known = paper_vectors().get(ids)
    return Corpus(
        ids,
        [paper.text for paper in papers],
        np.array([paper.published_at.timestamp() / DAY_SECONDS for paper in papers], np.float64),
        np.array([paper.upvotes for paper in papers], np.float32),
        dense,
        int((~known).sum()),
        Rows(event[0] for event in events),
        events,
        at,
    )


def evaluate(corpus: Corpus, share: float = HELD_OUT) -> Evaluation:
    """Hide the newest papers and all that was done with them or after the first of them, fit on the rest, rank the
    hidden ones for every reader known on both sides."""
    out = Evaluation()
    new = newest(corpus.published, share)
    columns = Rows(corpus.ids)
    at_column = columns.of([event[1] for event in corpus.events])
    is_old = ~new[at_column] if len(at_column) else np.zeros(0, bool)
    cutoff = corpus.published[new].min() if new.any() else np.inf
    is_late = np.array([known and when.timestamp() / DAY_SECONDS >= cutoff for *_, when, known in corpus.events], bool)
    truth = _positive(corpus.matrix())[:, new]
    known = corpus.matrix(is_old & ~is_late)
    if not _asked(known, truth).any() and is_late.any():
        known = corpus.matrix(is_old)
        out.notes.append("The interactions' times lie after every new paper's: they were left out of the evaluation.")
    asked = _asked(known, truth)
    out.n_papers, out.n_readers = int(new.sum()), int(asked.sum())
    if not asked.any():
        out.notes.append("No reader has read papers both old and new: nothing was measured.")
        return out
    lexicon = Lexicon().fit([text for text, is_new in zip(corpus.texts, new, strict=True) if not is_new])
    papers = corpus.papers(lexicon)
    library, candidates = papers.take(~new), papers.take(new)
    ranker = Ranker().fit(library, known[:, ~new])
    readers = Readers.of_likings(known[:, ~new][asked], library)
    scores = {
        "ranker": ranker.score(readers, library, candidates),
        "popularity": np.broadcast_to(candidates.votes, (len(readers), len(candidates))),
        "random": np.random.default_rng(0).random((len(readers), len(candidates)), np.float32),
    }
    for name, score in scores.items():
        # Equal votes are no order: a draw decides among them.
        draw = np.random.default_rng(1).permutation(len(candidates)) if name in BASELINES else candidates.ids
        values = measure(top_columns(score, max(DEPTH, len(candidates)), draw), truth[asked], METRICS)
        found = {metric: bootstrap(value) for metric, value in values.items()}
        out.metrics[name] = {metric: round(interval.mean, 6) for metric, interval in found.items()}
        out.intervals[name] = {metric: _bounds(interval) for metric, interval in found.items()}
    return out


def publish_version(chosen: RankerVersion) -> None:
    """Make this the ranker in use. One is published at a time; the one before is retired and can come back."""
    state = RankerVersion.State
    with transaction.atomic():
        list(RankerVersion.objects.select_for_update().filter(state=state.PUBLISHED))
        RankerVersion.objects.filter(state=state.PUBLISHED).exclude(pk=chosen.pk).update(state=state.RETIRED)
        RankerVersion.objects.filter(pk=chosen.pk).update(state=state.PUBLISHED, published_at=timezone.now())
    chosen.refresh_from_db()


def _keep(
    model: Model, corpus: Corpus, evaluation: Evaluation, notes: list[str], seconds: dict[str, float]
) -> RankerVersion:
    arrays, kept = model.to_artifact()
    manifest = {
        "data_cutoff": corpus.at.isoformat(),
        "counts": {
            "papers": len(corpus.ids),
            "readers": len(corpus.user_ids),
            "interactions": len(corpus.events),
            "vectors": len(corpus.ids) - corpus.n_without_vector,
        },
        "held_out": {"papers": evaluation.n_papers, "readers": evaluation.n_readers},
        "metrics": evaluation.metrics,
        "intervals": evaluation.intervals,
        "seconds": {step: round(value, 3) for step, value in seconds.items()},
        "versions": {library: version(library) for library in LIBRARIES},
        "encoder": encoder().tag,
        "notes": notes,
    }
    name = f"{corpus.at:%Y%m%d-%H%M%S-%f}"
    write_artifact(settings.ARTIFACTS_DIR / "rankers", name, arrays, manifest | {"model": kept})
    return RankerVersion.objects.create(name=name, manifest=manifest)


def _positive(matrix: sp.csr_matrix) -> sp.csr_matrix:
    return (matrix > 0).astype(np.float32).tocsr()


def _asked(known: sp.csr_matrix, truth: sp.csr_matrix) -> NDArray[np.bool_]:
    return np.asarray((_positive(known).getnnz(axis=1) > 0) & (truth.getnnz(axis=1) > 0))


def _bounds(interval: Interval) -> tuple[float, float]:
    return round(interval.low, 6), round(interval.high, 6)


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


def describe(manifest: dict[str, Any]) -> list[str]:
    """The manifest's measurements as a table in plain text."""
    metrics: dict[str, dict[str, float]] = manifest["metrics"]
    if not metrics:
        return []
    held_out = manifest["held_out"]
    lines = [
        f"Held out: the newest {held_out['papers']} papers, {held_out['readers']} readers (95% intervals over readers)",
        "  ".join(["ranker".ljust(12), *(name.rjust(24) for name in METRICS)]),
    ]
    for ranker, values in metrics.items():
        cells = []
        for name in METRICS:
            low, high = manifest["intervals"][ranker][name]
            cells.append(f"{values[name]:.4f} [{low:.4f}, {high:.4f}]".rjust(24))
        lines.append("  ".join([ranker.ljust(12), *cells]))
    return lines
