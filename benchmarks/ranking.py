"""How well rankers find what real readers saved: ours beside everything they could use instead.

    python benchmarks/ranking.py --data ../shared/data/citeulike-t --protocol cold --seeds 0,1,2 --json F --dump DIR

cold: a fifth of the papers is new, nobody's save of them is known. warm: a fifth of each reader's saves is held out and
every paper the reader has not saved is ranked. few: readers whom the rankers were not trained on come with 1, 3 or 5
saves, or with nothing but a sentence about themselves (their eight heaviest words).
Text is prose (papers.jsonl) or bags of words (mult.dat), which the encoder gets as words by falling TF-IDF.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from rich.console import Console  # noqa: E402
from rich.progress import Progress  # noqa: E402

from recommender.engine.baselines import BASELINES  # noqa: E402
from recommender.engine.collaborative import Collaborative  # noqa: E402
from recommender.engine.encoder import Encoder  # noqa: E402
from recommender.engine.evaluation import (  # noqa: E402
    METRICS,
    bootstrap,
    coverage_at,
    measure,
    newest,
    novelty_at,
    reliability,
)
from recommender.engine.lexical import Lexicon  # noqa: E402
from recommender.engine.papers import Papers, Readers  # noqa: E402
from recommender.engine.parts import coreads_of, of_length_one  # noqa: E402
from recommender.engine.ranker import Ranker  # noqa: E402
from recommender.engine.topk import top_columns  # noqa: E402
from recommender.engine.vectors import VectorStore  # noqa: E402
from recommender.plots import FORMATS, bars, curves  # noqa: E402
from recommender.plots import reliability as draw_reliability  # noqa: E402

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DEPTH = 100
CHUNK = 500  # readers
WORDS_OF_TEXT = 60  # of a bag of words, about what the encoder reads before it cuts
FEW = (1, 3, 5)
SENTENCE_WORDS = 8
CURVES = ("broadsheet", "tfidf_centroid", "arxiv_sanity")  # that are drawn: the rest lie below
NEW_SHARE = 0.2

stderr = Console(stderr=True)


def fail(message: str) -> None:
    print(message, file=sys.stderr)
    raise SystemExit(2)


# --- data --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Data:
    """Readers' saves CSR (n_readers, n_papers); words are counted, or texts are there to be counted."""

    saves: sp.csr_matrix
    texts: list[str]
    counts: sp.csr_matrix | None
    published: np.ndarray

    def words(self, known: np.ndarray) -> sp.csr_matrix:
        """TF-IDF of all papers, learnt from the known ones."""
        if self.counts is not None:
            return Lexicon().fit_counts(self.counts[known]).transform_counts(self.counts)
        return Lexicon().fit([self.texts[row] for row in known]).transform(self.texts)


def load(folder: Path) -> Data:
    if (folder / "mult.dat").is_file():
        return load_bags(folder)
    if (folder / "papers.jsonl").is_file():
        return load_prose(folder)
    fail(f"{folder} holds neither mult.dat nor papers.jsonl: give --data the folder of a data set.")
    raise AssertionError


def load_bags(folder: Path) -> Data:
    vocabulary = (folder / "vocabulary.dat").read_text().split("\n")
    readers = [np.array(line.split()[1:], int) for line in (folder / "users.dat").read_text().splitlines()]
    rows, words, counts = [], [], []
    papers = (folder / "mult.dat").read_text().splitlines()
    for row, line in enumerate(papers):
        for pair in line.split()[1:]:
            word, _, count = pair.partition(":")
            rows.append(row)
            words.append(int(word))
            counts.append(float(count))
    matrix = sp.csr_matrix((counts, (rows, words)), (len(papers), 20_000), dtype=np.float32)
    weights = Lexicon().fit_counts(matrix).transform_counts(matrix)
    texts = [" ".join(vocabulary[word] for word in heaviest(weights[row], WORDS_OF_TEXT)) for row in range(len(papers))]
    who = np.repeat(np.arange(len(readers)), [len(saved) for saved in readers])
    return Data(
        saves_of(who, np.concatenate(readers), len(readers), len(papers)), texts, matrix, np.full(len(papers), np.nan)
    )


