"""JSON text -> items, also when it was cut off or is broken in one place."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from papers.parsers import BadDocument

MAX_PIECE = 100_000  # of a broken item kept for the editor
DECODER = json.JSONDecoder()


@dataclass(frozen=True)
class JsonDocument:
    """`whole` is the document, None where it is broken; `fault` then says why, and `broken` holds what fell out."""

    items: list[Any] = field(default_factory=list)
    whole: Any = None
    fault: str = ""
    broken: list[str] = field(default_factory=list)


def read_json(text: str, items_of: Callable[[Any], Any], keys: set[str]) -> JsonDocument:
    """The items of a document; of a broken one, every object that is whole and has all of `keys`."""
    try:
        whole = json.loads(text)
    except RecursionError:
        raise BadDocument("JSON nested beyond all bounds") from None
    except json.JSONDecodeError as error:
        if text.lstrip()[:1] not in ("{", "["):
            raise BadDocument(f"not JSON: it begins with {text.lstrip()[:40]!r}") from None
        found = list(whole_objects(text, keys))
        return JsonDocument(
            [item for item, _ in found], fault=f"broken JSON: {error.msg} at character {error.pos}",
            broken=list(between(text, [span for _, span in found], keys)),
        )  # fmt: skip
    except ValueError as error:  # a number of thousands of digits
        raise BadDocument(f"unreadable JSON: {str(error)[:100]}") from None
    try:
        items = items_of(whole)
    except (LookupError, TypeError, AttributeError):
        raise BadDocument("JSON without the list that was expected") from None
    if not isinstance(items, list):
        raise BadDocument("JSON without the list that was expected")
    return JsonDocument(items, whole)


def whole_objects(text: str, keys: set[str]) -> Iterator[tuple[dict[str, Any], tuple[int, int]]]:
    position = 0
    while (start := text.find("{", position)) >= 0:
        try:
            value, end = DECODER.raw_decode(text, start)
        except (ValueError, RecursionError):
            position = start + 1
            continue
        if keys <= value.keys() and not any(has_item(inner, keys) for inner in value.values()):
            yield value, (start, end)
            position = end
        else:
            position = end if not any(isinstance(inner, dict | list) for inner in value.values()) else start + 1


def has_item(value: Any, keys: set[str]) -> bool:
    """Whether an item is inside: a broken item that lost a bracket takes those after it for its own."""
    if isinstance(value, dict):
        return keys <= value.keys() or any(has_item(inner, keys) for inner in value.values())
    return isinstance(value, list) and any(has_item(inner, keys) for inner in value)


def between(text: str, spans: list[tuple[int, int]], keys: set[str]) -> Iterator[str]:
    """What stands between whole items and has a key of one: the broken ones."""
    edges = [0, *(edge for span in spans for edge in span), len(text)]
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        piece = text[start:end].strip(", \n\t]}")
        if any(f'"{key}"' in piece for key in keys):
            yield piece[:MAX_PIECE]
