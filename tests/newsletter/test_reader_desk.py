"""A reader on the desk: everything on one page; paused, resumed, a digest sent again, never twice unasked."""

from __future__ import annotations

from datetime import date

import pytest
import time_machine
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from newsletter import digest
from newsletter.clicks import note_click
from newsletter.delivery import MAY_COME_TWICE, deliver
from newsletter.models import Digest, Subscription
from newsletter.suppression import suppress
from tests.factories import make_reader
from tests.newsletter.conftest import MORNING, make_due_reader

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def morning():
    with time_machine.travel(MORNING, tick=True) as clock:
        yield clock


@pytest.fixture
def desk(client):
    client.force_login(make_reader("editor@example.org", is_staff=True, is_superuser=True))
    return client


@pytest.fixture
def row(new_papers):
    digest.compose([make_due_reader("alice@example.org").pk])
    return Digest.objects.get()


def page_of(subscription, name="change", *args):
    return reverse(f"admin:newsletter_subscription_{name}", args=[subscription.pk, *args])


def again(row):
    return reverse("admin:newsletter_digest_again", args=[row.pk])


def test_a_reader_is_found_by_address_and_all_about_them_stands_on_one_page(desk, row, new_papers):
    note_click(row, new_papers[0], "page", "Mozilla/5.0")
    suppress("alice@example.org", "bounce", "5.1.1")
    listing = desk.get(reverse("admin:newsletter_subscription_changelist"), {"q": "alice@example.org"})
    assert page_of(row.subscription) in listing.content.decode()
    page = desk.get(page_of(row.subscription)).content.decode()
    for shown in (row.subject, "Nobody mails this address: bounced", "composed", again(row), "Erase", "next turn"):
        assert shown in page, shown


def test_the_page_costs_no_more_for_a_long_reader(desk, row, new_papers):
    counts = []
    for n in (1, 25):
        for number in range(n):
            Digest.objects.create(
                subscription=row.subscription,
                edition=row.edition,
                period=date(2024, 1 + number % 12, 1 + n + number // 12),
                message_id=f"<{n}.{number}@example.org>",
                state="sent",
                subject="Birds",
            )
        desk.get(page_of(row.subscription))
        with CaptureQueriesContext(connection) as queries:
            desk.get(page_of(row.subscription))
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 35


def test_paused_and_resumed(desk, row):
    page = desk.get(page_of(row.subscription))
    desk.post(page_of(row.subscription, "do", "pause"), {"seen_as": page.context["seen_as"], "until": "2025-05-20"})
    held = Subscription.objects.get()
    assert (held.paused_until, held.cadence) == (date(2025, 5, 20), "daily")
    assert held.next_digest_at.date() >= date(2025, 5, 20)
    page = desk.get(page_of(held))
    assert "Resume" in page.content.decode()
    desk.post(page_of(held, "do", "resume"), {"seen_as": page.context["seen_as"]})
    held.refresh_from_db()
    assert (held.paused_until, held.next_digest_at.date()) == (None, date(2025, 5, 6))
    assert [entry.get_change_message() for entry in LogEntry.objects.order_by("pk")] == [
        "Paused until 2025-05-20.",
        "Resumed: every day.",
    ]


def test_without_an_end_they_are_asked_how_often_when_they_resume(desk, row):
    desk.post(page_of(row.subscription, "do", "pause"), {"seen_as": "daily.None.False", "until": ""})
    for cadence, kept in [("", "paused"), ("weekly", "weekly")]:
        desk.post(page_of(row.subscription, "do", "resume"), {"seen_as": "paused.None.False", "cadence": cadence})
        assert Subscription.objects.get().cadence == kept


@pytest.mark.parametrize(
    ("what", "fields", "told"),
    [
        ("pause", {"seen_as": "weekly.None.False"}, "has just changed it"),
        ("pause", {"seen_as": "daily.None.False", "until": "2025-05-01"}, "still to come"),
        ("pause", {"seen_as": "daily.None.False", "until": "soon"}, "not a date"),
        ("resume", {}, "has just changed it"),
    ],
)
def test_what_cannot_be_done_is_told_and_changes_nothing(desk, row, what, fields, told):
    answer = desk.post(page_of(row.subscription, "do", what), fields, follow=True)
    assert told in answer.content.decode()
    held = Subscription.objects.get()
    assert (held.cadence, held.paused_until) == ("daily", None)
    assert not LogEntry.objects.exists()


def test_who_left_is_not_brought_back_by_an_editor(desk, row):
    Subscription.objects.update(unsubscribed_at=MORNING)
    answer = desk.post(page_of(row.subscription, "do", "pause"), {"seen_as": "daily.None.True"}, follow=True)
    assert "only they come back" in answer.content.decode()


def test_nothing_is_done_by_a_link(desk, row):
    assert desk.get(page_of(row.subscription, "do", "pause")).status_code == 405
    assert desk.post(page_of(row.subscription, "do", "erase")).status_code == 404


# --- sent again


def test_what_was_refused_is_sent_again_with_one_button(desk, row, mail_server):
    mail_server.answers["alice@example.org"] = ["550 5.7.0 no"]
    deliver([row.pk])
    assert Digest.objects.get().state == "failed"
    page = desk.get(again(row))
    assert "No copy of it went out" in page.content.decode()
    desk.post(again(row), {"seen_as": page.context["seen_as"]})
    deliver([row.pk])
    [mail] = mail_server.messages
    assert mail["Message-ID"] == row.message_id
    assert Digest.objects.get().state == "sent"


@pytest.mark.parametrize("state", ["uncertain", "sent"])
def test_where_a_copy_may_be_out_a_second_goes_only_when_asked_for(desk, row, mail_server, state):
    deliver([row.pk])
    Digest.objects.update(state=state)
    page = desk.get(again(row))
    assert "The reader may have it already." in page.content.decode()
    desk.post(again(row), {"seen_as": page.context["seen_as"]})
    assert Digest.objects.get().state == state
    desk.post(again(row), {"seen_as": page.context["seen_as"], "even_twice": "on"})
    deliver([row.pk])
    assert [mail["Message-ID"] for mail in mail_server.messages] == [row.message_id] * 2
    kept = Digest.objects.get()
    assert (kept.state, kept.state_reason) == ("sent", MAY_COME_TWICE)
    assert LogEntry.objects.count() == 1


def test_of_two_editors_who_send_it_again_the_second_is_told(desk, row, mail_server):
    deliver([row.pk])
    seen_as = desk.get(again(row)).context["seen_as"]
    for _ in range(2):
        answer = desk.post(again(row), {"seen_as": seen_as, "even_twice": "on"}, follow=True)
        deliver([row.pk])
    assert "Meanwhile it is" in answer.content.decode()
    assert len(mail_server.messages) == 2


def test_nobody_who_is_suppressed_is_promised_a_copy(desk, row):
    Digest.objects.update(state="failed")
    suppress("alice@example.org", "complaint")
    page = desk.get(again(row))
    assert "the address is suppressed" in page.content.decode()
    desk.post(again(row), {"seen_as": page.context["seen_as"]})
    assert Digest.objects.get().state == "failed"


def test_the_right_to_it_is_asked_for(client, row):
    helper = make_reader("helper@example.org", is_staff=True)
    client.force_login(helper)
    assert client.post(again(row), {}).status_code == 403
    assert client.post(page_of(row.subscription, "do", "pause"), {}).status_code == 403
