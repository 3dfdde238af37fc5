"""catalogue -> readers and reads -> vectors -> ranker -> digests -> outbox: each a manage.py command, timed."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db.models import Max
from django.utils import timezone
from rich.console import Console

from accounts.models import User
from config.celery import app
from config.demo.readers import ReadablePaper, simulated_readers, simulated_reads
from config.embedded.tether import stop, tethered
from papers.models import Identifier, Paper

IMPORTS = ("import_papers", "import_reads")
SOME_LINES_REJECTED = 1  # an import's exit status when it kept the good ones
WORKER_START_SECONDS = 90
NEW_SHARE = 0.2  # of the catalogue: the candidates of the demo's edition


@dataclass
class Steps:
    """Runs commands one after another, tells what each did, and keeps how long it took."""

    console: Console
    log: Path
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def timed(self, name: str, title: str) -> Iterator[None]:
        self.console.print(f"[bold]{title}[/bold]  [dim]{name}[/dim]")
        start = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - start, 2)
        self.console.print(f"  [dim]{self.seconds[name]:.1f} s[/dim]")

    def command(self, name: str, title: str, *arguments: str) -> None:
        """Run a manage.py command; CommandError names the step where it fails."""
        out, err = io.StringIO(), io.StringIO()
        try:
            with self.timed(name, title):
                call_command(name, *arguments, stdout=out, stderr=err, no_color=True)
        except CommandError as error:
            if name not in IMPORTS or error.returncode != SOME_LINES_REJECTED:
                raise CommandError(f"{name}: {error}", returncode=error.returncode) from error
            self.tell_rejected(name, err.getvalue().splitlines(), str(error))
        finally:
            with self.log.open("a") as log:
                log.write(f"$ manage.py {name} {' '.join(arguments)}\n{err.getvalue()}{out.getvalue()}\n")
        for line in out.getvalue().splitlines()[-1:]:
            self.console.print(f"  {line}", markup=False)

    def tell_rejected(self, name: str, rejections: Sequence[str], said: str) -> None:
        first = rejections[0] if rejections else said
        self.console.print(f"  [yellow]{said}[/yellow] The first: ", end="")
        self.console.print(f"{first}. All of them: {self.log}", markup=False)
        if name == "import_papers" and not Paper.objects.exists():
            raise CommandError(f"import_papers: no paper could be read; {first}", returncode=2)
        if name == "import_reads" and not User.objects.filter(interactions__isnull=False).exists():
            raise CommandError(f"import_reads: no read could be used; {first}", returncode=2)


@dataclass(frozen=True)
class Window:
    """The demo's edition: the day after the newest paper, its candidates the newest papers of the catalogue."""

    day: date
    days: int

    @classmethod
    def of_catalogue(cls) -> Window:
        papers = Paper.objects.published().order_by("published_at")
        newest = papers.aggregate(newest=Max("published_at"))["newest"]
        first = papers.values_list("published_at", flat=True)[int(papers.count() * (1 - NEW_SHARE))]
        return cls(newest.date() + timedelta(days=1), (newest.date() - first.date()).days + 1)


def simulate_reads(file: Path) -> dict[str, str]:
    """Write what simulated readers read of the catalogue; their names by address."""
    papers = [
        ReadablePaper(
            name_of(paper.identifiers.all()[0]),
            tuple(topic.name for topic in paper.topics.all()),
            paper.published_at,
            paper.upvotes,
        )
        for paper in Paper.objects.published().order_by("pk").prefetch_related("identifiers", "topics")
    ]
    readers = simulated_readers(papers)
    if not readers:
        raise CommandError("Simulated readers choose by topic, and no paper has one: give --reads too.", returncode=2)
    until = min(max(paper.published_at for paper in papers) + timedelta(days=1), timezone.now())
    with file.open("w") as out:
        for read in simulated_reads(readers, papers, until):
            out.write(json.dumps(read) + "\n")
    return {reader.email: reader.name for reader in readers}


def name_of(identifier: Identifier) -> str:
    """As a source writes it: arxiv:2401.00001, but citeulike:42."""
    return identifier.value if identifier.scheme == Identifier.Scheme.OTHER else str(identifier)


def name_readers(names: dict[str, str]) -> None:
    users = list(User.objects.filter(email__in=names))
    for user in users:
        user.name = names[user.email]
    User.objects.bulk_update(users, ["name"])


@contextmanager
def worker(log: Path, outbox_port: int) -> Iterator[None]:
    """A Celery worker that mails to the outbox, while this is held."""
    command = [sys.executable, "-m", "celery", "-A", "config", "--quiet", "worker", "--pool", "solo"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            tethered([*command, "--without-gossip", "--without-mingle", "--loglevel", "INFO"]),
            cwd=settings.BASE_DIR,
            env=os.environ | {"EMAIL_URL": f"smtp://127.0.0.1:{outbox_port}"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + WORKER_START_SECONDS
        while not app.control.ping(timeout=1):
            if process.poll() is not None or time.monotonic() > deadline:
                raise CommandError(f"The worker did not start; {log} says why.")
        yield
    finally:
        stop(process)
