"""Our processes as an operator starts them, each test's with a var/ folder and ports of its own."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SERVICES = ("DATABASE_URL", "REDIS_URL", "EMAIL_URL")


@contextmanager
def short_var() -> Iterator[Path]:
    """A var/ folder with a short path: pytest's own are too deep for a socket."""
    folder = Path(tempfile.mkdtemp(prefix="bs-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def environment(var: Path, **more: str) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if name not in SERVICES}
    own = {"BROADSHEET_VAR": str(var), "TMPDIR": str(var), "DJANGO_SETTINGS_MODULE": "config.settings"}
    return inherited | own | more


def run(*command: str, env: Mapping[str, str], timeout: float = 180) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
    )


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def wait_until(condition: Callable[[], bool], seconds: float = 30) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False


def living(var: Path) -> list[str]:
    """The commands of all processes that were started for this var/ folder, zombies left out."""
    mark = f"BROADSHEET_VAR={var}".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (process / "environ").read_bytes().split(b"\0"):
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue  # it ended while we looked
    return found


def end(process: subprocess.Popen[str], number: signal.Signals = signal.SIGTERM, timeout: float = 20) -> int:
    process.send_signal(number)
    process.communicate(timeout=timeout)
    return process.returncode
