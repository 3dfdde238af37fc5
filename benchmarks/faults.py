"""Everything goes wrong at once, with real parts. Afterwards: who got what, and what does the database say?

Three worker processes, two beats, two dispatchers, an embedded broker and a mail server that misbehaves: it refuses 5%
of the readers for good and 5% for a while, drops 2% of connections within DATA and 2% after the final dot, and stalls
1%. Meanwhile workers are killed with SIGKILL, the broker is restarted twice with its data and once without, and the
database is locked for five seconds.

    python benchmarks/faults.py --readers 2000 --kills 20 --json faults.json
    DATABASE_URL=postgres://postgres@127.0.0.1:5432/postgres python benchmarks/faults.py ...

On PostgreSQL it makes a database of its own and drops it. Exit status 1 if a digest was lost, or a reader has two that
the row does not tell of.
"""

from __future__ import annotations

import argparse
import asyncio
import atexit
import json
import logging
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parent.parent
N_WORKERS = 3
N_BEATS = 2
EMAIL_TIMEOUT = 2
LEASE_SECONDS = 8
LOCKED_SECONDS = 5
# The product's schedule is in minutes; here faults and their mending must fit into one.
HASTY_SETTINGS = f"""
from config.settings import *

CELERY_BEAT_SCHEDULE = {{
    "who-is-due": {{"task": "newsletter.tasks.dispatch_due", "schedule": 3.0}},
    "sweep": {{"task": "newsletter.tasks.sweep", "schedule": 2.0}},
}}
CELERY_BROKER_TRANSPORT_OPTIONS = CELERY_BROKER_TRANSPORT_OPTIONS | {{
    "visibility_timeout": 6, "unacked_restore_interval": 1, "unacked_restore_throttle": 1
}}
EMAIL_TIMEOUT = {EMAIL_TIMEOUT}
"""


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--readers", type=int, default=2000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--policy", choices=["never-twice", "rather-twice"], default="never-twice")
    parser.add_argument("--time-limit", type=int, default=900, metavar="SECONDS")
    parser.add_argument("--json", type=Path, metavar="FILE")
    return parser.parse_args()


# --- the mail server ------------------------------------------------------------------------------------------------


class Misbehaving:
    """What it takes it keeps, by recipient: the Message-IDs of the copies."""

    def __init__(self, seed: int, latency: float) -> None:
        self.random = random.Random(seed)
        self.latency = latency
        self.copies: dict[str, list[str]] = defaultdict(list)
        self.deeds: Counter[str] = Counter()
        self.refused_for_now: Counter[str] = Counter()

    def is_refused_for_good(self, address: str) -> bool:
        return number_of(address) % 20 == 7

    def is_refused_for_now(self, address: str) -> bool:
        return number_of(address) % 20 == 13

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, _options: Any) -> str:
        if self.is_refused_for_good(address):
            self.deeds["refused for good"] += 1
            return "550 5.1.1 there is nobody of that name here"
        if self.is_refused_for_now(address) and self.refused_for_now[address] < 2:
            self.refused_for_now[address] += 1
            self.deeds["refused for now"] += 1
            return "451 4.7.1 come back later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        await asyncio.sleep(self.latency)
        message_id = next(
            line.split(b":", 1)[1].strip().decode()
            for line in envelope.content.split(b"\r\n")
            if line.lower().startswith(b"message-id:")
        )
        self.copies[envelope.rcpt_tos[0]].append(message_id)
        chance = self.random.random()
        if chance < 0.02:
            self.deeds["dropped after the final dot"] += 1
            server.transport.abort()
        elif chance < 0.03:
            self.deeds["stalled"] += 1
            await asyncio.sleep(2 * EMAIL_TIMEOUT)
        return "250 OK"

    def drops_within_data(self) -> bool:
        drops = self.random.random() < 0.02
        self.deeds["dropped within DATA"] += drops
        return drops


def number_of(address: str) -> int:
    return int(address.removeprefix("reader").partition("@")[0])


def mail_server(behaviour: Misbehaving, port: int) -> Any:
    from aiosmtpd.controller import Controller
    from aiosmtpd.smtp import SMTP, syntax

    class DroppingSMTP(SMTP):
        @syntax("DATA")
        async def smtp_DATA(self, arg: str) -> None:
            if behaviour.drops_within_data():
                await self.push("354 End data with <CR><LF>.<CR><LF>")
                await self._reader.readline()  # type: ignore[union-attr]
                self.transport.abort()  # type: ignore[union-attr]
                return
            await super().smtp_DATA(arg)

    class DroppingController(Controller):
        def factory(self) -> SMTP:
            return DroppingSMTP(self.handler, **self.SMTP_kwargs)

    return DroppingController(behaviour, hostname="127.0.0.1", port=port)


# --- the parts that are killed --------------------------------------------------------------------------------------


