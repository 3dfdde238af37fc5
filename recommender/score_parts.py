"""A reader's list -> what each part of the ranker brought to every paper's score, for an editor who asks why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from recommender.engine.breakdown import parts_of_scores
from recommender.engine.interactions import Rows
from recommender.features import DAY_SECONDS, library_of, papers_of, readers_of, taste_of
from recommender.published import model
from recommender.ranking import _dial as dial_of
from recommender.ranking import _versioned as versioned


@dataclass(frozen=True)
class Scored:
    parts: dict[str, float]  # rounded so that they add up to `score` to the last digit
    score: float
    lift: float  # how many times likelier the reader is to take it than a paper drawn at random


def score_parts(
    user_id: int, reasons: Mapping[int, Mapping[str, Any]], *, at: datetime, version: str = ""
) -> dict[int, Scored]:
    """`reasons` by paper, as `rank` gave them: one that is "for" an interest kept apart was scored by that interest.
    About a dozen queries. ArtifactError where `version` is not whole."""
    papers = sorted(reasons)
    if not papers:
        return {}
    used = versioned(version) if version else model()
    taste = taste_of([user_id], at)
    topics, authors = Rows(topic for _, topic in taste.topics), Rows(author for _, author in taste.authors)
    library = library_of(taste, used)
    candidates = papers_of(papers, used, topics=topics, authors=authors, with_votes=True)
    readers = readers_of(taste, library, topics, authors, at)
    parts = parts_of_scores(
        used.ranker, readers, library, candidates, at_day=at.timestamp() / DAY_SECONDS, dial=dial_of(taste)
    )
    row_of = {name: row for row, name in taste.names.items()}
    out = {}
    is_read = used.ranker.known_.read_rows(candidates) >= 0
    for column, paper_id in enumerate(papers):
        row = int(taste.rows.of([row_of.get(str(reasons[paper_id].get("for", "")), user_id)])[0])
        exact = {name: float(part[row, column]) for name, part in parts.items()}
        score = np.array([sum(exact.values())], np.float32)
        has_read = np.array([bool((readers.user_items[row].data > 0).any())])
        lift = float(used.ranker.lifts(score, is_read[[column]], has_read)[0])
        out[paper_id] = Scored(rounded(exact), round(float(score[0]), 2), lift)
    return out


def rounded(parts: Mapping[str, float]) -> dict[str, float]:
    """To hundredths that add up to the hundredths of the sum: what rounding leaves over goes to the greatest part."""
    hundredths = {name: round(100 * value) for name, value in parts.items()}
    left = round(100 * sum(parts.values())) - sum(hundredths.values())
    hundredths[max(parts, key=lambda name: abs(parts[name]))] += left
    return {name: value / 100 for name, value in hundredths.items()}


def used_parts(scored: Sequence[Scored]) -> list[str]:
    """Names of the parts that bring anything to any of them, in the engine's order."""
    return [name for name in (scored[0].parts if scored else {}) if any(one.parts[name] for one in scored)]
