"""Simulated readers: each reads about one main topic, sometimes about a side topic, now and then about anything.

They make the demo work without anybody's reading history. They say that the machinery runs, not how good it is: they
choose by the topics that the ranker, too, may look at.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypedDict

N_READERS = 60
N_READS = (16, 28)
MAIN_SHARE, SIDE_SHARE = 0.75, 0.2
KINDS = {"read": 0.7, "save": 0.2, "upvote": 0.1}
MEAN_DELAY_DAYS = 3.0  # from a paper's announcement to its being read


@dataclass(frozen=True)
class ReadablePaper:
    identifier: str
    topics: tuple[str, ...]
    published_at: datetime
    upvotes: int


@dataclass(frozen=True)
class SimulatedReader:
    number: int
    main: str
    side: str

    @property
    def email(self) -> str:
        return f"simulated-{self.number:02}@example.org"

    @property
    def name(self) -> str:
        return f"Simulated reader {self.number} ({self.main.lower()})"


class Read(TypedDict):
    user: str
    paper: str
    kind: str
    at: str


def simulated_readers(papers: Sequence[ReadablePaper], n_readers: int = N_READERS) -> list[SimulatedReader]:
    """As many for each topic as for any other; none where no paper has a topic."""
    topics = sorted({topic for paper in papers for topic in paper.topics})
    if not topics:
        return []
    chance = random.Random(0)
    readers = []
    for position in range(n_readers):
        main = topics[position % len(topics)]
        side = chance.choice([topic for topic in topics if topic != main] or [main])
        readers.append(SimulatedReader(position + 1, main, side))
    return readers


def simulated_reads(
    readers: Sequence[SimulatedReader], papers: Sequence[ReadablePaper], until: datetime
) -> Iterator[Read]:
    """What each read before `until`, the well-liked papers more often; the same for the same papers."""
    for reader in readers:
        chance = random.Random(reader.number)
        main = [paper for paper in papers if reader.main in paper.topics]
        side = [paper for paper in papers if reader.side in paper.topics]
        chosen: dict[str, ReadablePaper] = {}
        for _ in range(chance.randint(*N_READS)):
            draw = chance.random()
            shelf = main if draw < MAIN_SHARE else side if draw < MAIN_SHARE + SIDE_SHARE else papers
            [paper] = chance.choices(shelf, [math.sqrt(1 + paper.upvotes) for paper in shelf])
            chosen[paper.identifier] = paper
        for paper in chosen.values():
            at = paper.published_at + timedelta(days=chance.expovariate(1 / MEAN_DELAY_DAYS))
            [kind] = chance.choices(list(KINDS), list(KINDS.values()))
            if at < until:
                yield Read(user=reader.email, paper=paper.identifier, kind=kind, at=at.isoformat(timespec="seconds"))