class Parts:
    """Processes by name, started again when they die, each in a group of its own so that it dies whole."""

    def __init__(self, logs: Path) -> None:
        self.logs = logs
        self.commands: dict[str, list[str]] = {}
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self.lock = threading.Lock()
        self.is_over = False
        atexit.register(self.end)

    def start(self, name: str, *command: str) -> None:
        self.commands[name] = [sys.executable, *command]
        with (self.logs / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                self.commands[name],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def kill(self, name: str) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.running[name].pid, signal.SIGKILL)
        self.running[name].wait()

    def restart(self, name: str, between: Callable[[], object] = lambda: None) -> None:
        with self.lock:
            self.kill(name)
            between()
            self.start(name, *self.commands[name][1:])

    def mend(self) -> None:
        """As a supervisor would: what ended by itself is started again."""
        with self.lock:
            for name, process in list(self.running.items()):
                if process.poll() is not None and not self.is_over:
                    self.start(name, *self.commands[name][1:])

    def end(self) -> None:
        self.is_over = True
        for name in self.running:
            self.kill(name)


# --- a database of its own ------------------------------------------------------------------------------------------


@contextmanager
def own_database(var: Path) -> Any:
    """SQLite in the temporary folder, or a fresh database on the PostgreSQL server that DATABASE_URL names."""
    url = os.environ.get("DATABASE_URL", "")
    if not url.startswith("postgres"):
        os.environ["DATABASE_URL"] = f"sqlite:///{var / 'faults.sqlite3'}"
        yield
        return
    import psycopg

    name = f"broadsheet_faults_{os.getpid()}"
    maintenance = urlsplit(url)._replace(path="/postgres").geturl()  # the one named need not be there yet
    with psycopg.connect(maintenance, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}")
    os.environ["DATABASE_URL"] = urlsplit(url)._replace(path=f"/{name}").geturl()
    try:
        yield
    finally:
        from django.db import connections

        connections.close_all()
        with psycopg.connect(maintenance, autocommit=True) as server:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")


def lock_database(seconds: float) -> None:
    """As a backup or a migration would."""
    from django.db import connection

    try:
        with connection.cursor() as cursor:
            if connection.vendor == "sqlite":
                cursor.execute("BEGIN EXCLUSIVE")
                time.sleep(seconds)
                cursor.execute("COMMIT")
            else:
                cursor.execute("BEGIN")
                cursor.execute("LOCK TABLE newsletter_digest, newsletter_subscription IN ACCESS EXCLUSIVE MODE")
                time.sleep(seconds)
                cursor.execute("COMMIT")
    finally:
        connection.close()


# --- the run --------------------------------------------------------------------------------------------------------


def make_readers(n_readers: int) -> None:
    from django.core.management import call_command

    from accounts.models import User
    from newsletter.models import Subscription
    from papers.models import Paper

    call_command("migrate", verbosity=0)
    now = datetime.now(UTC)
    subjects = ("speech", "robots", "proteins", "markets", "galaxies", "proofs", "vision", "language")
    Paper.objects.bulk_create(
        [
            Paper(
                title=f"On {subjects[n % 8]}, part {n}",
                abstract=f"We study {subjects[n % 8]} with method {n}. It works. " * 3,
                published_at=now - timedelta(hours=1 + n),
                url=f"https://papers.example.org/{n}",
            )
            for n in range(40)
        ]
    )
    users = User.objects.bulk_create([User(email=f"reader{n}@example.org") for n in range(n_readers)])
    Subscription.objects.bulk_create(
        [
            # Whatever the ranker thinks of the papers, everybody is to get some.
            Subscription(user=user, confirmed_at=now, next_digest_at=now, hour=(now.hour - 1) % 24, threshold="low")
            for user in users
        ],
        batch_size=500,
    )


def is_done(n_readers: int) -> bool:
    from newsletter.delivery import MOST_COPIES
    from newsletter.models import Digest

    open_states = (Digest.State.COMPOSED, Digest.State.SENDING)
    rows = Digest.objects.all()
    if rows.count() < n_readers or rows.filter(state__in=open_states).exists():
        return False
    if os.environ["BROADSHEET_UNCERTAIN"] == "never-twice":
        return True
    # "rather twice" sends these again, once the sweep comes by.
    return not rows.filter(state=Digest.State.UNCERTAIN, times_handed_over__lt=MOST_COPIES).exists()


def judge(mail: Misbehaving, n_readers: int) -> dict[str, Any]:
    """What each reader has against what their row says."""
    from newsletter.delivery import MAY_COME_TWICE
    from newsletter.models import Digest

    rows: dict[str, list[Digest]] = defaultdict(list)
    for row in Digest.objects.select_related("subscription__user"):
        rows[row.subscription.user.email].append(row)
    lost, untold, uncertain, undelivered = [], [], 0, 0
    doubled = 0
    for number in range(n_readers):
        address = f"reader{number}@example.org"
        copies = mail.copies.get(address, [])
        row = rows[address][0] if len(rows[address]) == 1 else None
        state = row.state if row else "no row"
        is_told = row is not None and (state == "uncertain" or row.state_reason == MAY_COME_TWICE)
        if len(copies) > 1:
            doubled += 1
            if not is_told or len(set(copies)) > 1:
                untold.append(address)
        uncertain += is_told
        undelivered += state == "uncertain" and not copies
        is_right = (
            (state == "sent" and copies)
            or state == "uncertain"
            or (state == "failed" and mail.is_refused_for_good(address) and not copies)
        )
        if not is_right:
            lost.append(f"{address} {state}")
    return {
        "readers": n_readers,
        "sent": Digest.objects.filter(state="sent").count(),
        "failed": Digest.objects.filter(state="failed").count(),
        "lost": len(lost),
        "doubled": doubled,
        "doubled_untold": len(untold),
        "uncertain": uncertain,
        "uncertain_undelivered": undelivered,
        "examples": [*lost[:3], *untold[:3]],
    }