def load_prose(folder: Path) -> Data:
    papers = [json.loads(line) for line in (folder / "papers.jsonl").open()]
    reads = [json.loads(line) for line in (folder / "reads.jsonl").open()]
    columns = {paper["id"]: column for column, paper in enumerate(papers)}
    rows = {email: row for row, email in enumerate(sorted({read["user"] for read in reads}))}
    texts = [f"{paper['title']}\n{paper['abstract'] or ''}" for paper in papers]
    days = np.array([date.fromisoformat(paper["published_at"][:10]).toordinal() for paper in papers], float)
    who, what = [rows[read["user"]] for read in reads], [columns[read["paper"]] for read in reads]
    return Data(saves_of(np.array(who), np.array(what), len(rows), len(papers)), texts, None, days)


def saves_of(who: np.ndarray, what: np.ndarray, n_readers: int, n_papers: int) -> sp.csr_matrix:
    matrix = sp.csr_matrix((np.ones(len(who), np.float32), (who, what)), (n_readers, n_papers))
    matrix.data[:] = 1
    return matrix


def heaviest(row: sp.csr_matrix, n: int) -> list[int]:
    """Columns by falling weight, equal ones by position."""
    return [int(row.indices[at]) for at in np.argsort(-row.data, kind="stable")[:n]]


def dense_vectors(data: Data, cache: Path, name: str) -> np.ndarray:
    """Encoded once, kept in a store of vectors under the cache."""
    encoder = Encoder()
    store = VectorStore(cache / name, encoder.tag)
    wanted = {row: text_hash(text) for row, text in enumerate(data.texts)}
    missing = sorted(store.missing(wanted), key=lambda row: -len(data.texts[row]))
    with Progress(console=stderr) as bar:
        task = bar.add_task("Encoding", total=len(missing))
        for start in range(0, len(missing), 512):
            rows = missing[start : start + 512]
            vectors = encoder.encode([data.texts[row] for row in rows], progress=lambda n: bar.advance(task, n))
            store.append(rows, [wanted[row] for row in rows], vectors)
    store.compact()
    return store.get(np.arange(len(data.texts)))[0]


