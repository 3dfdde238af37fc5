"""Compose and send the digests that are due: through the queue, or on the spot."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any

from celery import current_app as app
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from kombu.exceptions import OperationalError as BrokerError

from newsletter import digest, tasks
from newsletter.delivery import MailServerUnavailable
from newsletter.models import Digest, Subscription

State = Digest.State
MISUSE = 2
POLL_SECONDS = 0.5
NOBODY_WORKS_AFTER = 30  # seconds without any progress


class Command(BaseCommand):
    help = "Compose and send the digests that are due."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--date", type=a_date, help="make that day's edition (YYYY-MM-DD) instead of today's")
        parser.add_argument("--user", metavar="EMAIL", help="this reader only")
        parser.add_argument("--limit", type=a_number, help="at most so many readers")
        parser.add_argument("--force", action="store_true", help="also readers whose turn it is not")
        parser.add_argument("--dry-run", action="store_true", help="say what would be composed; keep and send nothing")
        parser.add_argument("--inline", action="store_true", help="here and now, without broker and worker")
        parser.add_argument("--no-wait", action="store_true", help="do not wait until the workers are done")
        parser.add_argument(
            "--window-days", type=a_number, help="a new edition's candidates: the papers of so many days"
        )

    def handle(self, **options: Any) -> None:
        self.options = options
        self.at = timezone.now()
        self.choice = {name: options[name] for name in ("force", "window_days")} | {"day": options["date"]}
        if options["date"] and options["date"] > (self.at + timedelta(days=1)).date():
            raise CommandError(f"{options['date']} lies in the future.", returncode=MISUSE)
        ids = self.subscription_ids()
        if not ids:
            self.stdout.write("Nobody is due. --force composes for readers whose turn it is not.")
        elif options["dry_run"]:
            self.rehearse(ids)
        elif options["inline"]:
            self.report(self.send_here(ids))
        else:
            self.send_through_queue(ids)

    def subscription_ids(self) -> list[int]:
        ids = digest.mailable() if self.options["force"] else digest.due(self.at)
        if email := self.options["user"]:
            subscription = Subscription.objects.filter(user__email=email.strip().lower()).first()
            if subscription is None:
                raise CommandError(f"No reader with a subscription has the address {email}.", returncode=MISUSE)
            ids = [subscription.pk] if subscription.pk in set(ids) else []
        return ids[: self.options["limit"]]

    def rehearse(self, ids: list[int]) -> None:
        counts: Counter[str] = Counter()
        for chunk in tasks.chunks(ids, settings.DIGEST_CHUNK):
            for made in digest.rehearse(chunk, self.at, **self.choice):
                counts[made.state] += 1
                told = made.state_reason or f"{len(made.items)} papers: {made.subject}"
                self.stdout.write(f"{made.subscription.user.email}  {made.period}  {told}")
        self.stdout.write(
            f"Would be composed: {counts[State.COMPOSED]}, skipped: {counts[State.SKIPPED]}. Nothing kept."
        )

    def send_here(self, ids: list[int]) -> list[tuple[int, date]]:
        made: list[tuple[int, date]] = []
        for done, chunk in enumerate(tasks.chunks(ids, settings.DIGEST_CHUNK)):
            made += self.expected(chunk)
            ready = digest.compose(chunk, self.at, **self.choice)
            try:
                for batch in tasks.chunks(ready, tasks.SENT_AT_ONCE):
                    digest.deliver(batch)
                    self.progress(f"{done * settings.DIGEST_CHUNK + len(chunk)} of {len(ids)} readers")
            except MailServerUnavailable as error:
                self.mail_server_refuses(str(error))
        self.progress_ends()
        return made

    def expected(self, ids: list[int]) -> list[tuple[int, date]]:
        """The rows that are to be there afterwards: subscription and period."""
        groups = digest.by_period(ids, self.at, day=self.options["date"], force=self.options["force"])
        return [(subscription.pk, period) for period, group in groups.items() for subscription in group]

    def send_through_queue(self, ids: list[int]) -> None:
        expected = [row for chunk in tasks.chunks(ids, settings.DIGEST_CHUNK) for row in self.expected(chunk)]
        try:
            app.connection_for_write().ensure_connection(max_retries=1, interval_start=0, timeout=3)
            tasks.ask_to_compose(ids, **self.choice)
        except (BrokerError, OSError) as error:
            told = " ".join(str(error).split())
            raise CommandError(
                f"The broker did not answer: {told}. Start it (make run), set REDIS_URL, or use --inline.",
                returncode=MISUSE,
            ) from error
        if self.options["no_wait"]:
            self.stdout.write(f"Asked the workers for the digests of {len(ids)} readers.")
            return
        self.wait_for(expected)
        self.report(expected)

    def wait_for(self, expected: list[tuple[int, date]]) -> None:
        seen, since = -1, time.monotonic()
        while True:
            states = self.states_of(expected)
            open_ones = len(expected) - sum(states.values()) + states[State.COMPOSED] + states[State.SENDING]
            done = len(expected) - open_ones
            self.progress(f"{sum(states.values())} composed, {done} of {len(expected)} done")
            if not open_ones:
                break
            if states[State.COMPOSED] and not states[State.SENDING] and (told := self.refusal(expected)):
                self.mail_server_refuses(told)
            if (progress := done * len(expected) + sum(states.values())) != seen:
                seen, since = progress, time.monotonic()
            elif time.monotonic() - since > NOBODY_WORKS_AFTER and not app.control.ping(timeout=2):
                self.progress_ends()
                raise CommandError(
                    "No worker answers: start one (make run), or use --inline. The digests are asked for and not lost.",
                    returncode=MISUSE,
                )
            time.sleep(POLL_SECONDS)
        self.progress_ends()

    def refusal(self, expected: list[tuple[int, date]]) -> str:
        """What stands on the digests if every one that is left waits for another try."""
        left = [row for row in self.rows(expected) if row.state == State.COMPOSED]
        waiting = [row for row in left if row.next_attempt_at and row.next_attempt_at > timezone.now()]
        return waiting[0].state_reason if waiting and len(waiting) == len(left) else ""

    def rows(self, expected: list[tuple[int, date]]) -> list[Digest]:
        rows: list[Digest] = []
        for chunk in tasks.chunks(list(range(len(expected))), 500):
            part = {expected[number] for number in chunk}
            found = (
                Digest.objects.own()
                .filter(subscription__in={pk for pk, _ in part}, period__in={period for _, period in part})
                .defer("items")
            )
            rows += [row for row in found if (row.subscription_id, row.period) in part]
        return rows

    def states_of(self, expected: list[tuple[int, date]]) -> Counter[str]:
        return Counter(row.state for row in self.rows(expected))

    def report(self, expected: list[tuple[int, date]]) -> None:
        states = self.states_of(expected)
        composed = sum(states.values()) - states[State.SKIPPED]
        counts = [
            f"composed {composed}",
            *(f"{state} {states[state]}" for state in (State.SENT, State.SKIPPED, State.FAILED)),
        ]
        others = (State.SUPPRESSED, State.UNCERTAIN, State.SENDING)
        counts += [f"{state} {states[state]}" for state in others if states[state]]
        if states[State.COMPOSED]:
            counts.append(f"waiting for another try {states[State.COMPOSED]}")
        self.stdout.write(", ".join(counts))

    def mail_server_refuses(self, told: str) -> None:
        self.progress_ends()
        told = told.removeprefix("the mail server does not answer: ")
        raise CommandError(
            f"The mail server does not take mail: {told}. Check EMAIL_URL, or start the outbox (make run). "
            "The digests stay composed and are sent once it does.",
            returncode=MISUSE,
        )

    def progress(self, text: str) -> None:
        if self.stderr.isatty():
            self.stderr.write(f"\r{text}\x1b[K", ending="")
            self.stderr.flush()

    def progress_ends(self) -> None:
        self.progress("")


def a_date(text: str) -> date:
    return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).date()


def a_number(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number
