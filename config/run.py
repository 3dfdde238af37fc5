"""`make run`: site, worker, beat, broker and outbox in one terminal; when one ends, all do.

What the demo left in var/ is shown as it left it; otherwise the site starts empty.
"""

from __future__ import annotations

import argparse
import errno
import multiprocessing
import os
import shlex
import signal
import socket
import sys
from contextlib import ExitStack
from typing import Any

import django
from django.conf import settings
from django.core.management import call_command
from honcho.manager import SIGNALS, Manager
from honcho.process import Process
from rich.console import Console

from config.claim import claimed
from config.commandline import clear_errors
from config.demo.kept import KeptDemo
from config.embedded import EmbeddedError
from config.embedded.tether import die_with, tethered
from config.embedded.valkey import embedded_broker

LOOPBACK = "127.0.0.1"
ASKED_TO_END = [as_honcho["rc"] for as_honcho in SIGNALS.values()]


class TetheredProcess(Process):  # type: ignore[misc]
    """honcho forks a process that starts and watches the command. Both end with honcho, even when it is killed."""

    cmd: Any

    def run(self, events: Any = None, ignore_signals: bool = False) -> None:
        parent = multiprocessing.parent_process()
        assert parent is not None
        assert parent.pid is not None
        die_with(parent.pid)
        command: list[str] = self.cmd
        self.cmd = f"exec {shlex.join(tethered(command))}"
        super().run(events, ignore_signals)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m config.run", description=__doc__)
    parser.add_argument("--port", type=int, default=8000, help="the site's port on loopback (8000)")
    port: int = parser.parse_args().port
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    os.environ["DEBUG"] = "1"
    os.environ.setdefault("BROADSHEET_BASE_URL", f"http://localhost:{port}")
    with ExitStack() as held:
        held.enter_context(claimed(settings.VAR_DIR))
        must_be_free(port, "end what listens there, or run make run ARGS='--port 8001'")
        if not settings.EMAIL_URL:
            must_be_free(settings.OUTBOX_PORT, "set BROADSHEET_OUTBOX_PORT to a free one")
        demo = None if settings.DATABASE_URL else KeptDemo.load(settings.VAR_DIR)
        django.setup()
        call_command("migrate", verbosity=0)
        if not settings.REDIS_URL:
            # Held here, so that it is up before the worker and gone after it: a worker told to end while its broker
            # is away may never do so.
            held.enter_context(embedded_broker(settings.EMBEDDED_BROKER_SOCKET))
        tell(port, demo)
        return serve(port, os.environ | (demo.environment() if demo else {}))


def must_be_free(
    port: int, or_else: str = "end what listens there, or choose another: make run ARGS='--port 8001'"
) -> None:
    try:
        socket.create_server((LOOPBACK, port)).close()
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise
        raise EmbeddedError(f"Port {port} is taken: {or_else}.") from None


def tell(port: int, demo: KeptDemo | None) -> None:
    site = f"http://localhost:{port}"
    told = {"Broadsheet": f"{site}/", "admin": f"{site}/admin/"}
    if not settings.EMAIL_URL:
        told["outbox"] = f"{site}/outbox/"
    if demo:
        told["demo login"] = f"{demo.email}, password {demo.password} (an editor, on this machine only)"
    else:
        told["first editor"] = ".venv/bin/python manage.py createsuperuser"
    console = Console(highlight=False)
    for what, where in told.items():
        console.print(f"[bold]{what:<12}[/bold]  {where}", soft_wrap=True)
    console.print("Ctrl-C ends all of it.\n")


def serve(port: int, environment: dict[str, str]) -> int:
    """Until told to end (0), or until one of the processes ends by itself (1)."""
    manager = Manager()
    manager._process_ctor = TetheredProcess  # honcho has no argument for it
    for name, command in commands(port).items():
        manager.add_process(name, command, env=environment | {"PYTHONUNBUFFERED": "1"})
    manager.loop()
    return 0 if manager.returncode in ASKED_TO_END else 1


def commands(port: int) -> dict[str, list[str]]:
    python = [sys.executable, "-m"]
    celery = [*python, "celery", "-A", "config", "--quiet"]
    chosen = {
        "site": [
            *(*python, "gunicorn", "config.wsgi", "--bind", f"{LOOPBACK}:{port}", "--threads", "4"),
            *("--reload", "--no-control-socket", "--graceful-timeout", "2"),
        ],
        # One process that does one task at a time: enough here, and nothing of it can be left over.
        "worker": [*celery, "worker", "--pool", "solo", "--loglevel", "INFO", "--without-gossip", "--without-mingle"],
        "beat": [*celery, "beat", "--loglevel", "INFO"],
    }
    if not settings.REDIS_URL:
        chosen["broker"] = [*python, "config.embedded.valkey"]  # shares the one held here, and tells when it is gone
    if not settings.EMAIL_URL:
        chosen["outbox"] = [*python, "config.embedded.outbox"]
    return chosen


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # until honcho takes it
    with clear_errors():
        raise SystemExit(main())
