"""How long it takes from arXiv's announcement of n papers until they are candidates with vectors and topics.

    python benchmarks/announced_to_candidate.py --n 2000 --json var/announced.json

A local server announces them in one listing and then in a harvest of the week; a run of the source takes them, likely
doubles are looked for, and the encoder gives them vectors: the pipeline as the worker runs it, in a folder of its own.
Waiting for arXiv's pace (three seconds between requests) is reckoned on top.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ["BROADSHEET_VAR"] = FOLDER = tempfile.mkdtemp(prefix="broadsheet-benchmark-")
os.environ["BROADSHEET_FETCH_PRIVATE"] = "true"
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"

import django  # noqa: E402

django.setup()

from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402

from papers.merging import propose_for  # noqa: E402
from papers.models import Paper, Source  # noqa: E402
from papers.source_runs import run_source  # noqa: E402
from recommender.embedding import embed_papers, encoder  # noqa: E402
from recommender.nearest_topic import give_topics  # noqa: E402
from tests.papers.sources import documents  # noqa: E402
from tests.papers.sources.documents import Fact  # noqa: E402
from tests.papers.sources.local_server import Answer, Request, serving  # noqa: E402

PAGE = 1000
SENTENCE = "We study how learned models of dialogue, vision and motion behave under change, and count what they lose. "


def facts(n: int, now: datetime) -> list[Fact]:
    """Abstracts of about 180 words, as arXiv's are."""
    return [
        Fact(
            f"{now:%y%m}.{number:05}",
            f"On the behaviour of learned engines under change, number {number}",
            f"Number {number}. " + SENTENCE * 10,
            authors=(("Ada", f"Lovelace{number % 997}"), ("Alan", f"Turing{number % 991}")),
            submitted_at=now - timedelta(days=1),
            changed_on=now.date(),
        )
        for number in range(1, n + 1)
    ]


def measure(n: int) -> dict[str, Any]:
    now = datetime.now(UTC)
    announced = facts(n, now)

    def answer(request: Request) -> Answer:
        if request.path.startswith("/rss/"):
            return Answer(documents.arxiv_rss(now.date(), announced))
        start = int(request.query.get("resumptionToken", "0"))
        following = str(start + PAGE) if start + PAGE < n else ""
        return Answer(documents.oai_records(announced[start : start + PAGE], following, n))

    seconds: dict[str, float] = {}

    def step(name: str, do: Any) -> Any:
        started = time.perf_counter()
        result = do()
        seconds[name] = round(time.perf_counter() - started, 1)
        return result

    settings.FETCH_INTERVAL_SECONDS = 0.0
    with serving(answer) as web:
        source = Source.objects.create(name="benchmark", kind="arxiv", url=web.url, query="cs.LG")
        run = step("fetch and ingest", lambda: run_source(source))
    step("look for doubles", lambda: propose_for(Paper.objects.all()))
    step("load the encoder", lambda: encoder().encode(["warm"]))
    step("embed", embed_papers)
    step("nearest topics", give_topics)
    candidates = Paper.objects.candidates_between(now - timedelta(days=7), datetime.now(UTC)).count()
    pace = 3.0 * (run.n_requests - 1)
    return {
        "papers": n, "candidates": candidates, "requests": run.n_requests, "seconds": seconds,
        "waiting_for_arxivs_pace": pace, "total_seconds": round(sum(seconds.values()) + pace, 1),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=2000, help="papers announced")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here")
    options = parser.parse_args()
    try:
        call_command("migrate", verbosity=0)
        result = measure(options.n)
    finally:
        shutil.rmtree(FOLDER, ignore_errors=True)
    for name, value in {**result["seconds"], "waiting for arXiv's pace": result["waiting_for_arxivs_pace"]}.items():
        print(f"{name:<28}{value:>8.1f} s")
    print(f"{'total':<28}{result['total_seconds']:>8.1f} s for {result['candidates']} candidates of {options.n}")
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
