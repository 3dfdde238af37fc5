"""Which of two rankers do readers prefer? start -> interleave (interleaved.py) -> credit -> judge.

By a rule stated beforehand.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime
from typing import NamedTuple

from django.db import transaction
from django.utils import timezone

from newsletter.interleaving import A, B
from newsletter.models import Click, Digest, Experiment
from recommender.models import Interaction

SIGNIFICANCE = 0.05
CONFIDENCE = 0.95


class Result(NamedTuple):
    """Counted in readers, since one reader's digests are not independent of each other. A win is one for arm a."""

    n_readers: int  # who got interleaved digests
    wins: int
    losses: int
    ties: int  # who clicked, but as often for either
    p_value: float  # two-sided sign test over wins and losses
    share: float  # of wins among the decided
    low: float
    high: float  # Clopper and Pearson's interval of the share
    is_complete: bool  # the stop rule is fulfilled; before that nothing is decided

    @property
    def verdict(self) -> str:
        if not self.is_complete:
            return "not yet"
        if self.p_value >= SIGNIFICANCE:
            return "no difference shown"
        return A if self.wins > self.losses else B


@transaction.atomic
def start(experiment: Experiment, at: datetime | None = None) -> bool:
    """One at a time; the database sees to it. Whether this call did."""
    n_started = Experiment.objects.filter(pk=experiment.pk, state=Experiment.State.DRAFT).update(
        state=Experiment.State.RUNNING, started_at=at or timezone.now()
    )
    return bool(n_started)


def stop(experiment: Experiment, at: datetime | None = None) -> bool:
    n_stopped = Experiment.objects.filter(pk=experiment.pk, state=Experiment.State.RUNNING).update(
        state=Experiment.State.STOPPED, stopped_at=at or timezone.now()
    )
    return bool(n_stopped)


def stop_when_complete(at: datetime | None = None) -> None:
    """The rule: so many readers decided, or the last day over, whichever comes first."""
    at = at or timezone.now()
    for experiment in Experiment.objects.filter(state=Experiment.State.RUNNING):
        if judge(experiment, at).is_complete:
            stop(experiment, at)


def judge(experiment: Experiment, at: datetime | None = None) -> Result:
    from scipy.stats import binomtest  # a second to import, and the admin imports this module everywhere

    at = at or timezone.now()
    credits = credits_of(experiment)
    wins = sum(credit[A] > credit[B] for credit in credits.values())
    losses = sum(credit[A] < credit[B] for credit in credits.values())
    ties = sum(credit[A] == credit[B] > 0 for credit in credits.values())
    decided = wins + losses
    test = binomtest(wins, decided) if decided else None
    interval = test.proportion_ci(CONFIDENCE) if test else None
    return Result(
        n_readers=len(credits),
        wins=wins,
        losses=losses,
        ties=ties,
        p_value=float(test.pvalue) if test else 1.0,
        share=wins / decided if decided else 0.5,
        low=float(interval.low) if interval else 0.0,
        high=float(interval.high) if interval else 1.0,
        is_complete=decided >= experiment.readers_wanted or at.date() > experiment.last_day,
    )


def credits_of(experiment: Experiment) -> dict[int, Counter[str]]:
    """For each reader (by user id) who was sent interleaved digests, what each arm earned: one for a paper that was
    followed, one for a paper that was saved. Scanners' clicks earn nothing."""
    arms: dict[int, dict[int, str]] = defaultdict(dict)
    sent = Digest.objects.filter(experiment=experiment, state__in=(Digest.State.SENT, Digest.State.UNCERTAIN))
    for user_id, items in sent.values_list("subscription__user_id", "items"):
        arms[user_id].update({item["paper"]: item["arm"] for item in items if item["arm"]})
    clicks = Click.objects.filter(digest__experiment=experiment, scanner="")
    earned = set(clicks.values_list("digest__subscription__user_id", "paper_id"))
    saves = Interaction.objects.filter(user__in=arms, kind=Interaction.Kind.SAVE, at__gte=experiment.started_at)
    credits: dict[int, Counter[str]] = {user_id: Counter() for user_id in arms}
    for user_id, paper_id in [*earned, *saves.values_list("user_id", "paper_id")]:
        if arm := arms.get(user_id, {}).get(paper_id):
            credits[user_id][arm] += 1
    return credits
