"""How fast everybody gets a list: the ranker, beside the bare matrix product with the same multiply-adds plus top-k.

    python benchmarks/rank_everybody.py --readers 100000 --json F

Each reader has read 30 papers, follows topics, and must not get some of the new ones; the lists hold 10 papers, diverse
and explained. The ranker is trained in a process of its own and read from its artifact, as workers do. The floor is one
dense product and numpy's partition: nothing sparse, no exclusions, no diversity. Both go through the readers in turn,
block by block, on one thread each; seconds are the processor's, which on an idle machine are the clock's too.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
THREADS = "1"
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, THREADS)

import numpy as np  # noqa: E402
import scipy.sparse as sp  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.progress import track  # noqa: E402

from recommender.engine.artifacts import read_artifact, write_artifact  # noqa: E402
from recommender.engine.papers import Papers, Readers  # noqa: E402
from recommender.engine.ranker import Ranker  # noqa: E402

READS = 30
LIST = 10
N_NEW = 2000
BARRED = 20  # new papers that a reader must not get
N_FIELDS = 60
N_WORDS, WORDS_A_PAPER = 20_000, 60
DENSE = 384
TEACHERS = 3000  # readers to train on: how many changes no speed
BLOCK = 10_000  # readers
CHUNK = 512  # readers in one product of the floor
TODAY = 20_000.0  # days since 1970

stderr = Console(stderr=True)


def make_papers(n: int, first_id: int, rng: np.random.Generator) -> Papers:
    """Each of one field, whose words, direction and topic it has."""
    fields = rng.integers(N_FIELDS, size=n)
    own = rng.zipf(1.3, (n, WORDS_A_PAPER // 2)) % (N_WORDS // N_FIELDS) + fields[:, None] * (N_WORDS // N_FIELDS)
    words = np.hstack([own, rng.integers(N_WORDS, size=(n, WORDS_A_PAPER // 2))])
    rows = np.repeat(np.arange(n), WORDS_A_PAPER)
    counts = sp.csr_matrix((np.ones(words.size, np.float32), (rows, words.ravel())), (n, N_WORDS))
    axes = np.random.default_rng(0).normal(size=(N_FIELDS, DENSE))
    return Papers.of_text(
        np.arange(first_id, first_id + n),
        sp.diags(1 / np.sqrt(counts.power(2).sum(axis=1)).A1) @ counts,
        unit(axes[fields] + rng.normal(size=(n, DENSE))),
        topics=sp.csr_matrix((np.ones(n, np.float32), (np.arange(n), fields)), (n, N_FIELDS)),
        published=TODAY - rng.uniform(0, 7, n),
        votes=rng.poisson(2, n).astype(np.float32),
    )


def make_readers(n: int, library: Papers, rng: np.random.Generator) -> Readers:
    """Two thirds of what each has read is of one field, which every second one follows too."""
    fields = rng.integers(N_FIELDS, size=n)
    reads = drawn(np.arange(len(library)), (n, READS + 15), rng)  # drawn twice is read once
    for field in range(N_FIELDS):
        own = np.flatnonzero(fields == field)
        for third in (0, 1):
            reads[own, third::3] = drawn(library.topics[:, field].nonzero()[0], reads[own, third::3].shape, rng)
    kept = [row[np.sort(np.unique(row, return_index=True)[1])][:READS] for row in reads]
    who = np.repeat(np.arange(n), [len(row) for row in kept])
    saves = sp.csr_matrix((np.ones(len(who), np.float32), (who, np.concatenate(kept))), (n, len(library)))
    follows = np.arange(0, n, 2)
    topics = sp.csr_matrix((np.ones(len(follows), np.float32), (follows, fields[follows])), (n, N_FIELDS))
    return Readers(np.arange(n), saves, topics, sp.csr_matrix((n, 0), dtype=np.float32))


def drawn(papers: np.ndarray, shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Papers, those of a low number more often: 1% of them get 15% of the reads, 10% get 39% (on citeulike-t 13 and
    44)."""
    share = np.cumsum((1.0 + np.arange(len(papers))) ** -0.6)
    return papers[np.searchsorted(share, rng.random(shape) * share[-1])]


