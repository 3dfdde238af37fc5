"""When a reader's next digest is due. The only place where a reader's local time exists; pure, no queries."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from newsletter.models import Subscription

# A digest that is late gives way to the next one when that is due within this time: nobody wants two in a morning.
LATE_GIVES_WAY = timedelta(hours=6)
DAY = timedelta(days=1)
WEEK = 7


class Turn(NamedTuple):
    """What a due subscription is to get now, and when it is due again."""

    period: date  # the reader's local date the digest is for
    next_at: datetime | None


def next_digest_at(subscription: Subscription, after: datetime) -> datetime | None:
    """The first instant (UTC) after `after` at which a digest is due; None while nothing is to be sent."""
    if not is_running(subscription):
        return None
    zone = zone_of(subscription)
    first = after.astimezone(zone).date() - DAY
    if subscription.paused_until:
        first = max(first, subscription.paused_until)
    # A date may not exist in a zone that crossed the date line, so a second week is looked at too.
    for day in (first + n * DAY for n in range(2 * WEEK + 2)):
        at = due_on(subscription, day, zone)
        if at is not None and at > after:
            return at
    raise AssertionError("two weeks without an hour")


def last_digest_at(subscription: Subscription, until: datetime) -> datetime | None:
    """The last instant (UTC) up to `until` at which a digest was due, were the subscription always as it is now."""
    zone = zone_of(subscription)
    last = until.astimezone(zone).date() + DAY
    for day in (last - n * DAY for n in range(2 * WEEK + 2)):
        at = due_on(subscription, day, zone)
        if at is not None and at <= until:
            return at
    return None


def turn(subscription: Subscription, now: datetime) -> Turn:
    """Which digest a due reader gets now, and when the next is due: one, however many turns were missed.

    It is today's; the missed day's where today's own turn is still to come. A next turn within LATE_GIVES_WAY is over
    with this one, so that no two come in one morning.
    """
    zone = zone_of(subscription)
    today = now.astimezone(zone).date()
    following = next_digest_at(subscription, now)
    if following is not None and following - now < LATE_GIVES_WAY:
        return Turn(today, next_digest_at(subscription, following))
    period = today
    if following is not None and following.astimezone(zone).date() == today:
        missed = [at for at in (subscription.next_digest_at, last_digest_at(subscription, now)) if at and at <= now]
        period = max(missed).astimezone(zone).date() if missed else today
    return Turn(period, next_after(subscription, period, now))


def next_after(subscription: Subscription, period: date, now: datetime) -> datetime | None:
    """When the next digest is due once the one for `period` is made."""
    following = next_digest_at(subscription, now)
    while following is not None and local_date(subscription, following) <= period:
        following = next_digest_at(subscription, following)
    return following


def local_date(subscription: Subscription, at: datetime) -> date:
    return at.astimezone(zone_of(subscription)).date()


def is_running(subscription: Subscription) -> bool:
    return (
        subscription.confirmed_at is not None
        and subscription.unsubscribed_at is None
        and subscription.cadence != Subscription.Cadence.PAUSED
    )


def zone_of(subscription: Subscription) -> ZoneInfo:
    """The reader's zone, or UTC where this machine no longer knows it: a digest at an odd hour beats none."""
    try:
        return ZoneInfo(subscription.time_zone)
    except (KeyError, ValueError, OSError):
        return ZoneInfo("UTC")


def due_on(subscription: Subscription, day: date, zone: ZoneInfo) -> datetime | None:
    """The subscription's instant on one local date, None if that is not its day."""
    if subscription.cadence != Subscription.Cadence.DAILY and day.weekday() != subscription.weekday:
        return None
    at = instant(day, time(subscription.hour), zone)
    return at if at.astimezone(zone).date() == day else None


def instant(day: date, clock: time, zone: ZoneInfo) -> datetime:
    """A local time as an instant in UTC: the first of two, or the first that exists after one that does not.

    PEP 495: in a gap `fold=0` reads the clock as it was before the jump, which lands after the jump by as much as the
    time lay within the gap; `fold=1` reads it as it is afterwards and lands before. The jump itself is between them.
    """
    local = datetime.combine(day, clock, zone)
    late, early = local.astimezone(UTC), local.replace(fold=1).astimezone(UTC)
    if late <= early:  # the time exists: once (equal), or twice and `fold=0` is the first
        return late
    offset_before = early.astimezone(zone).utcoffset()
    while late - early > timedelta(seconds=1):
        middle = early + (late - early) // 2
        if middle.astimezone(zone).utcoffset() == offset_before:
            early = middle
        else:
            late = middle
    return late.replace(microsecond=0)
