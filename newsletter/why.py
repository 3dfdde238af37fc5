"""What a reader would get now and why: their list by one ranker, every score taken apart, beside that of another."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from newsletter.digest import draft
from newsletter.editions import draft_edition
from newsletter.models import Edition, Subscription
from newsletter.schedule import local_date
from papers.models import Paper
from recommender.reasons import describe
from recommender.score_parts import Scored, score_parts, used_parts


@dataclass(frozen=True)
class Row:
    paper: Paper
    why: str
    is_pick: bool  # it stands where the editors put it, whatever its score
    scored: Scored
    parts: list[float]
    elsewhere: int | None = None  # its place in the other list


@dataclass
class ReadersList:
    version: str
    parts: list[str] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    reason: str = ""  # why there is none


def list_of(subscription: Subscription, version: str, at: datetime) -> ReadersList:
    """As it would be composed now, with the editors' picks and the reader's threshold. ArtifactError where the version
    is not whole."""
    day = local_date(subscription, at)
    edition = Edition.objects.filter(date=day).first() or draft_edition(day)
    [digest] = draft(edition, [subscription], at, version=version)
    if not digest.items:
        return ReadersList(version, reason=digest.state_reason)
    reasons = {item["paper"]: item["reason"] for item in digest.items}
    papers = Paper.objects.only("title").in_bulk(reasons)
    scored = score_parts(subscription.user_id, reasons, at=at, version=version)
    names = used_parts(list(scored.values()))
    rows = [
        Row(
            papers[paper_id],
            why,
            reasons[paper_id].get("kind") == "pick",
            scored[paper_id],
            [scored[paper_id].parts[name] for name in names],
        )
        for paper_id, why in zip(reasons, describe(list(reasons.values())), strict=True)
    ]
    return ReadersList(version, names, rows)


def side_by_side(subscription: Subscription, versions: list[str], at: datetime) -> list[ReadersList]:
    """One list a version; of two, each row says where the other has its paper."""
    lists = [list_of(subscription, version, at) for version in versions]
    if len(lists) == 2:
        for one, other in (lists, lists[::-1]):
            places = {row.paper.pk: place for place, row in enumerate(other.rows, start=1)}
            one.rows = [
                Row(row.paper, row.why, row.is_pick, row.scored, row.parts, places.get(row.paper.pk))
                for row in one.rows
            ]
    return lists
