"""An abstract, sentence by sentence."""

from __future__ import annotations

import re

# After these a full stop ends no sentence.
ABBREVIATIONS = re.compile(
    r"(?:\b(?:e\.g|i\.e|cf|vs|al|etc|resp|approx|Fig|Figs|Eq|Eqs|Sec|Ref|Dr|Prof|No|St)|\b[A-Z])\.$"
)
BREAK = re.compile(
    r"(?<=[.!?。！？])(?:[\"”’)\]]*)(?:\s+(?=[\"“‘(\[]*[A-Z0-9\u00c0-\u024f\u0370-\u9fff])|(?<=[。！？]))"
)


def split_sentences(text: str) -> list[str]:
    sentences: list[str] = []
    start = 0
    text = " ".join(text.split())
    for mark in BREAK.finditer(text):
        piece = text[start : mark.end()].strip()
        if piece and not ABBREVIATIONS.search(piece):
            sentences.append(piece)
            start = mark.end()
    if rest := text[start:].strip():
        sentences.append(rest)
    return sentences