def run(chosen: argparse.Namespace, var: Path, port: int) -> dict[str, Any]:
    import django

    django.setup()
    from django.conf import settings
    from django.db import connection

    make_readers(chosen.readers)
    logging.getLogger("mail.log").setLevel(logging.ERROR)  # it tells of every connection that broke
    # Slow enough that workers are killed while they speak to it.
    mail = Misbehaving(chosen.seed, latency=0.05)
    controller = mail_server(mail, port)
    controller.start()
    parts = Parts(var)
    chance = random.Random(chosen.seed)
    celery = ("-m", "celery", "-A", "config")
    worker = ("worker", "-P", "solo", "-Q", "celery", "--without-gossip", "--without-mingle", "-l", "WARNING")
    started = time.monotonic()

    def wipe() -> None:
        shutil.rmtree(settings.EMBEDDED_BROKER_DIR / "appendonlydir", ignore_errors=True)

    try:
        parts.start("broker", "-m", "config.embedded.valkey")
        while not settings.EMBEDDED_BROKER_SOCKET.exists():
            time.sleep(0.1)
        for n in range(N_WORKERS):
            parts.start(f"worker{n}", *celery, *worker, "-n", f"w{n}@%h")
        for n in range(N_BEATS):
            parts.start(f"beat{n}", *celery, "beat", "-l", "WARNING", "-s", str(var / f"beat{n}"))
        dispatchers = [
            subprocess.Popen(
                [sys.executable, "manage.py", "send_digests", "--no-wait"], cwd=ROOT, stdout=subprocess.DEVNULL
            )
            for _ in range(2)
        ]
        for dispatcher in dispatchers:
            dispatcher.wait()
        faults: list[Callable[[], object]] = [lambda: parts.restart(f"worker{chance.randrange(N_WORKERS)}")]
        faults *= chosen.kills
        rarely: list[Callable[[], object]] = [
            lambda: parts.restart("broker"),
            lambda: lock_database(LOCKED_SECONDS),
            lambda: parts.restart("broker", wipe),
            lambda: parts.restart("broker"),
        ]
        for n, fault in enumerate(rarely, start=1):
            faults.insert(n * len(faults) // (len(rarely) + 1), fault)
        wait_for(lambda: bool(mail.copies) or is_done(chosen.readers), chosen.time_limit)
        for fault in faults:
            time.sleep(chance.uniform(0.5, 2.5))
            fault()
            parts.mend()
        deadline = started + chosen.time_limit
        while not is_done(chosen.readers) and time.monotonic() < deadline:
            connection.close()
            parts.mend()
            time.sleep(0.5)
        seconds = time.monotonic() - started
        report = judge(mail, chosen.readers)
    finally:
        parts.end()
        with suppress(Exception):
            controller.stop()
    return report | {"kills": chosen.kills, "seconds": round(seconds, 1), "deeds": dict(mail.deeds)}


def wait_for(happened: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not happened() and time.monotonic() < deadline:
        time.sleep(0.2)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def main() -> int:
    chosen = options()
    var = Path(tempfile.mkdtemp(prefix="broadsheet-faults-"))
    (var / "faults_settings.py").write_text(HASTY_SETTINGS)
    port = free_port()
    sys.path[:0] = [str(ROOT), str(var)]
    os.environ.pop("REDIS_URL", None)
    os.environ |= {
        "BROADSHEET_VAR": str(var),
        "DJANGO_SETTINGS_MODULE": "faults_settings",
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(var)]),
        "EMAIL_URL": f"smtp://127.0.0.1:{port}",
        "BROADSHEET_LEASE_SECONDS": str(LEASE_SECONDS),
        "BROADSHEET_RETRY_SECONDS": "2",
        "BROADSHEET_DIGEST_CHUNK": "100",
        "BROADSHEET_UNCERTAIN": chosen.policy,
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
    try:
        with own_database(var):
            report = run(chosen, var, port)
    finally:
        if not os.environ.get("KEEP_FAULTS"):
            shutil.rmtree(var, ignore_errors=True)
    database = "postgresql" if os.environ["DATABASE_URL"].startswith("postgres") else "sqlite"
    report |= {"database": database, "policy": chosen.policy}
    for key, value in report.items():
        print(f"{key:24} {value}")
    if chosen.json:
        chosen.json.write_text(json.dumps(report, indent=2) + "\n")
    return 1 if report["lost"] or report["doubled_untold"] else 0


if __name__ == "__main__":
    raise SystemExit(main())
