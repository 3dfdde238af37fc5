"""A raw title or abstract in pieces: its mathematics as TeX for KaTeX, and what stands between as plain text."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import NamedTuple

from papers.latex import is_mathematics
from papers.plaintext import plain_text, without_markup

MATHEMATICS = re.compile(
    r"""
    \\\( (?P<round>.+?) \\\) | \\\[ (?P<square>.+?) \\\]
    | \\.
    | \$\$ (?P<double>[^$]+) \$\$ | \$ (?P<single>(?:\\.|[^$\\])+) \$
    """,
    re.VERBOSE | re.DOTALL,
)


class Piece(NamedTuple):
    text: str  # plain; of mathematics what a page shows until KaTeX has drawn it, or without JavaScript
    tex: str = ""
    is_display: bool = False


def pieces(raw: str) -> list[Piece]:
    return list(_pieces(without_markup(raw).strip()))


def _pieces(raw: str) -> Iterator[Piece]:
    shown = position = 0
    while found := MATHEMATICS.search(raw, position):
        position = found.end()
        tex = found["round"] or found["square"] or found["double"] or found["single"]
        if found["single"] and not is_mathematics(tex, raw[position : position + 1]):
            position = found.start() + 1  # money: the second dollar may begin mathematics
            continue
        if tex:
            yield from _between(raw[shown : found.start()])
            tex = html.unescape(tex.strip())
            yield Piece(plain_text(f"${tex}$"), tex, is_display=bool(found["square"] or found["double"]))
            shown = position
    yield from _between(raw[shown:])


def _between(raw: str) -> Iterator[Piece]:
    """`plain_text` takes the white space at the ends, which here keeps words and mathematics apart."""
    if text := plain_text(raw):
        before, after = (" " if end.isspace() else "" for end in (raw[:1], raw[-1:]))
        yield Piece(f"{before}{text}{after}")
    elif raw:
        yield Piece(" ")
