"""The embedded outbox: an SMTP server on loopback that delivers into a folder, each mail as .eml, .html and .txt.

`python -m config.embedded.outbox` holds it in the foreground.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import re
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session
from django.utils.text import slugify

from config.embedded import EmbeddedError

LOOPBACK = "127.0.0.1"
logger = logging.getLogger(__name__)


@contextmanager
def embedded_outbox(folder: Path, port: int) -> Iterator[int]:
    """Mail sent to the port (0: any free one; the one taken is given) lies in the folder once SMTP has said 250."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        listener = socket.create_server((LOOPBACK, port))
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise
        raise EmbeddedError(
            f"Port {port} is taken: set BROADSHEET_OUTBOX_PORT, or EMAIL_URL for a real server."
        ) from None
    loop = asyncio.new_event_loop()
    delivery = Delivery(folder)
    server = loop.run_until_complete(
        loop.create_server(lambda: SMTP(delivery, hostname="localhost", enable_SMTPUTF8=True, loop=loop), sock=listener)
    )
    thread = threading.Thread(target=loop.run_forever, name="outbox", daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        server.close()
        loop.run_until_complete(end_sessions())
        loop.close()


async def end_sessions() -> None:
    sessions = asyncio.all_tasks() - {asyncio.current_task()}
    for session in sessions:
        session.cancel()
    await asyncio.gather(*sessions, return_exceptions=True)


class Delivery:
    """What aiosmtpd calls for each mail."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        content = envelope.original_content or b""
        try:
            for recipient in envelope.rcpt_tos:
                keep(self.folder, recipient, content, datetime.now(UTC))
        except OSError as error:
            logger.error("A mail could not be kept in %s: %s", self.folder, error)
            return "452 The outbox cannot write"
        return "250 Kept"


def keep(folder: Path, recipient: str, content: bytes, at: datetime) -> Path:
    """Write one mail; the .eml, which says that the mail is there, comes last."""
    message = message_from_bytes(content, policy=policy.default)
    name = unused_name(folder, readable_name(recipient, str(message.get("Subject", "")), at))
    for subtype, suffix in (("html", ".html"), ("plain", ".txt")):
        if (part := text_part(message, subtype)) is not None:
            write_atomically(folder / f"{name}{suffix}", part.encode("utf-8", "replace"))
    kept = folder / f"{name}.eml"
    write_atomically(kept, content)
    return kept


def readable_name(recipient: str, subject: str, at: datetime) -> str:
    """2025-05-09-070000-reader@example.org-your-papers: sorts by time, safe as a file's name whatever was mailed."""
    address = re.sub(r"[^A-Za-z0-9@._+-]", "_", recipient)[:80].lstrip(".")
    return "-".join(filter(None, [f"{at:%Y-%m-%d-%H%M%S}", address, slugify(subject)[:60].strip("-")]))


def unused_name(folder: Path, name: str) -> str:
    """Two mails of one second, recipient and subject are still two. Only one thread delivers, so nothing races."""
    unused, number = name, 1
    while (folder / f"{unused}.eml").exists():
        number += 1
        unused = f"{name}-{number}"
    return unused


def text_part(message: EmailMessage, subtype: str) -> str | None:
    part = message.get_body((subtype,))
    if part is None:
        return None
    try:
        return str(part.get_content()).replace("\r\n", "\n")
    except (LookupError, ValueError, KeyError):  # a charset or an encoding nobody knows: the .eml still has it
        return None


def write_atomically(path: Path, content: bytes) -> None:
    aside = path.with_name(f".{path.name}.part")
    try:
        aside.write_bytes(content)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def hold(folder: Path, port: int) -> None:
    told_to_end = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: told_to_end.set())
    with embedded_outbox(folder, port):
        print(f"The outbox takes mail on {LOOPBACK}:{port} and keeps it in {folder}", flush=True)
        told_to_end.wait()


if __name__ == "__main__":
    from django.conf import settings

    from config.commandline import clear_errors

    with clear_errors():
        hold(settings.OUTBOX_DIR, settings.OUTBOX_PORT)
