"""The whole house on loopback: database, broker, outbox, worker and site, each a real process or server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import psycopg

from config.demo.readers import ReadablePaper, simulated_readers, simulated_reads
from config.embedded.outbox import embedded_outbox
from config.embedded.tether import stop, tethered
from config.embedded.valkey import embedded_broker
from tests.processes import ROOT, environment, free_port, run, short_var, wait_until

CATALOGUE = ROOT / "config" / "demo" / "catalogue.jsonl"
PAPERS = [json.loads(line) for line in CATALOGUE.read_text().splitlines()]


class House:
    def __init__(self, var: Path, env: dict[str, str], site: str) -> None:
        self.var, self.env, self.site = var, env, site
        self.outbox = var / "outbox"
        self.broker_socket = var / "broker" / "broker.sock"

    def with_embedded_broker(self) -> House:
        return House(self.var, {name: value for name, value in self.env.items() if name != "REDIS_URL"}, self.site)

    def broker(self) -> AbstractContextManager[None]:
        return nullcontext() if "REDIS_URL" in self.env else embedded_broker(self.broker_socket)

    def manage(self, *command: str) -> str:
        result = run("manage.py", *command, env=self.env, timeout=300)
        assert result.returncode == 0, f"{command}: {result.stdout}{result.stderr}"
        return result.stdout

    def start(self, *command: str, log: str) -> subprocess.Popen[bytes]:
        with (self.var / log).open("ab") as output:
            return subprocess.Popen(
                tethered([sys.executable, *command]),
                cwd=ROOT,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @contextmanager
    def running(self, *command: str, log: str) -> Iterator[subprocess.Popen[bytes]]:
        process = self.start(*command, log=log)
        try:
            yield process
        finally:
            stop(process)

    @contextmanager
    def worker(self) -> Iterator[None]:
        """A Celery worker with two processes of its own, as in production."""
        options = ("--concurrency", "2", "--without-gossip", "--without-mingle", "--loglevel", "INFO")
        with self.running("-m", "celery", "-A", "config", "--quiet", "worker", *options, log="worker.log"):
            assert wait_until(lambda: b"ready." in (self.var / "worker.log").read_bytes(), 60)
            yield

    def mails(self, address: str) -> list[EmailMessage]:
        """What lies in the mailbox, oldest first."""
        files = sorted(self.outbox.glob(f"*-{address}-*.eml"))
        return [message_from_bytes(file.read_bytes(), policy=policy.default) for file in files]


def redis() -> dict[str, str]:
    """REDIS_URL, where the suite has one: a database beside those that its processes use for themselves."""
    server, _, number = os.environ.get("REDIS_URL", "").rpartition("/")
    return {"REDIS_URL": f"{server}/{int(number) + 4}"} if server else {}


@contextmanager
def database() -> Iterator[dict[str, str]]:
    """DATABASE_URL of an empty database: one of its own where the suite runs on PostgreSQL, else SQLite in var/."""
    server, _, name = os.environ.get("DATABASE_URL", "").rpartition("/")
    if not server.startswith("postgres"):
        yield {}
        return
    own = f"{name}_journey_{os.getpid()}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{own}"')  # type: ignore[arg-type]
        connection.execute(f'CREATE DATABASE "{own}"')  # type: ignore[arg-type]
        try:
            yield {"DATABASE_URL": f"{server}/{own}"}
        finally:
            connection.execute(f'DROP DATABASE "{own}" WITH (FORCE)')  # type: ignore[arg-type]


@contextmanager
def house() -> Iterator[House]:
    """A site with the demo's catalogue, its simulated readers subscribed, everything embedded and a ranker trained."""
    with ExitStack() as held:
        var = held.enter_context(short_var())
        outbox_port = held.enter_context(embedded_outbox(var / "outbox", 0))
        port = free_port()
        site = f"http://127.0.0.1:{port}"
        own = {
            "EMAIL_URL": f"smtp://127.0.0.1:{outbox_port}",
            "BROADSHEET_BASE_URL": site,
            "BROADSHEET_MAIL_DOMAIN": "papers.example.org",
            "BROADSHEET_WINDOW_ANCHOR": "newest",
            "BROADSHEET_WINDOW_DAYS": "150",
            "OMP_NUM_THREADS": "1",  # the suite's other process has the other core
        }
        built = House(var, environment(var, **own, **redis(), **held.enter_context(database())), site)
        built.manage("migrate", "--verbosity", "0")
        built.manage("import_papers", str(CATALOGUE))
        reads = var / "reads.jsonl"
        reads.write_text("".join(json.dumps(read) + "\n" for read in reads_of_the_catalogue()))
        built.manage("import_reads", "--subscribe", "--simulated", str(reads))
        built.manage("embed_papers")
        built.manage("train_recommender")
        held.enter_context(
            built.running(
                *("-m", "gunicorn", "config.wsgi", "--bind", f"127.0.0.1:{port}", "--threads", "2"),
                "--no-control-socket",
                log="site.log",
            )
        )
        assert wait_until(lambda: is_up(site)), (var / "site.log").read_text()
        yield built


def reads_of_the_catalogue() -> Iterator[object]:
    papers = [
        ReadablePaper(row["id"], tuple(row["topics"]), datetime.fromisoformat(row["published_at"] + "T00:00Z"), 0)
        for row in PAPERS
    ]
    yield from simulated_reads(simulated_readers(papers, 20), papers, datetime(2025, 6, 1, tzinfo=UTC))


def is_up(site: str) -> bool:
    try:
        with urllib.request.urlopen(site, timeout=5) as response:
            return bool(response.status == 200)
    except OSError:
        return False
