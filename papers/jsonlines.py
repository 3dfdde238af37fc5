"""JSON Lines: every record with its place, every bad line with its reason; no line stops the reading.

    for place, record in read_json_lines([Path("papers.jsonl")], reject):
        ...  # place prints as "papers.jsonl, line 12"; record is a dict whose strings can all be stored

`papers/importing.py` runs a whole import command on it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

MAX_LINE_BYTES = 4 * 1024 * 1024  # the longest real record we met has 12 kB; more than this is not a record
BOM = b"\xef\xbb\xbf"
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")  # PostgreSQL refuses NUL, UTF-8 lone surrogates


class Place(NamedTuple):
    path: Path
    number: int
    unit: str = "line"

    def __str__(self) -> str:
        return f"{self.path}, {self.unit} {self.number}"


class Line(NamedTuple):
    place: Place
    record: dict[str, Any]


class BadLine(ValueError):
    """Why a line is not a record."""


def read_json_lines(
    paths: Sequence[Path], reject: Callable[[Place, str], None], advance: Callable[[int], None] = lambda n_bytes: None
) -> Iterator[Line]:
    """The records of all files in turn; bad lines go to `reject`, the number of bytes read to `advance`."""
    for path in paths:
        with path.open("rb") as file:
            for number, line in enumerate(whole_lines(file, advance), start=1):
                try:
                    record = parse_line(line.removeprefix(BOM) if number == 1 else line)
                except BadLine as error:
                    reject(Place(path, number), str(error))
                else:
                    if record is not None:
                        yield Line(Place(path, number), record)


def whole_lines(file: BinaryIO, advance: Callable[[int], None]) -> Iterator[bytes]:
    """Lines, of which those over MAX_LINE_BYTES keep one byte too many, so that memory stays bounded."""
    while line := file.readline(MAX_LINE_BYTES + 1):
        advance(len(line))
        rest = line
        while len(rest) > MAX_LINE_BYTES and not rest.endswith(b"\n"):
            rest = file.readline(MAX_LINE_BYTES + 1)
            advance(len(rest))
        yield line


def parse_line(line: bytes) -> dict[str, Any] | None:
    """A record; None for a blank line; BadLine says why it is neither."""
    if len(line) > MAX_LINE_BYTES:
        raise BadLine(f"longer than {MAX_LINE_BYTES // 1024**2} MB")
    try:
        text = line.decode("utf-8").strip()
    except UnicodeDecodeError as error:
        raise BadLine(f"not UTF-8 (byte {error.start + 1})") from error
    if not text:
        return None
    try:
        record = json.loads(text)
    except json.JSONDecodeError as error:
        raise BadLine(f"not JSON: {error.msg} (column {error.colno})") from error
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, brackets nested as deep
        raise BadLine("JSON beyond all bounds") from error
    if not isinstance(record, dict):
        raise BadLine('not a JSON object, as in {"id": ..., ...}')
    return without_unstorable(record) if "\\u" in text else record


def without_unstorable(value: Any) -> Any:
    """The value with NUL and lone surrogates taken out of every string in it."""
    match value:
        case str():
            return UNSTORABLE.sub("", value)
        case list():
            return [without_unstorable(item) for item in value]
        case dict():
            return {without_unstorable(key): without_unstorable(item) for key, item in value.items()}
    return value
