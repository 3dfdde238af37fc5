"""How soon the desk answers with a million digests: numbers, editions, digests and the other lists, a reader's page.

    DATABASE_URL=sqlite:////var/tmp/desk.sqlite3 python benchmarks/million_digests.py --json F
    DATABASE_URL=postgres://... python benchmarks/million_digests.py --explain plans.txt

A hundred editions of ten thousand digests with three papers each; a fifth of them skipped and some failed, clicks on
every fourth (scanners' among them), votes, bounces and readers who came and went in proportion, made by the database
itself. Pages are the site's own, from request to bytes, in one process. A database of one's own is wanted: the rows
stay in it, and are used again by the next run.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("BROADSHEET_VAR", tempfile.mkdtemp(prefix="broadsheet-numbers-"))
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402
from django.urls import reverse  # noqa: E402

from accounts.models import User  # noqa: E402
from newsletter.models import Bounce, Click, Digest, Edition, Subscription, Vote  # noqa: E402
from papers.models import Paper  # noqa: E402

N_PAPERS = 2000
LAST = date(2025, 6, 1)
EDITOR = "editor@example.org"
IS_SQLITE = connection.vendor == "sqlite"

# Of one reader and one edition always the same, and as good as chance: 0 to 999.
DICE = "((s.id * 7919 + e.id * 104729 + s.id * e.id * 31) % 1000)"
DIGESTS = f"""
insert into newsletter_digest (subscription_id, edition_id, period, state, state_reason, subject, message_id, items,
                               composed_at, sent_at, attempts, lease_token, times_handed_over)
select s.id, e.id, e.date,
       case when {DICE} < 750 then 'sent' when {DICE} < 950 then 'skipped' when {DICE} < 970 then 'suppressed'
            when {DICE} < 985 then 'failed' when {DICE} < 998 then 'sent' else 'uncertain' end,
       case when {DICE} between 750 and 899 then 'nothing new since the last digest'
            when {DICE} between 900 and 949 then 'nothing above the reader''s threshold'
            when {DICE} between 950 and 969 then 'the address is suppressed: bounced'
            when {DICE} between 970 and 984 then '550 5.1.1 no such user: ' || (s.id % 40) else '' end,
       'Paper number ' || (s.id + e.id) || ' and two more', '<' || s.id || '.' || e.id || '@example.org>',
       cast('[' || {{items}} || ']' as {{json}}), e.window_end,
       case when {DICE} < 750 or {DICE} between 985 and 997 then e.window_end end, 1, '', 1
