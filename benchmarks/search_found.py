"""What a search finds when only its rarest words are looked for (`recommender.search.MOST_RANKED`), beside all words.

    python benchmarks/search_found.py --data ../shared/data/citeulike-t --json F
    DATABASE_URL=postgres://... python benchmarks/search_found.py --data ../shared/data/citeulike-t

A query is some words of one paper and some of another, so that no paper has them all. Told are the mean reciprocal rank
of the first paper and how many of the first ten papers are those that all words find. It wants an empty database, and
uses the papers that it puts there again.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("BROADSHEET_VAR", tempfile.mkdtemp(prefix="broadsheet-search-"))
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"

import django  # noqa: E402

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.utils import timezone  # noqa: E402

from papers.models import Paper  # noqa: E402
from recommender import search  # noqa: E402

WORDS_A_TITLE = 8
QUERIES = [
    (3, 1),
    (5, 2),
    (8, 3),
    (12, 4),
    (32, 8),
]  # words of the first paper and of the second together, of the second
CAPS = {"all words": sys.maxsize, "as it is": search.MOST_RANKED, "1,000": 1000}


def plant(folder: Path) -> list[list[str]]:
    """The papers of citeulike-t, whose texts are bags of words, each in an order of its own; their different words."""
    rng = random.Random(0)
    vocabulary = (folder / "vocabulary.dat").read_text().split("\n")
    texts = []
    for line in (folder / "mult.dat").read_text().splitlines():
        counts = [entry.split(":") for entry in line.split()[1:]]
        texts.append([vocabulary[int(word)].strip() for word, n in counts for _ in range(int(n))])
        rng.shuffle(texts[-1])
    if n_papers := Paper.objects.count():
        if n_papers != len(texts):
            print("The database holds other papers: name an empty one in DATABASE_URL.", file=sys.stderr)
            raise SystemExit(2)
        return [sorted(set(text)) for text in texts]
    rows = (
        Paper(
            title=" ".join(text[:WORDS_A_TITLE]), abstract=" ".join(text[WORDS_A_TITLE:]), published_at=timezone.now()
        )
        for text in texts
    )
    Paper.objects.bulk_create(rows, batch_size=1000)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return [sorted(set(text)) for text in texts]


def measure(
    papers: dict[int, list[str]], n_words: int, n_of_another: int, n_queries: int
) -> dict[str, dict[str, float]]:
    rng = random.Random(n_words)
    long_enough = [paper_id for paper_id, words in papers.items() if len(words) >= n_words]
    ranks: dict[str, float] = dict.fromkeys(CAPS, 0)
    same: dict[str, float] = dict.fromkeys(CAPS, 0)
    for _query in range(n_queries):
        first, second = rng.sample(long_enough, 2)
        words = rng.sample(papers[first], n_words - n_of_another) + rng.sample(papers[second], n_of_another)
        expected: list[int] = []
        for name, cap in CAPS.items():
            search.MOST_RANKED = cap
            found = search.by_words(search.Asked(" ".join(words)))
            expected = expected or found[:10]
            ranks[name] += 1 / (found.index(first) + 1) / n_queries if first in found else 0
            same[name] += len(set(found[:10]) & set(expected)) / len(expected) / n_queries
    return {name: {"mrr": ranks[name], "same_of_ten": same[name]} for name in CAPS}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared/data/citeulike-t")
    parser.add_argument("--queries", type=int, default=300, help="of each length")
    parser.add_argument("--json", type=Path, help="file of the figures")
    args = parser.parse_args()
    if not (args.data / "mult.dat").exists():
        print(f"There is no mult.dat in {args.data}.", file=sys.stderr)
        raise SystemExit(2)
    call_command("migrate", verbosity=0)
    texts = plant(args.data)
    papers = dict(zip(Paper.objects.order_by("pk").values_list("pk", flat=True), texts, strict=True))
    figures = {}
    print(f"{len(papers)} papers, {connection.vendor}, {args.queries} queries of each length")
    print(f"{'words':>5}" + "".join(f"{name + ': MRR':>17}{'same of 10':>12}" for name in CAPS))
    for n_words, n_of_another in QUERIES:
        row = measure(papers, n_words, n_of_another, args.queries)
        print(f"{n_words:>5}" + "".join(f"{one['mrr']:>17.3f}{one['same_of_ten']:>12.2f}" for one in row.values()))
        figures[n_words] = row
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
