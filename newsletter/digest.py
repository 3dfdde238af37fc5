"""due -> compose -> store -> send: the whole story of a digest, top to bottom.

The database is the truth: each step can be asked for by anybody, any number of times, and does its work once. What is
to be done next is returned as ids; tasks.py asks a worker for it, a command does it on the spot.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from django.conf import settings
from django.db import transaction
from django.db.models import Max, Min
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from newsletter.delivery import deliver, recover_expired_leases
from newsletter.editions import candidates, draft_edition, edition_for, picks, picks_by_reader
from newsletter.interleaved import rank_both
from newsletter.message import subject_for
from newsletter.models import Digest, Edition, Experiment, Subscription
from newsletter.schedule import is_running, local_date, next_after, turn
from papers.models import Paper
from recommender.models import Interaction
from recommender.ranking import RankedPaper, rank
from recommender.telling import telling_sentences

State = Digest.State
FEWEST_PAPERS = 3  # fewer are not worth a mail
ASKED_AT_ONCE = 5000  # digests that one sweep asks for
PICK = {"kind": "pick"}
# In the ranker's scores: how many times likelier the reader is to take the paper than one drawn at random.
THRESHOLDS: dict[str, float] = {
    Subscription.Threshold.LOW: -math.inf,
    Subscription.Threshold.USUAL: 0.5,
    Subscription.Threshold.HIGH: 4.0,
}

__all__ = ["compose", "deliver", "due", "mailable", "rehearse", "sweep"]


# --- due ------------------------------------------------------------------------------------------------------------


def due(at: datetime | None = None, limit: int | None = None) -> list[int]:
    """Subscriptions whose turn has come, the longest waiting first: one look into an index."""
    return list(Subscription.objects.due(at).values_list("pk", flat=True)[:limit])


def mailable(limit: int | None = None) -> list[int]:
    """Every subscription that may be mailed, due or not."""
    return list(Subscription.objects.running().order_by("pk").values_list("pk", flat=True)[:limit])


# --- compose --------------------------------------------------------------------------------------------------------


def compose(
    subscription_ids: Collection[int],
    at: datetime | None = None,
    *,
    day: date | None = None,
    force: bool = False,
    window_days: int | None = None,
) -> list[int]:
    """Make and keep the digests of a chunk of readers; the ids of those that are ready to send.

    `day` makes that day's edition instead of the one whose turn it is, `force` does not ask whether it is their turn.
    """
    at = at or timezone.now()
    digests: list[Digest] = []
    for period, subscriptions in by_period(subscription_ids, at, day=day, force=force).items():
        digests += draft(edition_for(period, window_days), subscriptions, at)
    return store(digests, at)


def rehearse(
    subscription_ids: Collection[int],
    at: datetime,
    *,
    day: date | None = None,
    force: bool = False,
    window_days: int | None = None,
) -> list[Digest]:
    """The digests that `compose` would make, with nothing kept."""
    digests: list[Digest] = []
    for period, subscriptions in by_period(subscription_ids, at, day=day, force=force).items():
        edition = Edition.objects.filter(date=period).first() or draft_edition(period, window_days)
        digests += draft(edition, subscriptions, at)
    return digests


def by_period(
    subscription_ids: Collection[int], at: datetime, *, day: date | None, force: bool
) -> dict[date, list[Subscription]]:
    """Readers by the local date their digest is for, without those who have it already."""
    waiting = Subscription.objects.running() if force else Subscription.objects.due(at)
    groups: dict[date, list[Subscription]] = defaultdict(list)
    for subscription in waiting.filter(pk__in=subscription_ids).select_related("user"):
        own = local_date(subscription, at) if force else turn(subscription, at).period
        groups[day or own].append(subscription)
    return groups


def draft(edition: Edition, subscriptions: Sequence[Subscription], at: datetime, *, version: str = "") -> list[Digest]:
    """The digests of one edition, unsaved: readers with the same window are ranked with one set of matrix products.
    `version` names another ranker than the published one, whatever experiment is running."""
    groups: dict[int, list[Subscription]] = defaultdict(list)
    last_periods = _last_periods(subscriptions, edition.date)
    for subscription in subscriptions:
        groups[days_missed(edition, last_periods.get(subscription.pk))].append(subscription)
    picked = picks(edition, at)
    theirs = picks_by_reader(picked, [subscription.user_id for subscription in subscriptions])
    running = Experiment.objects.filter(state=Experiment.State.RUNNING).select_related("ranker_a", "ranker_b")
    experiment = None if version else running.first()
    digests: list[Digest] = []
    for days_more, group in groups.items():
        paper_ids = candidates(edition, at, days_more)
        seen = papers_seen(group, edition.date, [*paper_ids, *(pick.paper_id for pick in picked)])
        ranked, credited_to = ranked_papers(
            experiment,
            [subscription.user_id for subscription in group],
            paper_ids,
            max(subscription.n_papers for subscription in group),
            exclude={user_id: papers.union(theirs[user_id]) for user_id, papers in seen.items()},
            at=at,
            version=version,
        )
        digests += [
            _draft_one(
                edition,
                subscription,
                [paper_id for paper_id in theirs[subscription.user_id] if paper_id not in seen[subscription.user_id]],
                ranked.get(subscription.user_id, []),
                credited_to,
                at,
            )
            for subscription in group
        ]
    _give_subjects(digests)
    _choose_sentences(digests)
    return digests


def ranked_papers(
    experiment: Experiment | None,
    user_ids: Sequence[int],
    paper_ids: Sequence[int],
    k: int,
    *,
    version: str = "",
    **choice: Any,
) -> tuple[dict[int, list[RankedPaper]], Experiment | None]:
    """By one ranker, or by both of a running experiment; with the experiment that it is credited to."""
    if experiment and (drafted := rank_both(experiment, user_ids, paper_ids, k, **choice)) is not None:
        return drafted, experiment
    return rank(user_ids, paper_ids, k, version=version, **choice), None


def days_missed(edition: Edition, last_period: date | None) -> int:
    """By how many days the window opens for a reader: a weekly one, or one who was away, gets the best of that time."""
    if last_period is None:
        return 0
    window_days = (edition.window_end - edition.window_start).days
    since_last = min((edition.date - last_period).days + 1, settings.CATCH_UP_DAYS)
    return max(0, since_last - window_days)


def papers_seen(subscriptions: Iterable[Subscription], day: date, paper_ids: Collection[int]) -> dict[int, set[int]]:
    """What each reader (by user id) already read, saved, refused or was sent."""
    users = {subscription.pk: subscription.user_id for subscription in subscriptions}
    seen: dict[int, set[int]] = {user_id: set() for user_id in users.values()}
    oldest = Paper.objects.filter(pk__in=paper_ids).aggregate(oldest=Min("published_at"))["oldest"]
    if oldest is None:
        return seen
    interactions = Interaction.objects.filter(user__in=seen, paper__published_at__gte=oldest)
    for user_id, paper_id in interactions.values_list("user_id", "paper_id"):
        seen[user_id].add(paper_id)
    # No digest carried a paper before the paper was there, so older ones need not be read; a group's is dated Monday.
    sent = Digest.objects.reached_reader().filter(
        subscription__in=users, period__gte=min(oldest.date(), day) - timedelta(days=7)
    )
    for subscription_id, items in sent.values_list("subscription_id", "items"):
        seen[users[subscription_id]].update(item["paper"] for item in items)
    return seen


def _last_periods(subscriptions: Iterable[Subscription], before: date) -> dict[int, date]:
    rows = Digest.objects.own().filter(subscription__in=subscriptions, period__lt=before).order_by()
    return dict(rows.values("subscription_id").annotate(last=Max("period")).values_list("subscription_id", "last"))


def _draft_one(
    edition: Edition,
    subscription: Subscription,
    picked: list[int],
    ranked: list[RankedPaper],
    experiment: Experiment | None,
    at: datetime,
) -> Digest:
    threshold = THRESHOLDS[subscription.threshold]
    chosen = [paper for paper in ranked if paper.score >= threshold or paper.is_promised][: subscription.n_papers]
    digest = Digest(
        subscription=subscription,
        edition=edition,
        period=edition.date,
        experiment=experiment,
        message_id=message_id_for(subscription.pk, edition.date),
        composed_at=at,
    )
    if len(picked) + len(chosen) < FEWEST_PAPERS:
        digest.state = State.SKIPPED
        digest.state_reason = too_few(len(picked) + len(chosen))
        return digest
    digest.lease_until = at + timedelta(seconds=settings.DIGEST_LEASE_SECONDS)
    digest.items = [{"paper": paper_id, "score": 0.0, "reason": PICK, "arm": ""} for paper_id in picked] + [
        {"paper": paper.paper_id, "score": round(paper.score, 4), "reason": dict(paper.reason), "arm": paper.arm}
        for paper in chosen
    ]
    return digest


def too_few(n_papers: int) -> str:
    if n_papers == 0:
        return _("nothing new for you among the papers of these days")
    return ngettext("only %d paper passed your threshold", "only %d papers passed your threshold", n_papers) % n_papers


def _give_subjects(digests: Iterable[Digest]) -> None:
    written = [digest for digest in digests if digest.items]
    leading = {digest.items[0]["paper"] for digest in written}
    titles = dict(Paper.objects.filter(pk__in=leading).values_list("pk", "title"))
    for digest in written:
        digest.subject = subject_for(titles[digest.items[0]["paper"]])


def _choose_sentences(digests: Iterable[Digest]) -> None:
    """Of each abstract the sentence that matters most to this reader; the first needs no mention."""
    written = [digest for digest in digests if digest.items]
    telling = telling_sentences(
        {(digest.subscription.user_id, paper_id) for digest in written for paper_id in digest.paper_ids}
    )
    for digest in written:
        for item in digest.items:
            if number := telling.get((digest.subscription.user_id, item["paper"])):
                item["sentence"] = number


def message_id_for(subscription_id: int, period: date, group_id: int | None = None) -> str:
    """The same whenever and by whomever the digest is made, and not to be guessed from outside."""
    name = f"{period:%Y%m%d}.{subscription_id}" + (f".g{group_id}" if group_id else "")
    return f"<{name}.{salted_hmac('newsletter.message_id', name).hexdigest()[:12]}@{settings.MAIL_DOMAIN}>"


# --- store ----------------------------------------------------------------------------------------------------------


@transaction.atomic
def store(digests: Sequence[Digest], at: datetime) -> list[int]:
    """Keep the digests and move their readers' turns in one transaction; the ids of those ready to send.

    A second digest of a reader and date is refused by the database, so whoever comes second only repeats the ids.
    """
    periods = {digest.subscription_id: digest.period for digest in digests}
    rows = Subscription.objects.select_for_update().filter(pk__in=periods).order_by("pk")
    subscriptions = {subscription.pk: subscription for subscription in rows}
    kept = [digest for digest in digests if digest.subscription_id in subscriptions]
    kept = [digest for digest in kept if is_running(subscriptions[digest.subscription_id])]
    Digest.objects.bulk_create(kept, ignore_conflicts=True)
    for subscription in subscriptions.values():
        subscription.next_digest_at = next_after(subscription, periods[subscription.pk], at)
    Subscription.objects.bulk_update(subscriptions.values(), ["next_digest_at"])
    ready = Digest.objects.filter(message_id__in=[digest.message_id for digest in kept]).deliverable(at)
    return list(ready.values_list("pk", flat=True))


# --- send: delivery.deliver(ids) ------------------------------------------------------------------------------------


class Swept(NamedTuple):
    due: list[int]  # subscriptions
    to_send: list[int]  # digests


def sweep(at: datetime | None = None) -> Swept:
    """What was left lying: turns nobody took, leases of the dead, composed digests nobody was asked for lately."""
    at = at or timezone.now()
    recover_expired_leases(at)
    until = at + timedelta(seconds=settings.DIGEST_LEASE_SECONDS)
    return Swept(due(at), Digest.objects.ask_again(at, until, ASKED_AT_ONCE))
