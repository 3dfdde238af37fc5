"""The ways in, with manners: what the operator can mend is one clear line and exit status 2, not a traceback."""

from __future__ import annotations

import errno
import os
import smtplib
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line
from django.db import Error as DatabaseError
from environs import EnvError, EnvValidationError
from kombu.exceptions import OperationalError as BrokerUnreachable
from redis.exceptions import RedisError

from config.embedded import EmbeddedError

NOT_MIGRATED = ("no such table", "no such column", 'relation "', 'column "')
DISK_FULL = ("database or disk is full", "no space left on device")
INTERRUPTED = 130  # what a shell expects of a program ended by Ctrl-C


def execute(argv: list[str]) -> None:
    """manage.py; with --traceback errors come as they are."""
    if "--traceback" in argv:
        execute_from_command_line(argv)
        return
    with clear_errors():
        execute_from_command_line(argv)


@contextmanager
def clear_errors() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        raise SystemExit(INTERRUPTED) from None
    except Exception as error:
        message = explanation(error)
        if message is None:
            raise
        fail(message)


def explanation(error: Exception) -> str | None:
    """What went wrong and what to do about it; None for what is nobody's mistake but ours."""
    said = one_line(error)
    match error:
        case EmbeddedError():
            return str(error)
        case EnvValidationError():
            plain = said.replace("['", "").replace(".']", "")
            return f"A setting is wrong: {plain}. See .env.example."
        case EnvError() | ImproperlyConfigured():
            return f"A setting is wrong: {said}. See .env.example."
        case DatabaseError():
            return database_explanation(said)
        case BrokerUnreachable() | RedisError():
            return f"The broker did not answer: {said}. Start it (make run), set REDIS_URL, or use --inline."
        case smtplib.SMTPException():
            return f"The mail server refused: {said}. Check EMAIL_URL and BROADSHEET_FROM_ADDRESS."
        case ConnectionError() | TimeoutError() | socket.gaierror():
            # A database's and a broker's come wrapped, so this one is the mail server's.
            return f"The mail server did not answer: {said}. Check EMAIL_URL, or start the outbox (make run)."
        case OSError(errno=errno.ENOSPC):
            return f"The disk is full: {said}. Make room, then run it again."
        case OSError(filename=str() | bytes()):
            return f"{error.filename!s}: {error.strerror}. Check the path and its permissions (BROADSHEET_VAR)."
    return None


def database_explanation(said: str) -> str | None:
    if any(sign in said for sign in NOT_MIGRATED) and ("no such" in said or "does not exist" in said):
        return "The database is not set up or not up to date. Run: python manage.py migrate"
    if any(sign in said.lower() for sign in DISK_FULL):
        return f"The disk is full: {said}. Make room, then run it again."
    if "constraint" in said.lower():
        return None
    return f"The database did not answer: {said}. Check DATABASE_URL and BROADSHEET_VAR."


def one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300].rstrip(".")


def fail(message: str, status: int = 2) -> NoReturn:
    print(message, file=sys.stderr)
    try:
        sys.stdout.flush()
    except OSError:  # what it still holds cannot be written, and Python's own try at exit would say so in its own words
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    raise SystemExit(status)
