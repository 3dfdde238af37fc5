"""The site's own interactions, split in time: how a ranker and its baselines find reads of papers they had not seen."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recommender.corpus import Corpus
from recommender.engine import baselines
from recommender.engine.evaluation import METRICS, Interval, bootstrap, measure, newest, reliability
from recommender.engine.interactions import Rows, positive
from recommender.engine.papers import Papers, Readers
from recommender.engine.ranker import Ranker
from recommender.engine.topk import top_columns
from recommender.features import DAY_SECONDS
from recommender.published import Model

HELD_OUT = 0.2  # share of papers, the newest
FEWEST_TO_COMPARE = 20  # readers, for saying that one ranker loses to another
ALWAYS = ("popularity", "random")
EVERY = ("tfidf_centroid", "zotero_arxiv_daily", "scholar_inbox", *ALWAYS)


@dataclass(frozen=True, eq=False)
class Split:
    """What is known, and what is asked for: `truth` are the reads of the papers that are new."""

    new: NDArray[np.bool_]  # (n_papers,)
    known: sp.csr_matrix  # (n_users, n_papers) signed, nothing of new papers
    truth: sp.csr_matrix  # (n_users, n_new)
    asked: NDArray[np.bool_]  # (n_users,) who has both
    note: str = ""


@dataclass
class Evaluation:
    """Means and 95% intervals over readers, by ranker and metric; `values` holds each reader's."""

    metrics: dict[str, dict[str, float]] = field(default_factory=dict)
    intervals: dict[str, dict[str, tuple[float, float]]] = field(default_factory=dict)
    values: dict[str, dict[str, NDArray[np.float64]]] = field(default_factory=dict)
    n_papers: int = 0
    n_readers: int = 0
    notes: list[str] = field(default_factory=list)
    ranker: Ranker | None = None
    reliability: list[tuple[float, float, int]] = field(default_factory=list)  # said, true, pairs
    guesses_chances: bool = True  # the ranker; see there
    loses: str = ""  # to the published ranker: why, in a sentence

    def as_dict(self) -> dict[str, Any]:
        return {
            "held_out": {"papers": self.n_papers, "readers": self.n_readers},
            "metrics": self.metrics,
            "intervals": self.intervals,
            "reliability": self.reliability,
            "guesses_chances": self.guesses_chances,
            "notes": self.notes,
        }


def split(corpus: Corpus, share: float = HELD_OUT) -> Split:
    """Hide the newest papers, and all that is known to have been done after the first of them came out."""
    new = newest(corpus.published, share)
    column = Rows(corpus.ids).of([event[1] for event in corpus.events])
    is_old = ~new[column] if len(column) else np.zeros(0, bool)
    first = corpus.published[new].min() if new.any() else np.inf
    is_late = np.array([known and when.timestamp() / DAY_SECONDS >= first for *_, when, known in corpus.events], bool)
    truth = sp.csr_matrix(corpus.matrix() > 0, dtype=np.float32)[:, new]
    known, note = corpus.matrix(is_old & ~is_late), ""
    if not _asked(known, truth).any() and is_late.any():
        known = corpus.matrix(is_old)
        note = "All that was done was done after the first new paper came out: its times were left out of the split."
    return Split(new, known, truth, _asked(known, truth), note)