from newsletter_subscription s cross join newsletter_edition e
"""
ITEM = """'{{"paper": ' || {paper} || ', "score": 0.5, "arm": "", "sentence": 0, "reason": {{"kind": "{reason}"}}}}'"""
REASONS = ("read", "topic", "trending")  # of the first, second and third paper
ANSWERS = """
insert into {table} (digest_id, edition_id, paper_id, position, reason, at, {more})
select d.id, d.edition_id, {paper}, {position}, '{reason}', d.sent_at, {values}
from newsletter_digest d where d.state = 'sent' and (d.id * 7919 + {position} * 613) % 1000 < {share}
"""


def paper_of(subscription: str, edition: str, position: int) -> str:
    first = Paper.objects.order_by("pk").values_list("pk", flat=True)[0]
    return f"({first} + ({subscription} * 31 + {edition} * 17 + {position}) % {N_PAPERS})"


def plant(n_digests: int, n_editions: int) -> None:
    if Digest.objects.exists():
        return
    first = LAST - timedelta(days=n_editions - 1)
    noon = datetime(first.year, first.month, first.day, 12, tzinfo=UTC)
    n_readers = n_digests // n_editions
    Paper.objects.bulk_create(
        [Paper(title=f"Paper number {n}", abstract="An abstract. " * 60, published_at=noon) for n in range(N_PAPERS)],
        batch_size=500,
    )
    Edition.objects.bulk_create(
        [
            Edition(date=day.date(), window_start=day - timedelta(days=3), window_end=day)
            for day in (noon + timedelta(days=n) for n in range(n_editions))
        ]
    )
    users = User.objects.bulk_create([User(email=f"reader{n}@example.org") for n in range(n_readers)], batch_size=2000)
    Subscription.objects.bulk_create([Subscription(user=user, confirmed_at=noon) for user in users], batch_size=2000)
    items = " || ', ' || ".join(
        ITEM.format(paper=paper_of("s.id", "e.id", number), reason=reason) for number, reason in enumerate(REASONS)
    )
    execute(DIGESTS.format(items=items, json="text" if IS_SQLITE else "jsonb"))
    for position, reason in enumerate(REASONS, start=1):
        answered = {
            "paper": paper_of("d.subscription_id", "d.edition_id", position - 1),
            "position": position,
            "reason": reason,
        }
        scanner = "case when d.id % 10 = 0 then 'proofpoint' else '' end"
        answer(Click, "link, scanner", f"'page', {scanner}", 300 // 2**position, answered)
        for kind, share in (("save", 20), ("more", 16), ("less", 8)):
            answer(Vote, "kind", f"'{kind}'", share // position, answered)
    execute(
        "insert into newsletter_bounce (digest_id, edition_id, kind, said, at) select d.id, d.edition_id, case when "
        "d.id % 7 = 0 then 'complaint' when d.id % 3 = 0 then 'soft' else 'hard' end, '550 no such user', d.composed_at"
        " from newsletter_digest d where (d.id * 7919) % 1000 < 10"
    )
    execute(
        "insert into recommender_interaction (user_id, paper_id, kind, source, at, at_is_known) select distinct "
        "s.user_id, c.paper_id, 'click', 'email', min(c.at), {true} from newsletter_click c join newsletter_digest d "
        "on d.id = c.digest_id join newsletter_subscription s on s.id = d.subscription_id where c.scanner = '' "
        "group by s.user_id, c.paper_id".format(true="1" if IS_SQLITE else "true")
    )
    for kind, one_in, digest_in in (
        ("subscribed", 1, 0),
        ("unsubscribe", 9, 40),
        ("bounce", 40, 70),
        ("returned", 90, 80),
    ):
        execute(
            "insert into newsletter_subscriptionchange (subscription_id, kind, at, edition_id) select s.id, "
            f"'{kind}', e.window_end, {'null' if kind == 'subscribed' else 'e.id'} from newsletter_subscription s join "
            f"newsletter_edition e on e.id = (select min(id) from newsletter_edition) + (s.id + {digest_in}) % "
            f"{n_editions} where s.id % {one_in} = 0"
        )
    execute("analyze" if IS_SQLITE else "vacuum analyze")  # which PostgreSQL does by itself sooner or later


def answer(model: Any, more: str, values: str, share: int, answered: dict[str, Any]) -> None:
    execute(ANSWERS.format(table=model._meta.db_table, more=more, values=values, share=share, **answered))


def execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


class Asked(NamedTuple):
    """One query of a page."""

    sql: str
    params: Any
    seconds: float


class Listener:
    """Keeps each query of a page with its time."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        start = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            self.asked.append(Asked(sql, params, time.perf_counter() - start))


