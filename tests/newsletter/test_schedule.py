"""When a digest is due: any zone, any hour, also when the clock jumps."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.models import Subscription
from newsletter.schedule import Turn, instant, last_digest_at, local_date, next_digest_at, turn

CONFIRMED = datetime(2020, 1, 1, tzinfo=UTC)


def subscription(zone: str = "UTC", **fields: object) -> Subscription:
    values: dict[str, object] = {"confirmed_at": CONFIRMED, "hour": 7} | fields
    return Subscription(time_zone=zone, **values)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


def local(at: datetime | None, zone: str) -> str:
    assert at is not None
    return f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}"


def test_daily_is_the_next_time_the_local_clock_shows_the_hour():
    assert next_digest_at(subscription("Asia/Kolkata"), utc(2025, 5, 1, 1, 0)) == utc(2025, 5, 1, 1, 30)
    assert next_digest_at(subscription("Asia/Kolkata"), utc(2025, 5, 1, 1, 30)) == utc(2025, 5, 2, 1, 30)


def test_weekly_waits_for_the_weekday_in_the_readers_zone():
    weekly = subscription("Pacific/Auckland", cadence="weekly", weekday=Subscription.Weekday.MONDAY)
    assert local(next_digest_at(weekly, utc(2025, 5, 1)), "Pacific/Auckland") == "2025-05-05 07:00"
    assert next_digest_at(weekly, utc(2025, 5, 1)) == utc(2025, 5, 4, 19, 0)  # still Sunday in UTC


@pytest.mark.parametrize(
    ("zone", "day", "hour", "expected"),
    [
        # Spring: the hour is missing, so the first that exists.
        ("Europe/Berlin", date(2025, 3, 30), 2, "2025-03-30 03:00"),
        ("America/New_York", date(2025, 3, 9), 2, "2025-03-09 03:00"),
        ("Australia/Lord_Howe", date(2025, 10, 5), 2, "2025-10-05 02:30"),  # jumps by half an hour
        ("America/Sao_Paulo", date(2018, 11, 4), 0, "2018-11-04 01:00"),  # no midnight
        ("Africa/Cairo", date(2025, 4, 25), 0, "2025-04-25 01:00"),  # no midnight
        ("America/Toronto", date(1919, 3, 31), 0, "1919-03-31 00:30"),  # the gap began the evening before
    ],
)
def test_an_hour_that_does_not_exist_moves_to_the_first_that_does(zone, day, hour, expected):
    before = datetime.combine(day, time(12), UTC) - timedelta(days=1)
    assert local(next_digest_at(subscription(zone, hour=hour), before), zone) == expected


@pytest.mark.parametrize(
    ("zone", "day", "hour", "expected"),
    [
        ("Europe/Berlin", date(2025, 10, 26), 2, utc(2025, 10, 26, 0, 0)),
        ("America/New_York", date(2025, 11, 2), 1, utc(2025, 11, 2, 5, 0)),
        ("Australia/Lord_Howe", date(2025, 4, 6), 1, utc(2025, 4, 5, 14, 0)),
        ("Africa/Cairo", date(2025, 10, 30), 23, utc(2025, 10, 30, 20, 0)),
    ],
)
def test_an_hour_that_comes_twice_means_the_first(zone, day, hour, expected):
    assert instant(day, time(hour), ZoneInfo(zone)) == expected
    daily = subscription(zone, hour=hour)
    following = next_digest_at(daily, expected)
    assert following is not None
    assert local_date(daily, following) == day + timedelta(days=1)


def test_a_day_that_a_zone_left_out_has_no_digest():
    apia = subscription("Pacific/Apia")  # there was no 30 December 2011
    following = next_digest_at(apia, utc(2011, 12, 29, 18, 0))
    assert local(following, "Pacific/Apia") == "2011-12-31 07:00"


def test_nothing_is_due_before_confirmation_after_leaving_or_while_paused():
    now = utc(2025, 5, 1)
    assert next_digest_at(subscription(confirmed_at=None), now) is None
    assert next_digest_at(subscription(unsubscribed_at=now), now) is None
    assert next_digest_at(subscription(cadence="paused"), now) is None


def test_a_pause_ends_on_its_date():
    paused = subscription("Europe/Berlin", paused_until=date(2025, 5, 20))
    assert local(next_digest_at(paused, utc(2025, 5, 1)), "Europe/Berlin") == "2025-05-20 07:00"


def test_a_zone_this_machine_does_not_know_counts_as_utc():
    assert next_digest_at(subscription("Mars/Olympus"), utc(2025, 5, 1, 0)) == utc(2025, 5, 1, 7)


ZONES = st.sampled_from(
    [
        "UTC",
        "Europe/London",
        "America/New_York",
        "Asia/Kolkata",
        "Australia/Lord_Howe",
        "Africa/Cairo",
        "America/Sao_Paulo",
        "Pacific/Apia",
        "Asia/Kathmandu",
        "America/Havana",
    ]
)
INSTANTS = st.datetimes(datetime(2005, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))
HOURS = st.integers(0, 23)


@given(ZONES, HOURS, INSTANTS)
def test_every_local_date_has_exactly_one_turn(zone, hour, start):
    daily = subscription(zone, hour=hour)
    at, dates = start, []
    for _ in range(30):
        following = next_digest_at(daily, at)
        assert following is not None
        assert following > at
        assert following.tzinfo == UTC
        dates.append(local_date(daily, following))
        at = following
    steps = {later - earlier for earlier, later in itertools.pairwise(dates)}
    one_day = timedelta(days=1)
    assert steps == {one_day} or (zone == "Pacific/Apia" and steps <= {one_day, 2 * one_day})


@given(ZONES, HOURS, INSTANTS)
def test_the_local_clock_shows_the_hour_unless_that_hour_is_missing(zone, hour, start):
    following = next_digest_at(subscription(zone, hour=hour), start)
    assert following is not None
    shown = following.astimezone(ZoneInfo(zone))
    if shown.hour != hour or shown.minute:
        before = (following - timedelta(seconds=1)).astimezone(ZoneInfo(zone))
        assert before.utcoffset() != shown.utcoffset()  # right after a jump


@given(ZONES, HOURS, INSTANTS, st.sampled_from(["daily", "weekly"]), st.integers(0, 6))
def test_the_last_turn_is_the_one_before_the_next(zone, hour, now, cadence, weekday):
    any_reader = subscription(zone, hour=hour, cadence=cadence, weekday=weekday)
    last = last_digest_at(any_reader, now)
    assert last is not None
    assert last <= now
    assert next_digest_at(any_reader, last) == next_digest_at(any_reader, now)


# --- turns: what a reader gets when the site was away ---------------------------------------------------------------


def test_on_time_it_is_todays_and_tomorrow_follows():
    daily = subscription(next_digest_at=utc(2025, 5, 5, 7))
    assert turn(daily, utc(2025, 5, 5, 7, 4)) == Turn(date(2025, 5, 5), utc(2025, 5, 6, 7))


def test_six_hours_down_sends_todays_late():
    daily = subscription(next_digest_at=utc(2025, 5, 5, 7))
    assert turn(daily, utc(2025, 5, 5, 12)) == Turn(date(2025, 5, 5), utc(2025, 5, 6, 7))


def test_six_hours_down_over_midnight_sends_yesterdays_late_and_todays_on_time():
    evening = subscription(hour=20, next_digest_at=utc(2025, 5, 5, 20))
    assert turn(evening, utc(2025, 5, 6, 1)) == Turn(date(2025, 5, 5), utc(2025, 5, 6, 20))


def test_two_days_down_sends_one_and_not_yesterdays_on_top_of_todays():
    daily = subscription(next_digest_at=utc(2025, 5, 5, 7))
    assert turn(daily, utc(2025, 5, 7, 6, 30)) == Turn(date(2025, 5, 7), utc(2025, 5, 8, 7))
    assert turn(daily, utc(2025, 5, 7, 9)) == Turn(date(2025, 5, 7), utc(2025, 5, 8, 7))


def test_a_weekly_reader_whose_day_was_missed_need_not_wait_a_week():
    weekly = subscription(cadence="weekly", weekday=0, next_digest_at=utc(2025, 5, 5, 7))
    assert turn(weekly, utc(2025, 5, 7, 6, 30)) == Turn(date(2025, 5, 7), utc(2025, 5, 12, 7))


@given(ZONES, HOURS, INSTANTS, st.integers(0, 60 * 24 * 4))
def test_after_any_outage_the_next_digest_is_for_a_later_date(zone, hour, start, minutes_late):
    daily = subscription(zone, hour=hour)
    daily.next_digest_at = next_digest_at(daily, start)
    assert daily.next_digest_at is not None
    now = daily.next_digest_at + timedelta(minutes=minutes_late)
    period, following = turn(daily, now)
    assert following is not None
    assert following > now
    assert local_date(daily, following) > period
    assert period <= local_date(daily, now)