def evaluate(
    corpus: Corpus, *, share: float = HELD_OUT, rankers: tuple[str, ...] = ALWAYS, published: Model | None = None
) -> Evaluation:
    """A ranker fitted on what is known before the split, and baselines; compared with the published one on the papers
    that neither has seen read."""
    cut = split(corpus, share)
    out = Evaluation(n_papers=int(cut.new.sum()), n_readers=int(cut.asked.sum()))
    out.notes += [cut.note] if cut.note else []
    if not cut.asked.any():
        out.notes.append("No reader has read papers both old and new: nothing was measured.")
        return out
    papers = corpus.papers(corpus.lexicon(~cut.new))
    library, candidates = papers.take(~cut.new), papers.take(cut.new)
    known, truth = cut.known[:, ~cut.new], cut.truth[cut.asked]
    out.ranker = Ranker().fit(library, known)
    readers = Readers.of_likings(known[cut.asked], library)
    all_likings = positive(known)
    scores = out.ranker.score(readers, library, candidates)
    _add(out, "ranker", scores, truth, candidates)
    for name in rankers:
        score = baselines.BASELINES[name](all_likings, library, 0)
        _add(out, name, score(all_likings[cut.asked], candidates), truth, candidates)
    prepared = out.ranker.prepare(candidates)
    out.guesses_chances = out.ranker.guesses_chances
    out.reliability = reliability(out.ranker.chances(scores, prepared.is_read), truth)
    if published is not None:
        _compare(out, corpus, cut, scores, published)
    return out


def _compare(out: Evaluation, corpus: Corpus, cut: Split, scores: NDArray[np.float32], published: Model) -> None:
    """On the held-out papers that the published ranker has not seen read either; both get the same known reads."""
    old, new = corpus.papers(published.lexicon).take(~cut.new), corpus.papers(published.lexicon).take(cut.new)
    unseen = published.ranker.known_.read_rows(new) < 0
    truth = cut.truth[:, unseen][cut.asked]
    has_any = np.diff(truth.indptr) > 0
    if int(has_any.sum()) < FEWEST_TO_COMPARE:
        out.notes.append("Too few reads since the published ranker was trained to compare the two.")
        return
    readers = Readers.of_likings(cut.known[:, ~cut.new][cut.asked], old)
    candidates = new.take(unseen)
    theirs = published.ranker.score(readers, old, candidates)
    mine, other = (
        measure(top_columns(score, 10, candidates.ids), truth, ["ndcg@10"])["ndcg@10"]
        for score in (scores[:, unseen], theirs)
    )
    gain = bootstrap(mine - other)
    if gain.high < 0:
        out.loses = (
            f"It loses to {published.name}: nDCG@10 {np.nanmean(mine):.4f} against {np.nanmean(other):.4f} on "
            f"{candidates.ids.size} papers that neither had seen read."
        )


def _add(out: Evaluation, name: str, scores: NDArray[np.float32], truth: sp.csr_matrix, papers: Papers) -> None:
    values = measure(top_columns(scores, len(papers), papers.ids), truth)
    found = {metric: bootstrap(value) for metric, value in values.items()}
    out.values[name] = values
    out.metrics[name] = {metric: round(interval.mean, 6) for metric, interval in found.items()}
    out.intervals[name] = {metric: _bounds(interval) for metric, interval in found.items()}


def _asked(known: sp.csr_matrix, truth: sp.csr_matrix) -> NDArray[np.bool_]:
    return np.asarray(((known > 0).getnnz(axis=1) > 0) & (truth.getnnz(axis=1) > 0))


def _bounds(interval: Interval) -> tuple[float, float]:
    return round(interval.low, 6), round(interval.high, 6)


def table(measured: dict[str, Any]) -> list[str]:
    """Lines of plain text, from `Evaluation.as_dict` or a manifest; none where nothing was measured."""
    metrics: dict[str, dict[str, float]] = measured["metrics"]
    if not metrics:
        return []
    held_out = measured["held_out"]
    width = max(map(len, metrics))
    lines = [
        f"Held out: the newest {held_out['papers']} papers, {held_out['readers']} readers; 95% intervals over readers.",
        "  ".join(["".ljust(width), *(name.rjust(22) for name in METRICS)]),
    ]
    # In an order of our own: a database may give JSON's keys in another than they were written in (PostgreSQL does).
    for ranker in sorted(metrics, key=lambda name: -metrics[name]["ndcg@10"]):
        values, bounds = metrics[ranker], measured["intervals"][ranker]
        cells = [f"{values[name]:.3f} [{bounds[name][0]:.3f}, {bounds[name][1]:.3f}]".rjust(22) for name in METRICS]
        lines.append("  ".join([ranker.ljust(width), *cells]))
    return lines
