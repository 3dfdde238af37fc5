"""documents -> entries: each with its raw text, and a record or the reason why there is none.

A record is what a line of JSON Lines holds (see papers/records.py), whatever the document was written in, so that
one ingestion judges them all. A parser never raises for what a document says: BadDocument is for one that is not of
the parser's kind at all.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Record = dict[str, Any]

# XML 1.0 has no place for these, and PostgreSQL none for NUL.
CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff\ud800-\udfff]")
DECLARED = re.compile(rb"""^\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


@dataclass(frozen=True)
class Entry:
    """One entry of a document: understood (a record), or not (a reason)."""

    raw: str
    record: Record | None = None
    reason: str = ""


class BadDocument(ValueError):
    """Why a document as a whole cannot be read."""


def understood(raw: str, read: Callable[..., Record], *values: Any) -> Entry:
    """The entry that `read` makes of values; one of the wrong shape costs this entry only."""
    try:
        return Entry(raw, read(*values))
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError) as error:
        reason = str(error) if isinstance(error, ValueError) else f"not of the expected shape ({error!r})"
        return Entry(raw, reason=reason[:300])


def decode(body: bytes, charset: str = "") -> str:
    """Text of bytes whose encoding may be declared, wrongly or not at all.

    UTF-8 is tried first, since other text is hardly ever valid UTF-8; then what was declared; and a text that is
    UTF-8 but for some bytes keeps its good characters and gets Windows' for the others.
    """
    for bom, name in BOMS:
        if body.startswith(bom):
            return clean(body[len(bom) :].decode(name, _HALF_AND_HALF if name == "utf-8" else "replace"))
    try:
        return clean(body.decode("utf-8"))
    except UnicodeDecodeError:
        pass
    declared = DECLARED.match(body)
    for name in (declared[1].decode("ascii") if declared else "", charset):
        if name and name.lower().replace("_", "-") not in ("utf-8", "utf8", "us-ascii", "ascii"):
            try:
                return clean(body.decode(name))
            except (LookupError, UnicodeError, ValueError):
                continue
    return clean(body.decode("utf-8", _HALF_AND_HALF))


def clean(text: str) -> str:
    """One kind of line ending, and no character that cannot be stored."""
    text = text.removeprefix("\ufeff")
    return CONTROLS.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def _as_windows(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("cp1252", "replace"), error.end


_HALF_AND_HALF = "broadsheet.half-and-half"
codecs.register_error(_HALF_AND_HALF, _as_windows)
