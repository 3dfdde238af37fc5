"""A year of three readers' mornings by a simulated clock: two outages, a pause, both clock changes."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.db.models import Min

from newsletter import digest, subscriptions
from newsletter.models import Digest, Subscription
from papers.models import Paper
from recommender.ranking import RankedPaper
from tests.factories import make_reader, make_subscription

START, END = datetime(2025, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)
TICK = timedelta(minutes=5)  # how often beat asks who is due
OUTAGES = [
    (datetime(2025, 3, 30, 0, tzinfo=UTC), datetime(2025, 3, 30, 6, tzinfo=UTC)),  # six hours, over a clock change
    (datetime(2025, 8, 10, 0, tzinfo=UTC), datetime(2025, 8, 12, 0, tzinfo=UTC)),  # two days
]
DAY = timedelta(days=1)
ALL_DAYS = [date(2025, 1, 1) + n * DAY for n in range(365)]


def reader(name: str, zone: str, **fields: object) -> Subscription:
    subscription = make_subscription(make_reader(f"{name}@example.org"), time_zone=zone, n_papers=3, **fields)
    subscriptions.reschedule(subscription, START)
    return subscription


def live_through_the_year(pausing: Subscription) -> None:
    """What beat does, without the ticks at which nobody is due."""
    now, pauses = START, False
    while True:
        due = Subscription.objects.aggregate(at=Min("next_digest_at"))["at"]
        now = max(now + TICK, START + -(-(due - START) // TICK) * TICK)
        for begins, ends in OUTAGES:
            if begins <= now < ends:
                now = ends
        if now >= END:
            return
        with time_machine.travel(now, tick=False):
            if not pauses and now >= datetime(2025, 6, 10, tzinfo=UTC):
                pauses = True
                pausing.refresh_from_db()
                subscriptions.pause(pausing, date(2025, 7, 1))
                continue
            digest.deliver(digest.compose(digest.due()))


@pytest.fixture
def papers(db: None) -> None:
    """Five a day, so that three readers never run out."""
    Paper.objects.bulk_create(
        Paper(title=f"Paper {n} of {day}", published_at=datetime.combine(day, datetime.min.time(), UTC))
        for day in [START.date() - DAY, *ALL_DAYS]
        for n in range(5)
    )


def newest_first(user_ids, paper_ids, k, *, exclude, at, version=""):
    """In place of the ranker: 750 rankings are a minute, and it is the calendar that is tested here."""
    return {
        user_id: [RankedPaper(paper_id, 1.0, {"kind": "new"}) for paper_id in paper_ids if paper_id not in seen][:k]
        for user_id, seen in ((user_id, exclude.get(user_id, set())) for user_id in user_ids)
    }


def test_everybody_gets_exactly_the_digests_they_should(papers, mailoutbox, monkeypatch):
    monkeypatch.setattr(digest, "rank", newest_first)
    daily = reader("daily", "Europe/Berlin", hour=2)
    weekly = reader("weekly", "Asia/Kolkata", hour=8, cadence="weekly", weekday=Subscription.Weekday.MONDAY)
    pausing = reader("pausing", "America/New_York", hour=19)
    live_through_the_year(pausing)

    # Berlin: back on 12 August at 02:00 local time, just when that day's is due; the two before are gone.
    expected_daily = [day for day in ALL_DAYS if day not in (date(2025, 8, 10), date(2025, 8, 11))]
    # Kolkata: Monday 11 August was missed, Tuesday brings it.
    expected_weekly = [day for day in ALL_DAYS if day.weekday() == 0 and day != date(2025, 8, 11)]
    expected_weekly = sorted([*expected_weekly, date(2025, 8, 12)])
    # New York: back on the 11th at 20:00 local time, an hour late; the 10th is gone. The last evening ends in 2026.
    paused = [date(2025, 6, 10) + n * DAY for n in range(21)]
    missing = {date(2025, 8, 10), date(2025, 12, 31), *paused}
    expected_pausing = [day for day in ALL_DAYS if day not in missing]

    for subscription, expected in ((daily, expected_daily), (weekly, expected_weekly), (pausing, expected_pausing)):
        rows = Digest.objects.filter(subscription=subscription).order_by("period")
        assert [row.period for row in rows] == expected, subscription
        assert {row.state for row in rows} == {"sent"}

    mails = Counter(message.to[0] for message in mailoutbox)
    assert mails == {
        "daily@example.org": len(expected_daily),
        "weekly@example.org": len(expected_weekly),
        "pausing@example.org": len(expected_pausing),
    }
    assert len({message.extra_headers["Message-ID"] for message in mailoutbox}) == len(mailoutbox)

    for subscription in (daily, weekly, pausing):
        zone = ZoneInfo(subscription.time_zone)
        sent = [paper for row in Digest.objects.filter(subscription=subscription) for paper in row.paper_ids]
        assert len(sent) == len(set(sent))
        for row in Digest.objects.filter(subscription=subscription):
            at = row.sent_at.astimezone(zone)
            is_after_outage = any(ends <= row.sent_at <= ends + TICK for _, ends in OUTAGES)
            # The clocks of Berlin went from 2 to 3 on 30 March.
            hours = (subscription.hour, 3) if row.period == date(2025, 3, 30) else (subscription.hour,)
            assert is_after_outage or (at.hour in hours and at.minute < 6), row
            assert at.date() == row.period