def pages() -> dict[str, str]:
    edition = Edition.objects.order_by("-date")[9]
    span = {"first": LAST - timedelta(days=27), "last": LAST}
    days = {"edition__date__gte": span["first"], "edition__date__lte": LAST}
    reader = Subscription.objects.order_by("pk")[4321 % Subscription.objects.count()]
    email = reader.user.email

    def rows(model: str, **asked: Any) -> str:
        return f"{reverse(f'admin:newsletter_{model}_changelist')}?{urlencode(asked)}"

    numbers = reverse("desk_numbers")
    return {
        "numbers, 28 editions": f"{numbers}?{urlencode(span)}",
        "numbers, all editions": f"{numbers}?{urlencode(span | {'first': LAST - timedelta(days=365)})}",
        "editions": rows("edition"),
        "digests": rows("digest"),
        "digests, half-way": rows("digest", p=Digest.objects.count() // 100),
        "digests, failed": rows("digest", state__exact="failed"),
        "digests of a reader": rows("digest", q=email),
        "digests of an edition, sent": rows(
            "digest", edition__id__exact=edition.pk, period__exact=edition.date, state__exact="sent"
        ),
        "digests of 28 editions, sent": rows(
            "digest", period__gte=span["first"], period__lte=LAST, edition__isnull="False", state__exact="sent"
        ),
        "digests, one reason": rows(
            "digest",
            period__gte=span["first"],
            period__lte=LAST,
            edition__isnull="False",
            state__exact="skipped",
            state_reason__exact="nothing new since the last digest",
        ),
        "clicks": rows("click"),
        "clicks of a reader": rows("click", q=email),
        "clicks of an edition": rows("click", edition__id__exact=edition.pk, scanner__isempty="1"),
        "clicks of 28 editions": rows("click", scanner__isempty="1", **days),
        "clicks of 28 editions, place 2": rows("click", scanner__isempty="1", position__exact="2", **days),
        "votes of 28 editions, saved": rows("vote", kind__exact="save", **days),
        "bounces": rows("bounce"),
        "bounces of 28 editions": rows("bounce", kind__in="hard,soft", **days),
        "won and lost": rows("subscriptionchange"),
        "subscriptions": rows("subscription"),
        "subscriptions, one address": rows("subscription", q=email),
        "a reader's page": reverse("admin:newsletter_subscription_change", args=[reader.pk]),
    }


def measure(rounds: int) -> dict[str, dict[str, Any]]:
    User.objects.filter(email=EDITOR).delete()
    client = Client(headers={"host": settings.ALLOWED_HOSTS[0].lstrip(".") if settings.ALLOWED_HOSTS else "localhost"})
    client.force_login(User.objects.create_superuser(EDITOR))
    client.get(reverse("admin:index"))
    figures: dict[str, dict[str, Any]] = {}
    for name, url in pages().items():
        seconds: list[float] = []
        for _ in range(rounds):
            listener, start = Listener(), time.perf_counter()
            with connection.execute_wrapper(listener):
                response = client.get(url)
            seconds.append(time.perf_counter() - start)
            assert response.status_code == 200, (url, response.status_code)
        slowest = max(listener.asked, key=lambda one: one.seconds)
        figures[name] = {
            "median_ms": statistics.median(seconds) * 1000,
            "slowest_ms": max(seconds) * 1000,
            "n_queries": len(listener.asked),
            "queries_ms": sum(one.seconds for one in listener.asked) * 1000,
            "slowest_query_ms": slowest.seconds * 1000,
            "slowest_query": slowest.sql if isinstance(slowest.sql, str) else repr(slowest.sql),
            "asked": listener.asked,
        }
    return figures


def plans(figures: dict[str, dict[str, Any]], at_least_ms: float) -> str:
    """The database's own account of each page's queries that took so long."""
    told = []
    for name, row in figures.items():
        for one in row["asked"]:
            if one.seconds * 1000 < at_least_ms or not one.sql.startswith("SELECT"):
                continue
            with connection.cursor() as cursor:
                cursor.execute(
                    ("EXPLAIN QUERY PLAN " if IS_SQLITE else "EXPLAIN (ANALYZE, BUFFERS) ") + one.sql, one.params
                )
                plan = "\n".join(str(line[-1]) for line in cursor.fetchall())
            told.append(f"# {name}: {one.seconds * 1000:.0f} ms\n{one.sql % tuple(one.params or ())}\n\n{plan}\n")
    return "\n".join(told)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--digests", type=int, default=1_000_000)
    parser.add_argument("--editions", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--explain", type=Path, metavar="FILE", help="plans of the queries that take 5 ms or more")
    parser.add_argument("--json", type=Path, metavar="FILE", help="file of the figures")
    options = parser.parse_args()
    call_command("migrate", verbosity=0)
    start = time.perf_counter()
    plant(options.digests, options.editions)
    planted = time.perf_counter() - start
    figures = measure(options.rounds)
    counts = {model.__name__: model.objects.count() for model in (Edition, Digest, Click, Vote, Bounce, Subscription)}
    print(f"{connection.vendor}, {options.rounds} rounds, filled in {planted:.0f} s: {counts}")
    print(f"{'':32}{'median':>10}{'slowest':>10}{'queries':>9}{'the slowest one':>18}")
    for name, row in figures.items():
        print(
            f"{name:32}{row['median_ms']:>7.0f} ms{row['slowest_ms']:>7.0f} ms{row['n_queries']:>9}"
            f"{row['slowest_query_ms']:>15.0f} ms"
        )
    if options.explain:
        options.explain.write_text(plans(figures, 5))
    if options.json:
        for row in figures.values():
            del row["asked"]
        report = {"database": connection.vendor, "rows": counts, "pages": figures}
        options.json.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