def make_barred(n: int, rng: np.random.Generator) -> sp.csr_matrix:
    columns = rng.integers(N_NEW, size=(n, BARRED))
    ones = np.ones(columns.size, np.int8)
    return sp.csr_matrix((ones, (np.repeat(np.arange(n), BARRED), columns.ravel())), (n, N_NEW))


def unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def train(folder: Path, n_papers: int) -> None:
    """An artifact of a ranker of the usual size; one epoch, since how well it ranks changes no speed."""
    rng = np.random.default_rng(0)
    library = make_papers(n_papers, 1, rng)
    ranker = Ranker(epochs=1).fit(library, make_readers(TEACHERS, library, rng).user_items)
    arrays, kept = ranker.to_arrays()
    write_artifact(folder, "ranker", arrays, {"ranker": kept})


def floor(places: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """(n, LIST) columns, best first."""
    out = np.empty((len(places), LIST), np.int64)
    for start in range(0, len(places), CHUNK):
        scores = places[start : start + CHUNK] @ vectors.T
        best = np.argpartition(scores, -LIST, axis=1)[:, -LIST:]
        order = np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1)
        out[start : start + CHUNK] = np.take_along_axis(best, order, axis=1)
    return out


def run(ranker: Ranker, n_readers: int, n_papers: int) -> dict[str, float]:
    rng = np.random.default_rng(0)
    library, new = make_papers(n_papers, 1, rng), make_papers(N_NEW, n_papers + 1, rng)
    vectors = unit(rng.normal(size=(N_NEW, width(ranker, n_readers))))
    seconds = floor_seconds = 0.0
    clock = time.process_time()
    prepared = ranker.prepare(new)
    seconds += time.process_time() - clock
    for start in track(range(0, n_readers, BLOCK), "Ranking", console=stderr):
        n = min(BLOCK, n_readers - start)
        readers, barred = make_readers(n, library, rng), make_barred(n, rng)
        places = unit(rng.normal(size=(n, width(ranker, n_readers))))
        clock = time.process_time()
        lists = ranker.rank(readers, library, new, LIST, exclude=barred, at_day=TODAY, prepared=prepared)
        seconds += time.process_time() - clock
        clock = time.process_time()
        floor(places, vectors)
        floor_seconds += time.process_time() - clock
        assert [len(items) for items in lists] == [LIST] * n
    return {
        "seconds": seconds,
        "floor_seconds": floor_seconds,
        "ratio": seconds / floor_seconds,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def width(ranker: Ranker, n_readers: int) -> int:
    """Of the vectors whose product with the new papers' takes as many multiply-adds as one reader does: their place,
    how alike their reads are, a score for every new paper, what each read brings to each listed paper, their share of
    preparing the new papers."""
    known = ranker.known_
    place = known.vectors.shape[1]
    lent = known.collaborative.item_factors_.shape[1] if known.collaborative and "lent" in ranker.new_.weights_ else 0
    alike = READS * READS * place // known.projection.n_blocks_
    a_reader = (READS + N_NEW) * (place + lent) + alike + READS * LIST * place
    prepared = N_NEW * len(known.vectors) * place
    return round((a_reader + prepared / n_readers) / N_NEW)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--readers", type=int, default=100_000)
    parser.add_argument("--papers", type=int, default=20_000, help="known papers")
    parser.add_argument("--json", type=Path, help="file of the figures")
    args = parser.parse_args()
    if args.readers < 1 or args.papers < 1000:
        print("--readers must be at least 1, --papers at least 1000.", file=sys.stderr)
        raise SystemExit(2)
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        with stderr.status("Training"):
            worker = multiprocessing.get_context("spawn").Process(target=train, args=(Path(folder), args.papers))
            worker.start()
            worker.join()
        if worker.exitcode:
            raise SystemExit(1)
        manifest, arrays = read_artifact(Path(folder) / "ranker")
        figures = run(Ranker.from_arrays(arrays, manifest["ranker"]), args.readers, args.papers)
    print(f"{args.readers} readers, {N_NEW} new papers, {os.environ['OMP_NUM_THREADS']} threads")
    for name, value in figures.items():
        print(f"{name.ljust(14)}{value:10.2f}")
    if args.json:
        args.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
