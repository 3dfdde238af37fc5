"""The whole job once, with embedded parts only: SQLite, a Valkey broker, a Celery worker, a local outbox.

It starts afresh each time, and clears away only what it made itself. Services that are set up elsewhere
(DATABASE_URL, REDIS_URL, EMAIL_URL) are left alone.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import django
from django.core.management.base import CommandError
from rich.console import Console

from config.claim import claimed
from config.commandline import clear_errors, fail
from config.demo.kept import KeptDemo
from config.embedded import EmbeddedError
from config.embedded.outbox import embedded_outbox
from config.embedded.valkey import embedded_broker
from papers.importing import readable_files

CATALOGUE = Path(__file__).parent / "catalogue.jsonl"
EMBEDDED_PARTS_ONLY = {
    "DJANGO_SETTINGS_MODULE": "config.settings",
    "DATABASE_URL": "",
    "REDIS_URL": "",
    "EMAIL_URL": "",
    "BROADSHEET_WINDOW_ANCHOR": "newest",
    "DEBUG": "0",
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m config.demo", description=__doc__)
    parser.add_argument("--papers", nargs="+", metavar="FILE", help="JSON Lines instead of the bundled catalogue")
    parser.add_argument("--reads", nargs="+", metavar="FILE", help="JSON Lines instead of simulated readers")
    chosen = parser.parse_args()
    readable_files([*(chosen.papers or []), *(chosen.reads or [])])  # before anything is cleared away
    os.environ.update(EMBEDDED_PARTS_ONLY)
    from django.conf import settings

    with claimed(settings.VAR_DIR):
        make_room()
        django.setup()
        with (
            embedded_broker(settings.EMBEDDED_BROKER_SOCKET),
            embedded_outbox(settings.OUTBOX_DIR, port=0) as outbox_port,
        ):
            run(chosen.papers or [str(CATALOGUE)], chosen.reads, outbox_port)


def make_room() -> None:
    """Clear away what an earlier demo left."""
    from django.conf import settings

    database: Path = settings.EMBEDDED_DATABASE
    if not KeptDemo.file(settings.VAR_DIR).exists() and holds_anything(database):
        raise EmbeddedError(f"{database} was not made by the demo: move it away, or set BROADSHEET_VAR.")
    kept_elsewhere = (settings.OUTBOX_DIR, settings.ARTIFACTS_DIR, settings.EMBEDDED_BROKER_DIR)
    for folder in (*kept_elsewhere, KeptDemo.file(settings.VAR_DIR).parent):
        shutil.rmtree(folder, ignore_errors=True)
    for suffix in ("", "-wal", "-shm"):
        Path(f"{database}{suffix}").unlink(missing_ok=True)


def holds_anything(database: Path) -> bool:
    """Whether papers or readers are in it; an empty site, as `make run` makes one, is nobody's loss."""
    if not database.exists():
        return False
    with closing(sqlite3.connect(database)) as connection:
        try:
            found = connection.execute(
                "SELECT EXISTS (SELECT 1 FROM papers_paper) OR EXISTS (SELECT 1 FROM accounts_user)"
            )
            return bool(found.fetchone()[0])
        except sqlite3.OperationalError:  # no such table
            return False
        except sqlite3.DatabaseError:  # no database
            return True


def run(papers: list[str], reads: list[str] | None, outbox_port: int) -> None:
    from django.conf import settings

    from config.demo.job import Steps, Window, name_readers, simulate_reads, worker
    from config.demo.login import make_login
    from config.demo.report import Report

    console = Console(highlight=False)
    demo = KeptDemo.file(settings.VAR_DIR).parent
    login = KeptDemo.new()
    login.save(settings.VAR_DIR)
    steps = Steps(console, demo / "demo.log")
    steps.command("migrate", "An empty database", "--verbosity", "0")
    steps.command("import_papers", "The catalogue", *papers)
    window = Window.of_catalogue()
    names: dict[str, str] = {}
    if reads is None:
        with steps.timed("simulate_reads", "Simulated readers"):
            names = simulate_reads(demo / "reads.jsonl")
        reads = [str(demo / "reads.jsonl")]
    steps.command("import_reads", "What readers read", "--subscribe", *(["--simulated"] if names else []), *reads)
    name_readers(names)
    steps.command("embed_papers", "Vectors of all papers")
    steps.command("train_recommender", "The ranker")
    with worker(demo / "worker.log", outbox_port):
        edition = ("--date", f"{window.day}", "--window-days", f"{window.days}")
        steps.command("send_digests", "Everybody's digest, composed and sent by a worker", "--force", *edition)
    report = Report.of_database(steps.seconds)
    report.write(demo / "report.json")
    login = make_login(login, window.days)
    login.save(settings.VAR_DIR)
    show_one_mail(settings.OUTBOX_DIR)
    report.show(console)
    tell_where_to_look(console, login)
    if not report.digests_sent or report.digests_sent < report.digests_composed:
        sent = f"Only {report.digests_sent} of {report.digests_composed} digests were sent"
        raise CommandError(f"{sent}; {demo / 'worker.log'} says why.")


def show_one_mail(outbox: Path) -> None:
    for text in sorted(outbox.glob("*.txt"))[:1]:
        print(f"\n--- {text} ---\n{text.read_text()}\n---\n")


def tell_where_to_look(console: Console, login: KeptDemo) -> None:
    from django.conf import settings

    for what, where in {
        "every mail": f"{settings.OUTBOX_DIR}/*.eml, *.html, *.txt",
        "the figures": f"{KeptDemo.file(settings.VAR_DIR).parent / 'report.json'}",
        "the site": f"make run, then log in as {login.email} with the password {login.password}",
    }.items():
        console.print(f"{what:<12}  {where}", soft_wrap=True)


if __name__ == "__main__":
    with clear_errors():
        try:
            main()
        except CommandError as error:
            fail(str(error), error.returncode)
