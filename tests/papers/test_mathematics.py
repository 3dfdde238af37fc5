"""A raw text falls into what KaTeX draws and what is read as it stands."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from papers.mathematics import Piece, pieces


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("no mathematics", [Piece("no mathematics")]),
        ("in $O(n^2)$ time", [Piece("in "), Piece("O(n^2)", "O(n^2)"), Piece(" time")]),
        ("$x$-ray", [Piece("x", "x"), Piece("-ray")]),
        (r"\(a\) and \[b\]", [Piece("a", "a"), Piece(" and "), Piece("b", "b", is_display=True)]),
        ("so $$E=mc$$.", [Piece("so "), Piece("E=mc", "E=mc", is_display=True), Piece(".")]),
        ("costs $5 to $10 at $n=3$", [Piece("costs $5 to $10 at "), Piece("n=3", "n=3")]),
        (r"a \$5 note, 10\% off", [Piece("a $5 note, 10% off")]),
        (r"by \'Etienne, $x<y$ &amp; <b>z</b>", [Piece("by Étienne, "), Piece("x<y", "x<y"), Piece(" & z")]),
        ("<p>Of $a&lt;b$</p>", [Piece("Of "), Piece("a<b", "a<b")]),
        ("$a$ $b$", [Piece("a", "a"), Piece(" "), Piece("b", "b")]),
        ("", []),
    ],
)
def test_pieces_of_a_text(raw: str, expected: list[Piece]) -> None:
    assert pieces(raw) == expected


@given(st.text(alphabet=st.sampled_from("$\\()[]{}<>&;x5 ^_\n%~a"), max_size=60))
def test_any_text_falls_into_pieces(raw: str) -> None:
    assert all(piece.text or piece.tex for piece in pieces(raw))
