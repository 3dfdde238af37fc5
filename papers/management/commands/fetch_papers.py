"""manage.py fetch_papers [SOURCE...]: ask sources for papers now."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.dateparse import parse_date

from papers.models import Source, SourceRun
from papers.source_runs import AlreadyRunning, run_source


class Command(BaseCommand):
    help = "Fetch papers from the named sources, or from all that are enabled."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "sources", nargs="*", metavar="SOURCE", help="names as in the admin; without any, all enabled ones"
        )
        parser.add_argument("--since", metavar="DAY", help="announced on this day or later, as 2024-06-03 (a backfill)")
        parser.add_argument("--until", metavar="DAY", help="announced on this day or earlier")
        parser.add_argument("--dry-run", action="store_true", help="ask and report, change nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        since, until = day_option("--since", options["since"]), day_option("--until", options["until"])
        if until:
            until += timedelta(days=1)
        if since and since >= (until or timezone.now()):
            raise CommandError("--since must be before --until and before now.", returncode=2)
        failed = 0
        for source in self.chosen(options["sources"]):
            try:
                run = run_source(source, since=since, until=until, dry_run=options["dry_run"], on_page=self.show)
            except AlreadyRunning as error:
                self.stderr.write(f"{error}; it is left alone")
                continue
            self.stdout.write(f"{source}: {sentence(run)}{' (dry run: nothing kept)' if options['dry_run'] else ''}")
            failed += run.state == SourceRun.State.FAILED
        if failed:
            raise CommandError(f"{failed} of the sources failed; their rows in the admin say since when.", returncode=1)

    def chosen(self, names: list[str]) -> list[Source]:
        if not names:
            enabled = list(Source.objects.filter(enabled=True))
            if not enabled:
                raise CommandError("No source is enabled. Enable one in the admin, or name one.", returncode=2)
            return enabled
        known = {source.name: source for source in Source.objects.filter(name__in=names)}
        if missing := [name for name in names if name not in known]:
            every = ", ".join(Source.objects.values_list("name", flat=True)) or "none"
            raise CommandError(f"There is no source {missing[0]}. There are: {every}.", returncode=2)
        return [known[name] for name in dict.fromkeys(names)]

    def show(self, run: SourceRun) -> None:
        if self.stderr.isatty():
            self.stderr.write(f"\r{run.source}: {sentence(run)}  ", ending="")
            self.stderr.flush()


def day_option(name: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        day = parse_date(text)
    except ValueError:
        day = None
    if day is None:
        raise CommandError(f"{name} {text} is not a day, as 2024-06-03.", returncode=2)
    return datetime.combine(day, time(), UTC)


def sentence(run: SourceRun) -> str:
    counts = f"added {run.added}, updated {run.updated}, unchanged {run.unchanged}, set aside {run.set_aside}"
    return f"{counts}, requests {run.n_requests}" + (f"; failed: {run.error}" if run.error else "")
