"""One `make demo` or `make run` at a time in one var/ folder: the demo clears what the site would be standing on."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from config.embedded import EmbeddedError


@contextmanager
def claimed(var: Path) -> Iterator[None]:
    """The folder is ours while this is held; a lock of a process that was killed is free."""
    var.mkdir(parents=True, exist_ok=True)
    with (var / "claim.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise EmbeddedError(f"Broadsheet already runs in {var}: end it, or set BROADSHEET_VAR.") from None
        yield
