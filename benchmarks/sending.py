"""How fast digests become MIME bytes: ours, beside premailer once a message and beside the floor.

The floor is what no mailer on Django can go below: rendering the same text with plain Django templates, CSS inlined
already and every value at hand, and turning it into MIME. All three write the same 10-paper digests, in turn, in
batches, so that a busy machine slows each alike; the rate of the fastest of several rounds counts.

    python benchmarks/sending.py --json sending.json
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ["BROADSHEET_VAR"] = tempfile.mkdtemp(prefix="broadsheet-sending-")
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import django  # noqa: E402

django.setup()

from django.core.mail import EmailMultiAlternatives  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.template import Context, engines  # noqa: E402
from django.template.loader import get_template  # noqa: E402
from premailer import Premailer  # noqa: E402

from accounts.models import User  # noqa: E402
from newsletter import message  # noqa: E402
from newsletter.editions import edition_for  # noqa: E402
from newsletter.inlining import _source, inline_css  # noqa: E402
from newsletter.models import Digest, Subscription  # noqa: E402
from papers.models import Author, Authorship, Paper, Topic  # noqa: E402

N_PAPERS = 300
PAPERS_A_DIGEST = 10
NOW = datetime(2025, 5, 5, 7, tzinfo=UTC)


def make_digests(n_digests: int) -> list[Digest]:
    """Rows as composing leaves them, for papers of ordinary length."""
    call_command("migrate", verbosity=0)
    topics = Topic.objects.bulk_create([Topic(slug=f"t{n}", name=f"Topic number {n}") for n in range(8)])
    authors = Author.objects.bulk_create([Author(name=f"Author O'Name {n}") for n in range(200)])
    papers = Paper.objects.bulk_create(
        [
            Paper(
                title=f"On the {n}th of many questions in R&D that a title of ordinary length may ask",
                abstract=f"We study question {n}, which is < 2 and > 1 in most cases that matter to anybody. " * 10,
                published_at=NOW,
                url=f"https://papers.example.org/{n}",
                pdf_url=f"https://papers.example.org/{n}.pdf",
                code_url=f"https://code.example.org/{n}" if n % 3 == 0 else "",
            )
            for n in range(N_PAPERS)
        ]
    )
    Paper.topics.through.objects.bulk_create(
        [Paper.topics.through(paper=paper, topic=topics[n % 8]) for n, paper in enumerate(papers)]
    )
    Authorship.objects.bulk_create(
        [
            Authorship(paper=paper, author=authors[(n * 3 + position) % 200], position=position)
            for n, paper in enumerate(papers)
            for position in range(4)
        ]
    )
    users = User.objects.bulk_create([User(email=f"reader{n}@example.org") for n in range(n_digests)])
    subscriptions = Subscription.objects.bulk_create([Subscription(user=user, confirmed_at=NOW) for user in users])
    edition = edition_for(NOW.date())
    edition.note = "Good morning. *Two* papers today ask the same question."
    digests = [
        Digest(
            subscription=subscription,
            edition=edition,
            period=NOW.date(),
            subject=papers[n % N_PAPERS].title[:70],
            message_id=f"<{n}@example.org>",
            items=[
                {
                    "paper": papers[(n * 7 + i * 11) % N_PAPERS].pk,
                    "score": 1.0,
                    "reason": {"kind": "read", "paper": papers[(n + i) % N_PAPERS].pk},
                    "arm": "",
                }
                for i in range(PAPERS_A_DIGEST)
            ],
        )
        for n, subscription in enumerate(subscriptions)
    ]
    Digest.objects.bulk_create(digests)
    return list(Digest.objects.select_related("subscription__user", "edition").order_by("pk"))


class Ways:
    """Three ways from rows to bytes. What the floor and the slow way are handed ready-made costs them nothing."""

    def __init__(self, digests: list[Digest]) -> None:
        self.digests = digests
        contents = message.load_contents(digests)
        self.contexts = [
            message.digest_context(digest, contents, digest.items) | {"n_left_out": 0} for digest in digests
        ]
        self.headers = [message.headers_for(digest) for digest in digests]
        django_engine = engines["django"]
        self.plain = django_engine.from_string(_source(message.HTML_TEMPLATE)).template  # type: ignore[attr-defined]
        self.ready = django_engine.from_string(inline_css(_source(message.HTML_TEMPLATE))).template  # type: ignore[attr-defined]
        self.text = get_template(message.TEXT_TEMPLATE)

    def ours(self, part: slice) -> list[bytes]:
        """Everything a worker does between having the rows and speaking to the server."""
        digests = self.digests[part]
        contents = message.load_contents(digests)
        return [message.build(digest, contents, set(digest.paper_ids)).wire for digest in digests]

    def floor(self, part: slice) -> list[bytes]:
        return [
            self.mime(n, self.ready.render(Context(self.contexts[n]))) for n in range(*part.indices(len(self.digests)))
        ]

    def premailer_each(self, part: slice) -> list[bytes]:
        return [
            self.mime(
                n,
                Premailer(
                    self.plain.render(Context(self.contexts[n])),
                    strip_important=False,
                    disable_validation=True,
                    allow_network=False,
                    remove_classes=False,
                    cssutils_logging_level=50,
                ).transform(pretty_print=False),
            )
            for n in range(*part.indices(len(self.digests)))
        ]

    def mime(self, n: int, html: str) -> bytes:
        digest = self.digests[n]
        mail = EmailMultiAlternatives(
            digest.subject,
            self.text.render(self.contexts[n]),
            message.sender(),
            [digest.subscription.user.email],
            headers=self.headers[n],
        )
        mail.attach_alternative(html, "text/html")
        return mail.message().as_bytes(linesep="\r\n")


def rate(work: Callable[[slice], list[bytes]], part: slice, n: int) -> float:
    start = time.process_time()
    made = work(part)
    seconds = time.process_time() - start
    assert len(made) == n
    return n / seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--digests", type=int, default=200, help="digests a round")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    ways = Ways(make_digests(options.digests))
    few = max(1, options.digests // 10)  # the slow way needs no more to be timed as well
    for work in (ways.ours, ways.floor, ways.premailer_each):
        work(slice(0, 5))
    gc.collect()
    gc.freeze()  # the digests stand ready for all three; going through them again is nobody's work
    rates: dict[str, list[float]] = {"ours": [], "floor": [], "premailer_each": []}
    for _ in range(options.rounds):
        rates["ours"].append(rate(ways.ours, slice(0, options.digests), options.digests))
        rates["floor"].append(rate(ways.floor, slice(0, options.digests), options.digests))
        rates["premailer_each"].append(rate(ways.premailer_each, slice(0, few), few))
    ours, floor, each = (max(rates[name]) for name in ("ours", "floor", "premailer_each"))
    report = {
        "digests_per_s": round(ours, 1),
        "floor_per_s": round(floor, 1),
        "premailer_each_per_s": round(each, 2),
        "ratio_to_floor": round(ours / floor, 3),
        "ratio_to_premailer_each": round(ours / each, 2),
        "bytes_a_digest": len(ways.ours(slice(0, 1))[0]),
    }
    for key, value in report.items():
        print(f"{key:24} {value}")
    if options.json:
        options.json.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
