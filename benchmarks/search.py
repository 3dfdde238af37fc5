"""How soon the search page answers: every kind of query, with and without filters, a trained ranker beside the words.

    python benchmarks/search.py --papers 100000 --json F
    DATABASE_URL=postgres://... python benchmarks/search.py --papers 100000

Papers of ordinary length in words that are as unequal as a language's, the commonest in an eighth of all abstracts. The
ranker is of the usual size and published as an artifact; the page is the site's own, from request to bytes, in one
process on one thread, and `search_papers` its part in that. A database of one's own is wanted: the papers stay in it
and are used again by the next run, as is the ranker where BROADSHEET_VAR names a folder that stays.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("BROADSHEET_VAR", tempfile.mkdtemp(prefix="broadsheet-search-"))
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import django  # noqa: E402

django.setup()

import numpy as np  # noqa: E402
import scipy.sparse as sp  # noqa: E402
from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection, reset_queries  # noqa: E402
from django.test import Client  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.progress import track  # noqa: E402

from papers.models import Author, Authorship, Identifier, Paper, Topic  # noqa: E402
from recommender.engine.artifacts import write_artifact  # noqa: E402
from recommender.engine.lexical import Lexicon  # noqa: E402
from recommender.engine.papers import Papers  # noqa: E402
from recommender.engine.ranker import Ranker  # noqa: E402
from recommender.meaning import near_text  # noqa: E402
from recommender.models import RankerVersion  # noqa: E402
from recommender.published import Model, folder_of, published  # noqa: E402
from recommender.search import search_papers  # noqa: E402
from recommender.training import publish_version  # noqa: E402

N_WORDS, N_TOPICS = 20_000, 60
WORDS_A_TITLE, WORDS_AN_ABSTRACT = 9, 150
DENSE = 384
TEACHERS, READS = 2000, 30
BATCH = 2000
NEWEST = datetime(2025, 6, 1, tzinfo=UTC)
SYLLABLES = [a + b for a in "bdfgklmnprstvz" for b in "aeiou"]

stderr = Console(stderr=True)


def word(number: int) -> str:
    """Pronounceable, so that a stemmer has something to do; the lower the number, the commoner."""
    parts = []
    number += len(SYLLABLES)
    while number:
        number, rest = divmod(number, len(SYLLABLES))
        parts.append(SYLLABLES[rest])
    return "".join(parts) + ("ing" if len(parts) % 2 else "")


def plant(n_papers: int) -> None:
    """Fill the database up to so many papers."""
    rng = np.random.default_rng(0)
    words = np.array([word(number) for number in range(N_WORDS)])
    share = (np.arange(N_WORDS) + 300.0) ** -1.0  # the commonest word is in an eighth of the abstracts
    share /= share.sum()
    topics = [Topic.objects.get_or_create(slug=f"t{n}", defaults={"name": f"Topic {n}"})[0] for n in range(N_TOPICS)]
    if not Author.objects.exists():
        names = (f"{word(n).title()} {word(n * 7 % N_WORDS).title()}" for n in range(10_000))
        Author.objects.bulk_create([Author(name=name) for name in dict.fromkeys(names)])
    authors = list(Author.objects.values_list("pk", flat=True))
    already = Paper.objects.count()
    for start in track(range(already, n_papers, BATCH), "Papers", console=stderr):
        n = min(BATCH, n_papers - start)
        drawn = words[rng.choice(N_WORDS, (n, WORDS_A_TITLE + WORDS_AN_ABSTRACT), p=share)]
        papers = Paper.objects.bulk_create(
            [
                Paper(
                    title=" ".join(row[:WORDS_A_TITLE]).capitalize(),
                    abstract=" ".join(row[WORDS_A_TITLE:]).capitalize() + ".",
                    published_at=NEWEST - timedelta(hours=(start + number) / 4),
                    url=f"https://papers.example.org/{start + number}",
                )
                for number, row in enumerate(drawn.tolist())
            ]
        )
        Identifier.objects.bulk_create(
            [Identifier(paper=paper, scheme="arxiv", value=f"{start + n:09d}") for n, paper in enumerate(papers)]
        )
        through = Paper.topics.through
        through.objects.bulk_create(
            [
                through(paper=paper, topic=topics[n])
                for paper, n in zip(papers, rng.integers(N_TOPICS, size=n), strict=True)
            ]
        )
        chosen = rng.choice(authors, (n, 4))
        Authorship.objects.bulk_create(
            [
                Authorship(paper=paper, author_id=author, position=position)
                for paper, row in zip(papers, chosen.tolist(), strict=True)
                for position, author in enumerate(dict.fromkeys(row))
            ]
        )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def publish() -> None:
    """A ranker of every paper; one epoch, since how well it ranks changes no speed."""
    if (before := published()) and len(before.ranker.known_.rows) == Paper.objects.count():
        return
    rng = np.random.default_rng(1)
    rows = list(Paper.objects.order_by("pk").values_list("pk", "title", "abstract"))
    texts = [f"{title}\n\n{abstract}" for _pk, title, abstract in rows]
    lexicon = Lexicon().fit(texts)
    dense = rng.normal(size=(len(rows), DENSE)).astype(np.float32)
    dense /= np.linalg.norm(dense, axis=1, keepdims=True)
    library = Papers.of_text(np.array([pk for pk, *_ in rows]), lexicon.transform(texts), dense)
    columns = rng.integers(len(rows), size=(TEACHERS, READS)).ravel()
    saves = sp.csr_matrix(
        (np.ones(columns.size, np.float32), (np.repeat(np.arange(TEACHERS), READS), columns)), (TEACHERS, len(rows))
    )
    ranker = Ranker(epochs=1).fit(library, saves)
    arrays, kept = Model("", ranker, lexicon, NEWEST.timestamp()).to_artifact()
    name = f"search-{len(rows)}-{time.time():.0f}"
    write_artifact(folder_of(name).parent, name, arrays, {"model": kept})
    publish_version(RankerVersion.objects.create(name=name))


def queries() -> dict[str, dict[str, str]]:
    """What is asked, by its name; nothing is asked twice in one run."""
    paper = Paper.objects.order_by("?").first()
    assert paper is not None
    common, usual, rare = (word(n) for n in (0, 800, 15_000))
    author = paper.author_names[0]
    since = (NEWEST - timedelta(days=60)).date().isoformat()
    return {
        "a common word": {"q": common},
        "a usual word": {"q": usual},
        "a rare word": {"q": rare},
        "three words": {"q": f"{common} {usual} {word(1200)}"},
        "twelve words": {"q": " ".join(word(n) for n in range(0, 1200, 100))},
        "32 common words": {"q": " ".join(word(n) for n in range(32))},
        "an author": {"q": author},
        "an author and a word": {"q": f"{author} {common}"},
        "an arXiv id": {"q": paper.identifiers.first().value},  # type: ignore[union-attr]
        "words, topic": {"q": f"{usual} {common}", "topic": "t7"},
        "words, dates": {"q": f"{usual} {common}", "since": since},
        "words, topic, dates": {"q": f"{usual} {common}", "topic": "t7", "since": since, "until": since},
        "nothing known": {"q": "qqqxxx yyyqqq"},
    }


def measure(rounds: int, clock: Callable[[], float]) -> dict[str, dict[str, float]]:
    client = Client(headers={"host": settings.ALLOWED_HOSTS[0].lstrip(".") if settings.ALLOWED_HOSTS else "localhost"})
    page: dict[str, list[float]] = {}
    alone: dict[str, list[float]] = {}
    near_text("anything")  # the artifact is loaded once a process
    client.get("/search/", {"q": word(3)})
    for _round in range(rounds):
        for name, asked in queries().items():
            start = clock()
            response = client.get("/search/", asked)
            page.setdefault(name, []).append(clock() - start)
            assert response.status_code == 200, response.status_code
        for name, asked in queries().items():
            start = clock()
            search_papers(asked["q"], 30)
            alone.setdefault(name, []).append(clock() - start)
        reset_queries()
    return {
        name: {
            "median_ms": statistics.median(page[name]) * 1000,
            "fastest_ms": min(page[name]) * 1000,
            "slowest_ms": max(page[name]) * 1000,
            "search_papers_ms": statistics.median(alone[name]) * 1000,
            "search_papers_fastest_ms": min(alone[name]) * 1000,
        }
        for name in page
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--papers", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument(
        "--processor", action="store_true", help="time of this process alone, on a machine that others use (SQLite)"
    )
    parser.add_argument("--json", type=Path, help="file of the figures")
    args = parser.parse_args()
    if args.papers < 1000 or args.rounds < 1:
        print("--papers must be at least 1000, --rounds at least 1.", file=sys.stderr)
        raise SystemExit(2)
    call_command("migrate", verbosity=0)
    plant(args.papers)
    with stderr.status("Training"):
        publish()
    figures = measure(args.rounds, time.process_time if args.processor else time.perf_counter)
    print(f"{Paper.objects.count()} papers, {connection.vendor}, {args.rounds} rounds, one thread")
    print(f"{'ms':22}{'page':>10}{'fastest':>10}{'slowest':>10}{'search_papers':>16}{'fastest':>10}")
    for name, row in figures.items():
        page = "".join(f"{row[f'{which}_ms']:>10.0f}" for which in ("median", "fastest", "slowest"))
        print(f"{name:22}{page}{row['search_papers_ms']:>16.0f}{row['search_papers_fastest_ms']:>10.0f}")
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
