"""due -> compose -> store: what a group saved in a week, to each member in their own zone and hour.

A group's digest is a row of the same table as a reader's own, and is claimed, sent, tried again and counted by the same
delivery. What differs stands here: whose turn it is, and what is in it. A member is told of what others put on the
group's list; what they have read, saved or been sent before is not sent again.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Max, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from newsletter.digest import message_id_for, papers_seen
from newsletter.message import subject_for
from newsletter.models import Digest, DigestQuerySet, Subscription
from newsletter.schedule import local_date, next_digest_at
from papers.models import Paper
from recommender.models import ListEntry, Membership

WEEK = timedelta(days=7)
LOOKED_BACK = 5 * WEEK  # for somebody who was away
MOST_PAPERS = 30
State = Digest.State


def mailed_members() -> QuerySet[Membership]:
    """Who wants the weekly mail and may be mailed at all."""
    return Membership.objects.filter(
        is_mailed=True,
        user__is_active=True,
        user__subscription__confirmed_at__isnull=False,
        user__subscription__unsubscribed_at__isnull=True,
    ).select_related("group", "user__subscription")


def compose_due(at: datetime | None = None) -> list[int]:
    """Everybody's whose turn has come, chunk by chunk; the ids of those that are ready to send."""
    at = at or timezone.now()
    schedule(at)
    due = mailed_members().filter(next_mail_at__lte=at).order_by("next_mail_at")
    ids = list(due.values_list("pk", flat=True))
    ready: list[int] = []
    for start in range(0, len(ids), settings.DIGEST_CHUNK):
        members = list(due.filter(pk__in=ids[start : start + settings.DIGEST_CHUNK]))
        ready += store(draft(members, at), members, at)
    return ready


# --- whose turn it is -----------------------------------------------------------------------------------------------


def schedule(at: datetime) -> None:
    """Give those a turn who have none yet: new members, and whoever changed hour, weekday, zone or a pause."""
    while members := list(mailed_members().filter(next_mail_at=None).order_by("pk")[: settings.DIGEST_CHUNK]):
        _set_turns(members, at)


def next_mail_at(subscription: Subscription, after: datetime, last_week: date | None) -> datetime:
    """The first turn after `after` in a week that has had none: on the reader's weekday, at their hour."""
    weekly = copy.copy(subscription)
    weekly.cadence = Subscription.Cadence.WEEKLY
    at = next_digest_at(weekly, after)
    while at is not None and last_week is not None and monday_of(local_date(weekly, at)) <= last_week:
        at = next_digest_at(weekly, at)
    assert at is not None, "of somebody who may not be mailed"
    return at


def monday_of(day: date) -> date:
    return day - timedelta(days=day.weekday())


def schedule_one(member: Membership, at: datetime) -> datetime:
    """When one member's next mail comes, nothing kept."""
    return next_mail_at(member.user.subscription, at, _last_weeks([member]).get((member.user_id, member.group_id)))


def _set_turns(members: Sequence[Membership], at: datetime) -> None:
    last = _last_weeks(members)
    for member in members:
        member.next_mail_at = next_mail_at(member.user.subscription, at, last.get((member.user_id, member.group_id)))
    Membership.objects.bulk_update(members, ["next_mail_at"])


def _last_weeks(members: Iterable[Membership]) -> dict[tuple[int, int], date]:
    rows = _digests_of(members).order_by().values_list("subscription__user", "group").annotate(last=Max("period"))
    return {(user, group): week for user, group, week in rows}


def _digests_of(members: Iterable[Membership]) -> DigestQuerySet:
    """Of these readers and groups, though not always of one with the other."""
    return Digest.objects.filter(
        subscription__user__in=[member.user_id for member in members],
        group__in={member.group_id for member in members},
    )


# --- what is in it --------------------------------------------------------------------------------------------------


