"""What each part of the ranker brings: one thing changed at a time, on papers held out of the known ones.

    python benchmarks/ablation.py --data ../shared/data/citeulike-t --seed 0 --json F

The validation part is cut from the papers that the cold protocol knows, a fifth of them as if they were new: what is
chosen here has not seen the test. And what diversity and a place for a second field cost, in lists of ten.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

import numpy as np  # noqa: E402
from ranking import CHUNK, Question, cold, dense_vectors, fail, load  # noqa: E402

from recommender.engine import fusion, ranker  # noqa: E402
from recommender.engine.evaluation import bootstrap, measure  # noqa: E402
from recommender.engine.papers import Papers, Readers  # noqa: E402
from recommender.engine.ranker import Ranker  # noqa: E402
from recommender.engine.topk import top_columns  # noqa: E402

METRICS = ("ndcg@10", "recall@20", "recall@100")
KNOB = (0.0, 0.25, 0.5, 1.0, 2.0)
Change = Callable[[Question], np.ndarray]  # scores of every candidate for every reader


def validation(question: Question, seed: int) -> Question:
    """The question's own library, a fifth of it as if it were new."""
    n = len(question.library)
    is_new = np.zeros(n, bool)
    is_new[np.random.default_rng(seed + 1000).permutation(n)[: n // 5]] = True
    train, truth = question.train[:, ~is_new], question.train[:, is_new]
    who = np.flatnonzero((train.getnnz(axis=1) > 0) & (truth.getnnz(axis=1) > 0))
    papers = question.library
    return Question(train, train[who], truth[who], papers.take(~is_new), papers.take(is_new), who)


def scores_of(fitted: Ranker, question: Question) -> np.ndarray:
    readers = Readers.of_likings(question.known, question.library)
    return fitted.score(readers, question.library, question.candidates)


def changes(whole: Ranker, question: Question, seed: int) -> Iterator[tuple[str, np.ndarray]]:
    """Names and scores. Where a part is only left out, nothing is fitted anew."""
    yield "whole", scores_of(whole, question)
    learnt = dict(whole.new_.weights_)
    for name in [name for name, weight in learnt.items() if weight]:
        whole.new_.weights_ = learnt | {name: 0.0}
        yield f"without {name}", scores_of(whole, question)
    for name in [name for name, weight in learnt.items() if weight]:
        whole.new_.weights_ = dict.fromkeys(learnt, 0.0) | {name: 1.0}
        yield f"{name} alone", scores_of(whole, question)
    whole.new_.weights_ = dict(fusion.Fusion(ranker.PRIOR_NEW).start().weights_)
    yield "weights as given, none learnt", scores_of(whole, question)
    whole.new_.weights_ = learnt
    kept = whole.known_.projection.corrections_
    whole.known_.projection.corrections_ = np.zeros_like(kept)
    yield "without corrections of read papers", scores_of(whole, question)
    whole.known_.projection.corrections_ = kept
    yield "one model in place of three", scores_of(Ranker(n_models=1, random_state=seed).fit(*of(question)), question)
    without = replace(question, library=textless(question.library), candidates=textless(question.candidates))
    yield "without dense vectors", scores_of(Ranker(random_state=seed).fit(*of(without)), without)
    ranker.FEWEST_TEACHERS = 10**9
    yield "projection not learnt", scores_of(Ranker(random_state=seed).fit(*of(question)), question)


def of(question: Question) -> tuple[Papers, object]:
    return question.library, question.train


def textless(papers: Papers) -> Papers:
    """With words alone."""
    return replace(papers, dense=np.zeros((len(papers), 0), np.float32))


def lists_of(fitted: Ranker, question: Question, **choice: object) -> np.ndarray:
    """(n, 10) what readers get, -1 where there is nothing."""
    prepared = fitted.prepare(question.candidates)
    ranked = np.full((question.known.shape[0], 10), -1)
    for start in range(0, question.known.shape[0], CHUNK):
        readers = Readers.of_likings(question.known[start : start + CHUNK], question.library)
        lists = fitted.rank(readers, question.library, question.candidates, 10, prepared=prepared, **choice)
        for row, items in enumerate(lists, start):
            ranked[row, : len(items)] = [item.column for item in items]
    return ranked


def diversity(fitted: Ranker, question: Question) -> Iterator[tuple[float, dict[str, float]]]:
    """By the knob: nDCG@10 of the lists, and the mean cosine of two papers in one list."""
    near = fitted.prepare(question.candidates).likeness
    for knob in KNOB:
        ranked = lists_of(fitted, question, diversity=knob)
        pairs = [near[np.ix_(row, row)][np.triu_indices(10, 1)].mean() for row in ranked if (row >= 0).all()]
        values = measure(ranked, question.truth, ["ndcg@10"])["ndcg@10"]
        yield knob, {"ndcg@10": float(np.nanmean(values)), "cosine": float(np.mean(pairs))}


def second_field(fitted: Ranker, question: Question) -> dict[str, object]:
    """What it costs that a second, smaller field gets its share: for all, and for those whose list it changes."""
    without, shared = (lists_of(fitted, question, shares_out=yes) for yes in (False, True))
    changed = (without != shared).any(axis=1)
    before, after = (measure(ranked, question.truth, ["ndcg@10"])["ndcg@10"] for ranked in (without, shared))
    change = bootstrap(after[changed] - before[changed])
    return {
        "ndcg@10 without": float(np.nanmean(before)),
        "ndcg@10": float(np.nanmean(after)),
        "changed": int(changed.sum()),
        "of": len(changed),
        "change of these": [change.mean, change.low, change.high],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared/data/citeulike-t")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="file of the figures")
    parser.add_argument("--cache", type=Path, default=ROOT / "var/benchmarks", help="folder of encoded texts")
    args = parser.parse_args()
    if not args.data.is_dir():
        fail(f"{args.data} is not there: give --data the folder of a data set (citeulike-t).")
    data = load(args.data)
    question = validation(cold(data, dense_vectors(data, args.cache, args.data.name), args.seed, "random"), args.seed)
    figures: dict[str, dict] = {"parts": {}, "diversity": {}}
    whole: dict[str, np.ndarray] = {}
    fitted = Ranker(random_state=args.seed).fit(*of(question))
    print(f"weights: {fitted.new_.weights_}")
    for knob, values in diversity(fitted, question):
        figures["diversity"][str(knob)] = values
        print(f"diversity {knob:<5}  nDCG@10 {values['ndcg@10']:.4f}  mean cosine {values['cosine']:.3f}", flush=True)
    figures["second_field"] = second_field(fitted, question)
    print(f"second field: {figures['second_field']}", flush=True)
    for name, scores in changes(fitted, question, args.seed):
        values = measure(top_columns(scores, 100), question.truth, METRICS)
        whole = whole or values
        # Of the difference within readers, which says more than two intervals side by side.
        change = {metric: bootstrap(values[metric] - whole[metric]) for metric in METRICS}
        figures["parts"][name] = {metric: float(np.nanmean(values[metric])) for metric in METRICS} | {
            "change": {metric: [interval.mean, interval.low, interval.high] for metric, interval in change.items()}
        }
        cells = [f"{np.nanmean(values[metric]):.4f} ({change[metric].mean:+.4f})" for metric in METRICS]
        print("  ".join([name.ljust(36), *cells]), flush=True)
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
