"""Each reader's list drafted from those of the two rankers that a running experiment compares."""

from __future__ import annotations

import logging
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from newsletter.interleaving import A, B, team_draft
from newsletter.models import Experiment
from recommender.engine.errors import ArtifactError
from recommender.ranking import RankedPaper, rank

logger = logging.getLogger(__name__)


def rank_both(
    experiment: Experiment,
    user_ids: Sequence[int],
    paper_ids: Sequence[int],
    k: int,
    *,
    exclude: Mapping[int, set[int]],
    at: datetime,
) -> dict[int, list[RankedPaper]] | None:
    """Each reader's list drafted from both rankers' lists; None if one of them cannot be used."""
    try:
        lists = {
            arm: rank(user_ids, paper_ids, k, exclude=exclude, at=at, version=version.name)
            for arm, version in ((A, experiment.ranker_a), (B, experiment.ranker_b))
        }
    except ArtifactError as error:
        logger.error("The experiment %s cannot use one of its rankers: %s", experiment, error)
        return None
    return {
        user_id: interleaved(experiment, user_id, lists[A].get(user_id, []), lists[B].get(user_id, []), k, at)
        for user_id in user_ids
    }


def interleaved(
    experiment: Experiment, user_id: int, first: list[RankedPaper], second: list[RankedPaper], k: int, at: datetime
) -> list[RankedPaper]:
    """The coin is the reader's and the day's: composing again gives the same list."""
    by_arm = {A: {paper.paper_id: paper for paper in first}, B: {paper.paper_id: paper for paper in second}}
    coin = random.Random(f"{experiment.pk}.{user_id}.{at:%Y%m%d}")
    drafted = team_draft(list(by_arm[A]), list(by_arm[B]), k, coin)
    return [replace(by_arm[arm][paper_id], arm=arm) for paper_id, arm in drafted]
