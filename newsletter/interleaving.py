"""Team-draft interleaving (Radlinski, Kurup and Joachims, 2008): two rankings in one list, each item on one team."""

from __future__ import annotations

import random
from collections.abc import Sequence

A, B = "a", "b"


def team_draft(first: Sequence[int], second: Sequence[int], k: int, coin: random.Random) -> list[tuple[int, str]]:
    """At most k (paper, arm), best first. The smaller team picks its best paper not yet taken, a coin decides between
    equal ones; when one ranking has no more, the other goes on alone."""
    rankings = {A: first, B: second}
    picked: list[tuple[int, str]] = []
    taken: set[int] = set()
    places = {A: 0, B: 0}
    sizes = {A: 0, B: 0}
    while len(picked) < k:
        for arm, ranking in rankings.items():
            while places[arm] < len(ranking) and ranking[places[arm]] in taken:
                places[arm] += 1
        able = [arm for arm, ranking in rankings.items() if places[arm] < len(ranking)]
        if not able:
            break
        if len(able) == 2 and sizes[A] != sizes[B]:
            able = [min(able, key=lambda arm: sizes[arm])]
        arm = able[0] if len(able) == 1 else coin.choice(able)
        paper = rankings[arm][places[arm]]
        picked.append((paper, arm))
        taken.add(paper)
        sizes[arm] += 1
    return picked