def text_hash(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


# --- questions -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Question:
    """Readers known by some saves, and papers to rank for them; `truth` holds what they saved of these."""

    train: sp.csr_matrix  # (n_users, n_library)
    known: sp.csr_matrix  # (n, n_library)
    truth: sp.csr_matrix  # (n, n_candidates)
    library: Papers
    candidates: Papers
    readers: np.ndarray  # (n,) numbers of readers
    bars_known: bool = False  # candidates are the library, and what a reader saved is no candidate


def cold(data: Data, dense: np.ndarray, seed: int, split: str) -> Question:
    n_papers = data.saves.shape[1]
    if split == "newest":
        is_new = newest(data.published, NEW_SHARE, seed=seed)
    else:
        is_new = np.zeros(n_papers, bool)
        is_new[np.random.default_rng(seed).permutation(n_papers)[: int(NEW_SHARE * n_papers)]] = True
    papers = Papers.of_text(np.arange(n_papers), data.words(np.flatnonzero(~is_new)), dense, published=data.published)
    train, truth = data.saves[:, ~is_new], data.saves[:, is_new]
    who = np.flatnonzero((train.getnnz(axis=1) > 0) & (truth.getnnz(axis=1) > 0))
    return Question(train, train[who], truth[who], papers.take(~is_new), papers.take(is_new), who)


def warm(data: Data, dense: np.ndarray, seed: int) -> Question:
    train, truth = held_out(data.saves, seed)
    papers = Papers.of_text(
        np.arange(data.saves.shape[1]),
        data.words(np.arange(data.saves.shape[1])),
        dense,
        published=data.published,
        votes=np.asarray(train.getnnz(axis=0), np.float32),
    )
    who = np.flatnonzero((train.getnnz(axis=1) > 0) & (truth.getnnz(axis=1) > 0))
    return Question(train, train[who], truth[who], papers, papers, who, bars_known=True)


def held_out(saves: sp.csr_matrix, seed: int) -> tuple[sp.csr_matrix, sp.csr_matrix]:
    """A fifth of each reader's saves, at least one of those who have four."""
    rng = np.random.default_rng(seed)
    is_out = np.zeros(saves.nnz, bool)
    for row in range(saves.shape[0]):
        start, n = saves.indptr[row], saves.indptr[row + 1] - saves.indptr[row]
        n_out = max(round(NEW_SHARE * n), 1) if n >= 4 else 0
        is_out[start + rng.permutation(n)[:n_out]] = True
    parts = []
    for keep in (~is_out, is_out):
        part = saves.copy()
        part.data = keep.astype(np.float32)
        part.eliminate_zeros()
        parts.append(part)
    return parts[0], parts[1]


def few(question: Question, n_saves: int | None, seed: int) -> Question:
    """The same readers with n of their saves, or (None) with a sentence in place of saves."""
    rng = np.random.default_rng(seed)
    known, library = question.known, question.library
    if n_saves is None:
        centres = sp.csr_matrix(known @ library.words)
        rows = [heaviest(centres[reader], SENTENCE_WORDS) for reader in range(known.shape[0])]
        who = np.repeat(np.arange(len(rows)), [len(row) for row in rows])
        words = sp.csr_matrix((np.ones(len(who), np.float32), (who, np.concatenate(rows))), centres.shape)
        sentences = Papers.of_text(
            -1 - np.arange(len(rows)), of_length_one(words), np.zeros((len(rows), library.dense.shape[1]), np.float32)
        )
        identity = sp.identity(len(rows), np.float32, "csr")
        return Question(question.train, identity, question.truth, sentences, question.candidates, question.readers)
    columns = [
        rng.permutation(known.indices[known.indptr[reader] : known.indptr[reader + 1]])[:n_saves]
        for reader in range(known.shape[0])
    ]
    who = np.repeat(np.arange(len(columns)), [len(row) for row in columns])
    some = saves_of(who, np.concatenate(columns), len(columns), known.shape[1])
    return Question(question.train, some, question.truth, library, question.candidates, question.readers)


# --- rankers ---------------------------------------------------------------------------------------------------------


Answer = Callable[[sp.csr_matrix, Question], np.ndarray]  # some rows of the question's known saves -> scores
Fit = Callable[[sp.csr_matrix, Papers, int], Answer]


class Broadsheet:
    def __init__(self, train: sp.csr_matrix, library: Papers, seed: int) -> None:
        self.ranker = Ranker(random_state=seed).fit(library, train)
        weights = {"new": self.ranker.new_.weights_, "read": self.ranker.read_.weights_}
        stderr.print(f"broadsheet, seed {seed}: {json.dumps(weights)}")
        self.prepare = lru_cache(maxsize=1)(self.ranker.prepare)

    def __call__(self, known: sp.csr_matrix, question: Question) -> np.ndarray:
        readers, prepared = Readers.of_likings(known, question.library), self.prepare(question.candidates)
        return self.ranker.score(readers, question.library, question.candidates, prepared=prepared)

    def chances(self, scores: np.ndarray, question: Question) -> np.ndarray:
        return self.ranker.chances(scores, self.prepare(question.candidates).is_read)


def baseline(name: str) -> Fit:
    def fit(train: sp.csr_matrix, library: Papers, seed: int) -> Answer:
        score = BASELINES[name](train, library, seed)
        return lambda known, question: score(known, question.candidates)

    return fit


Saves = Callable[[sp.csr_matrix], np.ndarray]  # of rankers that see no text: known saves -> scores of the library
Setting = Callable[[sp.csr_matrix, int], Saves]


def tuned(name: str, settings: list[Setting]) -> Fit:
    """The setting of the greatest nDCG@10 + recall@20 on saves held out of the training part, for 1,000 readers."""

    def fit(train: sp.csr_matrix, library: Papers, seed: int) -> Answer:
        inner, truth = held_out(train, seed + 1)
        who = np.random.default_rng(seed).permutation(np.flatnonzero(truth.getnnz(axis=1)))[:1000]
        worth = []
        for setting in settings:
            scores = setting(inner, seed)(inner[who])
            scores[inner[who].toarray() > 0] = -np.inf
            values = measure(top_columns(scores, 20), truth[who], ["ndcg@10", "recall@20"])
            worth.append(sum(np.nanmean(value) for value in values.values()))
        best = settings[int(np.argmax(worth))](train, seed)
        stderr.print(f"{name}, seed {seed}: setting {int(np.argmax(worth)) + 1} of {len(settings)}")
        return lambda known, question: best(known)

    return fit


def als(factors: int, regularization: float, alpha: float) -> Setting:
    def fit(train: sp.csr_matrix, seed: int) -> Saves:
        model = Collaborative(factors, regularization=regularization, alpha=alpha, random_state=seed).fit(train)
        return lambda known: model.fold_in(known, model.item_factors_) @ model.item_factors_.T

    return fit


def bpr(factors: int, regularization: float, iterations: int) -> Setting:
    def fit(train: sp.csr_matrix, seed: int) -> Saves:
        from implicit.cpu.bpr import BayesianPersonalizedRanking
        from threadpoolctl import threadpool_limits

        with threadpool_limits(1, "blas"):
            model = BayesianPersonalizedRanking(
                factors, learning_rate=0.05, regularization=regularization, iterations=iterations, random_state=seed
            )
            model.fit(train, show_progress=False)
        places = {row.tobytes(): at for at, row in enumerate(rows_of(train))}

        def score(known: sp.csr_matrix) -> np.ndarray:
            rows = [places[row.tobytes()] for row in rows_of(known)]  # BPR knows the readers it was trained on only
            return model.user_factors[rows] @ model.item_factors.T

        return score

    return fit


def rows_of(matrix: sp.csr_matrix) -> Iterator[np.ndarray]:
    return (np.sort(matrix.indices[a:b]) for a, b in pairwise(matrix.indptr))


def item_knn(k: int) -> Setting:
    def fit(train: sp.csr_matrix, seed: int) -> Saves:
        likeness = coreads_of(train, k)
        return lambda known: np.asarray((known @ likeness).toarray(), np.float32)

    return fit


WARM = {
    "als": tuned("als", [als(64, 0.1, 10), als(128, 0.1, 10), als(128, 1, 10), als(128, 5, 40), als(128, 10, 20)]),
    "bpr": tuned("bpr", [bpr(64, 0.01, 100), bpr(128, 0.01, 200), bpr(128, 0.003, 100)]),
    "item_knn": tuned("item_knn", [item_knn(20), item_knn(50), item_knn(200), item_knn(1000)]),
}
EVERY = {"broadsheet": Broadsheet, **{name: baseline(name) for name in BASELINES}}
RANKERS = {"cold": EVERY, "warm": EVERY | WARM, "few": EVERY}


# --- measuring -----------------------------------------------------------------------------------------------------


@dataclass
class Run:
    """One ranker's answers to one question."""

    ranked: np.ndarray  # (n, DEPTH)
    values: dict[str, np.ndarray]
    train_seconds: float
    train_cpu_seconds: float
    score_seconds: float
    reliability: list[tuple[float, float, int]]  # said, true, pairs; of a ranker that gives chances


def ask_all(question: Question, score: Answer, train_seconds: float, train_cpu_seconds: float) -> Run:
    tops, firsts, said, seconds = [], [], [], 0.0
    for start in range(0, question.known.shape[0], CHUNK):
        known, truth = question.known[start : start + CHUNK], question.truth[start : start + CHUNK]
        clock = time.perf_counter()
        scores = np.array(score(known, question), np.float32)
        seconds += time.perf_counter() - clock
        if question.bars_known:
            scores[known.toarray() > 0] = -np.inf
        elif isinstance(score, Broadsheet):
            said.append(score.chances(scores, question))
        tops.append(top_columns(scores, DEPTH))
        wanted = truth.toarray() > 0
        best = np.where(wanted, scores, -np.inf).max(axis=1)
        firsts.append(1 / (1 + (scores > best[:, None]).sum(axis=1)))
    ranked = np.concatenate(tops)
    values = measure(ranked, question.truth, [name for name in METRICS if name != "mrr"])
    # Over the whole ranking, not the first hundred.
    values["mrr"] = np.concatenate(firsts)
    bins = reliability(np.concatenate(said), question.truth) if said else []
    return Run(ranked, values, train_seconds, train_cpu_seconds, seconds, bins)


def summary(runs: list[Run], questions: list[Question], n_readers: int) -> dict[str, object]:
    """Means over seeds, intervals over readers."""
    out: dict[str, object] = {}
    intervals = {}
    for metric in METRICS:
        values = np.full((len(runs), n_readers), np.nan)
        for row, run, question in zip(values, runs, questions, strict=True):
            row[question.readers] = run.values[metric]
        interval = bootstrap(values)
        out[metric] = interval.mean
        intervals[metric] = [interval.low, interval.high]
    out["coverage@10"] = float(
        np.mean([coverage_at(10, run.ranked, len(q.candidates)) for run, q in zip(runs, questions, strict=True)])
    )
    out["novelty@10"] = float(
        np.mean(
            [
                novelty_at(10, run.ranked, np.asarray(q.truth.getnnz(axis=0)), q.truth.shape[0]).mean()
                for run, q in zip(runs, questions, strict=True)
            ]
        )
    )
    out["train_seconds"] = float(np.mean([run.train_seconds for run in runs]))
    out["train_cpu_seconds"] = float(np.mean([run.train_cpu_seconds for run in runs]))
    if runs[0].reliability:
        out["reliability"] = runs[0].reliability
    out["score_us_per_reader"] = float(np.mean([1e6 * run.score_seconds / len(run.ranked) for run in runs]))
    out["intervals"] = intervals
    return out


def table(rankers: dict[str, dict], order: str = "ndcg@10") -> str:
    columns = [*METRICS, "coverage@10", "novelty@10", "train_seconds", "train_cpu_seconds", "score_us_per_reader"]
    lines = ["  ".join(["".ljust(22), *(column.rjust(22 if column in METRICS else 12)[:22] for column in columns)])]
    for name, values in sorted(rankers.items(), key=lambda item: -item[1][order]):
        cells = []
        for column in columns:
            if column in METRICS:
                low, high = values["intervals"][column]
                cells.append(f"{values[column]:.4f} [{low:.3f}, {high:.3f}]".rjust(22))
            else:
                cells.append(f"{values[column]:.3f}".rjust(max(12, len(column))))
        lines.append("  ".join([name.ljust(22), *cells]))
    return "\n".join(lines)


def dump(folder: Path, name: str, seed: int, run: Run, question: Question) -> None:
    numbers = question.candidates.ids
    ranked = np.where(run.ranked >= 0, numbers[np.maximum(run.ranked, 0)], -1)
    np.savez_compressed(folder / f"{name}-{seed}.npz", reader=question.readers, ranked=ranked)


def ask(args: argparse.Namespace, data: Data, dense: np.ndarray) -> dict[str, dict]:
    results: dict[str, list[tuple[Run, Question]]] = {}
    for seed in args.seeds:
        if args.protocol == "few":
            run_few(args, data, dense, seed, results)
            continue
        question = cold(data, dense, seed, args.split) if args.protocol == "cold" else warm(data, dense, seed)
        for name in args.rankers:
            score, *seconds = timed(RANKERS[args.protocol][name], question.train, question.library, seed)
            run = ask_all(question, score, *seconds)
            results.setdefault(name, []).append((run, question))
            if args.dump:
                dump(args.dump, name, seed, run, question)
            stderr.print(f"{name}, seed {seed}: nDCG@10 {np.nanmean(run.values['ndcg@10']):.4f}")
    return {
        name: summary([run for run, _ in pairs], [q for _, q in pairs], data.saves.shape[0])
        for name, pairs in results.items()
    }


def timed(fit: Fit, train: sp.csr_matrix, library: Papers, seed: int) -> tuple[Answer, float, float]:
    """What was fitted, the seconds it took on the clock and of the processor."""
    clock, cpu = time.perf_counter(), time.process_time()
    return fit(train, library, seed), time.perf_counter() - clock, time.process_time() - cpu


def run_few(args: argparse.Namespace, data: Data, dense: np.ndarray, seed: int, results: dict) -> None:
    whole = cold(data, dense, seed, args.split)
    rng = np.random.default_rng(seed)
    enough = np.flatnonzero(whole.known.getnnz(axis=1) >= max(FEW))
    rows = np.sort(rng.permutation(enough)[:1000])
    kept = np.ones(data.saves.shape[0], bool)
    kept[whole.readers[rows]] = False
    asked = Question(
        whole.train[kept], whole.known[rows], whole.truth[rows], whole.library, whole.candidates, whole.readers[rows]
    )
    for name in args.rankers:
        score, *seconds = timed(RANKERS["few"][name], asked.train, asked.library, seed)
        for given, n_saves in (("a sentence", None), *((f"{n} saves", n) for n in FEW), ("", 10**9)):
            if n_saves is None and name != "broadsheet":
                continue
            label = f"{name}, {given}" if given else name
            question = few(asked, n_saves, seed)
            run = ask_all(question, score, *seconds)
            results.setdefault(label, []).append((run, question))
            if args.dump:
                dump(args.dump, label.replace(", ", "-").replace(" ", "-"), seed, run, question)
            stderr.print(f"{label}, seed {seed}: nDCG@10 {np.nanmean(run.values['ndcg@10']):.4f}")


def figures_of(args: argparse.Namespace, rankers: dict[str, dict]) -> dict[str, Figure]:
    if args.protocol == "few":
        lines: dict[str, list[tuple[str, float, float, float]]] = {}
        for label, values in rankers.items():
            name, _, given = label.partition(", ")
            point = given or "all saves", values["ndcg@10"], *values["intervals"]["ndcg@10"]
            if name in CURVES:
                lines.setdefault(name, []).append(point)
        return {"few": curves(lines, "nDCG@10")}
    out = {args.protocol: bars(rankers, {name: values["intervals"] for name, values in rankers.items()})}
    if bins := rankers.get("broadsheet", {}).get("reliability"):
        out["reliability"] = draw_reliability(bins)
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared/data/citeulike-t")
    parser.add_argument("--protocol", choices=list(RANKERS), default="cold")
    parser.add_argument(
        "--split", choices=["random", "newest"], default="random", help="which papers are new (cold, few)"
    )
    parser.add_argument("--seeds", default="0", help="comma separated")
    parser.add_argument("--rankers", default="", help="comma separated; all of the protocol")
    parser.add_argument("--json", type=Path, help="file of the figures")
    parser.add_argument("--dump", type=Path, help="folder of what was ranked, for anyone to score again")
    parser.add_argument("--plots", type=Path, help="folder of plots")
    parser.add_argument("--cache", type=Path, default=ROOT / "var/benchmarks", help="folder of encoded texts")
    args = parser.parse_args()
    try:
        args.seeds = [int(seed) for seed in args.seeds.split(",")]
    except ValueError:
        fail("--seeds takes whole numbers with commas between them, as in 0,1,2.")
    known = list(RANKERS[args.protocol])
    args.rankers = [name for name in args.rankers.split(",") if name] or known
    if unknown := set(args.rankers) - set(known):
        fail(f"No ranker of the protocol {args.protocol} is called {', '.join(sorted(unknown))}: {', '.join(known)}.")
    if not args.data.is_dir():
        fail(f"{args.data} is not there: give --data the folder of a data set (citeulike-t, citeulike-sample).")
    for folder in (args.dump, args.plots, args.json and args.json.parent):
        if folder:
            folder.mkdir(parents=True, exist_ok=True)
    data = load(args.data)
    rankers = ask(args, data, dense_vectors(data, args.cache, args.data.name))
    print(table(rankers))
    if args.json:
        figures = {"protocol": args.protocol, "split": args.split, "seeds": args.seeds, "rankers": rankers}
        args.json.write_text(json.dumps(figures, indent=2) + "\n")
    for name, figure in figures_of(args, rankers).items() if args.plots else ():
        for kind in FORMATS:
            figure.savefig(args.plots / f"{args.data.name}-{name}.{kind}", dpi=150)


if __name__ == "__main__":
    main()
