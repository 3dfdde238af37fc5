"""Bars as SVG: where each stands, and where it leads. The template draws them in the page's own colours.

matplotlib, which draws a ranker's plots, takes a second to load, knows no dark page and makes no links.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from django.utils.functional import Promise

WIDTH, HEIGHT = 480.0, 150.0
GAP = 0.2  # of a bar's own share of the width
MOST_LABELS = 7
LETTERS = 16.0  # high, with room
FEWEST_SHARES = 7  # so that one edition's bar is no wall


class Part(NamedTuple):
    """One colour of one bar; below the line where `n` is negative."""

    n: int
    colour: str
    told: str
    url: str = ""


class Rect(NamedTuple):
    x: float
    y: float
    width: float
    height: float
    part: Part


class Chart(NamedTuple):
    title: str | Promise
    legend: Sequence[tuple[str, str | Promise]]  # (colour, meaning)
    rects: list[Rect]
    labels: list[tuple[float, str]]
    zero: float  # where the line is
    top: int  # what the full height above and ...
    bottom: int  # ... below it means

    @property
    def has_room_below(self) -> bool:
        """For the figure at the foot, clear of the line's own."""
        return self.height - self.zero >= LETTERS

    @property
    def width(self) -> float:
        return WIDTH

    @property
    def height(self) -> float:
        return HEIGHT


def bars(
    title: str | Promise, legend: Sequence[tuple[str, str | Promise]], columns: Sequence[tuple[str, Sequence[Part]]]
) -> Chart:
    """A bar a column (label, parts), its parts upon each other."""
    top = max((sum(part.n for part in parts if part.n > 0) for _, parts in columns), default=0)
    bottom = max((-sum(part.n for part in parts if part.n < 0) for _, parts in columns), default=0)
    scale = HEIGHT / max(top + bottom, 1)
    zero = HEIGHT - bottom * scale
    share = WIDTH / max(len(columns), FEWEST_SHARES)
    rects, labels = [], []
    every = -(-len(columns) // MOST_LABELS) if columns else 1
    for number, (label, parts) in enumerate(columns):
        up = down = zero
        for part in parts:
            height = abs(part.n) * scale
            if part.n > 0:
                up -= height
            if part.n:
                y = up if part.n > 0 else down
                rects.append(Rect(share * (number + GAP / 2), y, share * (1 - GAP), height, part))
            if part.n < 0:
                down += height
        if number % every == 0:
            labels.append((share * (number + 0.5), label))
    return Chart(title, legend, rects, labels, zero, top, bottom)