def draft(members: Sequence[Membership], at: datetime) -> list[Digest]:
    """Unsaved, in a bounded number of queries for a chunk."""
    subscriptions = {member.pk: member.user.subscription for member in members}
    for member in members:
        subscriptions[member.pk].user = member.user
    since = told_until(members, at)
    entries = entries_by_group({member.group_id for member in members}, min(since.values(), default=at), at)
    paper_ids = {entry.paper_id for some in entries.values() for entry in some}
    seen = papers_seen(subscriptions.values(), at.date(), paper_ids)
    visible = dict(Paper.objects.published().filter(pk__in=paper_ids).values_list("pk", "title"))
    names = {(member.group_id, member.user_id): member.pk for member in Membership.objects.filter(group__in=entries)}
    digests = []
    for member in members:
        new = [
            entry
            for entry in entries.get(member.group_id, [])
            if entry.at > since[member.pk] and entry.paper_id in visible and entry.paper_id not in seen[member.user_id]
        ][:MOST_PAPERS]
        items = [
            {
                "paper": entry.paper_id,
                "score": 0.0,
                "reason": {"kind": "saved", "member": names.get((member.group_id, entry.added_by_id or 0))},
                "arm": "",
            }
            for entry in new
        ]
        digest = _digest_for(member, subscriptions[member.pk], items, at)
        if items:
            digest.subject = subject_for(visible[new[0].paper_id], member.group.name)
        digests.append(digest)
    return digests


def told_until(members: Sequence[Membership], at: datetime) -> dict[int, datetime]:
    """By member: the instant up to which a digest of the group told them what was saved."""
    rows = _digests_of(members).reached_reader().order_by().values_list("subscription__user", "group")
    last = {(user, group): composed_at for user, group, composed_at in rows.annotate(last=Max("composed_at"))}
    return {
        member.pk: max(last.get((member.user_id, member.group_id), at - WEEK), at - LOOKED_BACK) for member in members
    }


def entries_by_group(group_ids: Collection[int], since: datetime, until: datetime) -> dict[int, list[ListEntry]]:
    """The latest first."""
    entries: dict[int, list[ListEntry]] = defaultdict(list)
    rows = ListEntry.objects.filter(reading_list__group__in=group_ids, at__gt=since, at__lte=until)
    for entry in rows.select_related("reading_list").order_by("-at", "-pk"):
        entries[entry.reading_list.group_id or 0].append(entry)
    return entries


def _digest_for(member: Membership, subscription: Subscription, items: list[dict[str, object]], at: datetime) -> Digest:
    week = monday_of(local_date(subscription, at))
    digest = Digest(
        subscription=subscription,
        group=member.group,
        period=week,
        message_id=message_id_for(subscription.pk, week, member.group_id),
        composed_at=at,
        items=items,
        lease_until=at + timedelta(seconds=settings.DIGEST_LEASE_SECONDS),
    )
    if not items:
        digest.state, digest.lease_until = State.SKIPPED, None
        digest.state_reason = _("nothing on the list of %(group)s that is new to you") % {"group": member.group.name}
    return digest


# --- store ----------------------------------------------------------------------------------------------------------


@transaction.atomic
def store(digests: Sequence[Digest], members: Sequence[Membership], at: datetime) -> list[int]:
    """Digests and turns in one transaction. A second one of a week is refused by the database. Whoever left meanwhile,
    or took the turn before us, has no turn to move."""
    waiting = Membership.objects.select_for_update(of=("self",)).filter(
        Q(next_mail_at__lte=at), pk__in=[member.pk for member in members], is_mailed=True
    )
    held = set(waiting.order_by("pk").values_list("pk", flat=True))
    kept = [digest for digest, member in zip(digests, members, strict=True) if member.pk in held]
    Digest.objects.bulk_create(kept, ignore_conflicts=True)
    _set_turns([member for member in members if member.pk in held], at)
    ready = Digest.objects.filter(message_id__in=[digest.message_id for digest in kept]).deliverable(at)
    return list(ready.values_list("pk", flat=True))
