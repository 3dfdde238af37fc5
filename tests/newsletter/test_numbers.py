"""The numbers page: each figure against rows that the real pipeline made, and each link against its figure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from html import unescape
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts import privacy
from newsletter import digest, subscriptions
from newsletter.admin.numbers import FIGURES, Rows
from newsletter.bounces import Kind, note_bounce
from newsletter.charts import Part, bars
from newsletter.clicks import note_click, note_vote
from newsletter.delivery import deliver
from newsletter.models import Digest, Edition, Subscription, SubscriptionChange
from newsletter.numbers import Numbers, Span, subscribers
from newsletter.subscription_changes import note_changes
from newsletter.suppression import suppress
from papers.models import Paper
from recommender.models import Group as ReaderGroup
from tests.factories import make_paper, make_reader
from tests.newsletter.conftest import MORNING, MailServer, make_due_reader

pytestmark = pytest.mark.django_db
READER = "Mozilla/5.0"
TODAY = MORNING.date()
NAMES = ("alice", "bob", "carol", "dave", "erin", "frank", "grace")


@pytest.fixture
def clock() -> Iterator[time_machine.Coordinates]:
    with time_machine.travel(MORNING, tick=False) as clock:
        yield clock


@pytest.fixture
def two_mornings(clock: Any, new_papers: list[Paper], mail_server: MailServer) -> dict[str, Subscription]:
    """Monday: seven readers, of whom four get a digest. Tuesday: who is left."""
    readers = {name: make_due_reader(f"{name}@example.org", threshold="low") for name in NAMES}
    note_changes([reader.pk for reader in readers.values()])
    Subscription.objects.filter(pk=readers["erin"].pk).update(threshold="high")
    suppress("frank@example.org", "bounce")
    mail_server.answers["dave@example.org"] = "550 5.1.1 no such user"
    mail_server.at_data["grace@example.org"] = "drop after taking"
    deliver(digest.compose([reader.pk for reader in readers.values()]))
    clock.shift(timedelta(hours=1))
    rows = {name: Digest.objects.get(subscription=reader) for name, reader in readers.items()}
    first, second = (Paper.objects.get(pk=pk) for pk in rows["alice"].paper_ids[:2])
    note_click(rows["alice"], first, "page", READER)
    note_click(rows["alice"], second, "pdf", READER)
    note_click(rows["bob"], Paper.objects.get(pk=rows["bob"].paper_ids[0]), "page", READER)
    note_click(rows["bob"], Paper.objects.get(pk=rows["bob"].paper_ids[0]), "page", "proofpoint")
    note_vote(rows["alice"], first, "save")
    note_vote(rows["alice"], second, "less")
    note_vote(rows["carol"], Paper.objects.get(pk=rows["carol"].paper_ids[0]), "more")
    note_bounce(rows["bob"], Kind.SOFT, "mailbox full")
    note_bounce(rows["carol"], Kind.COMPLAINT, "abuse")
    subscriptions.unsubscribe(Subscription.objects.get(pk=readers["bob"].pk))
    clock.shift(timedelta(hours=23))
    for number in range(4):
        make_paper(f"More on speech, {number}", published_at=MORNING + timedelta(hours=number))
    digest.compose([readers["alice"].pk])
    return readers


def numbers_of(first: date = TODAY, last: date = TODAY) -> Numbers:
    return Numbers(Span(first, last))


def test_an_editions_figures_are_what_became_of_its_digests(two_mornings: dict[str, Subscription]) -> None:
    (row,) = numbers_of().by_edition
    assert row.composed == 7
    assert dict(row.states) == {"sent": 3, "skipped": 1, "suppressed": 1, "failed": 1, "uncertain": 1}
    assert (row.waiting, row.clicks, row.unsubscribed) == (0, 3, 1)
    assert dict(row.votes) == {"save": 1, "less": 1, "more": 1}
    assert (row.bounced, row.complained) == (2, 1)  # dave's address does not exist, bob's mailbox is full


def test_over_time_each_edition_has_its_own_and_the_total_all(two_mornings: dict[str, Subscription]) -> None:
    both = numbers_of(TODAY, TODAY + timedelta(days=1))
    assert [(row.composed, row.waiting) for row in both.by_edition] == [(7, 0), (1, 1)]
    assert (both.total.composed, both.total.clicks, both.total.unsubscribed) == (8, 3, 1)
    assert numbers_of(TODAY - timedelta(days=9), TODAY - timedelta(days=1)).total.composed == 0


def test_it_is_told_why_digests_were_not_sent(two_mornings: dict[str, Subscription]) -> None:
    found = {(state, n): reason for state, reason, n in numbers_of().why_not_sent}
    assert set(found) == {("skipped", 1), ("suppressed", 1)}
    assert found["suppressed", 1] == "the address is suppressed: bounced"
    assert "nothing new" in found["skipped", 1] or "threshold" in found["skipped", 1]


def test_clicks_and_votes_are_counted_by_position_and_reason_and_no_scanners(two_mornings: dict[str, Any]) -> None:
    found = numbers_of()
    assert dict(found.by_position) == {1: {"click": 2, "save": 1, "more": 1}, 2: {"click": 1, "less": 1}}
    row = Digest.objects.get(subscription=two_mornings["alice"], period=TODAY)
    reasons = dict(found.by_reason)
    assert reasons[row.items[0]["reason"]["kind"]]["save"] == 1
    assert sum(n["click"] for n in reasons.values()) == 3


def test_subscribers_are_won_and_lost_by_whole_weeks(clock: Any, two_mornings: dict[str, Subscription]) -> None:
    clock.shift(timedelta(days=7))
    subscriptions.resubscribe(Subscription.objects.get(pk=two_mornings["bob"].pk))
    privacy.erase(two_mornings["alice"].user)
    wednesday = TODAY + timedelta(days=2)
    first, second = numbers_of(wednesday, wednesday + timedelta(days=7)).weeks
    assert (first.monday, first.won, first.lost) == (TODAY, 7, 3)
    # frank was suppressed outside of any pipeline, and nobody asked since
    assert dict(first.changes) == {"subscribed": 7, "unsubscribe": 1, "bounce": 1, "complaint": 1}
    assert dict(second.changes) == {"returned": 1, "erased": 1}
    assert subscribers() == 6  # bob and the five whom no wish of their own took away


def open_numbers(client: Client, **asked: str) -> str:
    response = client.get(reverse("desk_numbers"), asked)
    assert response.status_code == 200
    return response.content.decode()


@pytest.fixture
def desk(client: Client) -> Client:
    client.force_login(make_reader("root@example.org", is_staff=True, is_superuser=True))
    return client


def test_every_link_leads_to_as_many_rows_as_its_figure_says(
    clock: Any, desk: Client, two_mornings: dict[str, Subscription]
) -> None:
    group = ReaderGroup.objects.create(name="Birds")
    Digest.objects.create(  # is of no edition, and so in no figure
        subscription=two_mornings["dave"], group=group, period=TODAY, state="sent", message_id="<group@example.org>"
    )
    page = open_numbers(desk)
    links = re.findall(r'<a href="([^"]+)">([\d,]+)</a>', page)
    assert len(links) > 40
    for link, shown in set(links):
        response = desk.get(unescape(link))
        assert response.status_code == 200, link
        assert response.context["cl"].result_count == int(shown.replace(",", "")), link
    drawn = re.findall(r'<a href="([^"]+)" aria-label="[^"]*: (-?\d+) [^"]*">', page)
    assert len(drawn) > 10
    for link, shown in drawn:
        assert desk.get(unescape(link)).context["cl"].result_count == int(shown), link


def test_every_column_has_a_link_of_its_own(two_mornings: dict[str, Subscription], rf: Any) -> None:
    request = rf.get("/")
    request.user = make_reader("root@example.org", is_superuser=True)
    rows = Rows(request, Span(TODAY, TODAY))
    urls = [rows.url(figure.model, figure.where, Edition.objects.first()) for figure in FIGURES]
    assert len(set(urls)) == len(FIGURES)


def test_an_editor_sees_the_figures_and_no_link_to_readers(
    clock: Any, client: Client, two_mornings: dict[str, Subscription]
) -> None:
    editor = make_reader("editor@example.org", is_staff=True)
    editor.groups.add(Group.objects.get(name="Editors"))
    client.force_login(editor)
    page = open_numbers(client)
    assert "the address is suppressed: bounced" in page
    for name in ("digest", "click", "vote", "bounce", "subscriptionchange"):
        assert reverse(f"admin:newsletter_{name}_changelist") not in page
    assert "alice@example.org" not in page


@pytest.mark.parametrize(("group", "status"), [("Editors", 200), ("Operators", 200), ("Moderators", 403)])
def test_who_sees_the_numbers(client: Client, group: str, status: int) -> None:
    member = make_reader("member@example.org", is_staff=True)
    member.groups.add(Group.objects.get(name=group))
    client.force_login(member)
    assert client.get(reverse("desk_numbers")).status_code == status
    assert (reverse("desk_numbers") in client.get("/admin/").content.decode()) == (status == 200)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"first": "2025-05-09", "last": "2025-05-01"}, "Choose a day on or after the first"),
        ({"first": "2015-05-09", "last": "2025-05-01"}, "at most 366 days"),
        ({"first": "yesterday", "last": "2025-05-01"}, "Enter a valid date."),
        ({"first": "2025-05-01"}, "This field is required."),
    ],
)
def test_a_wrong_span_is_told_and_the_usual_one_shown(desk: Client, asked: dict[str, str], told: str) -> None:
    page = open_numbers(desk, **asked)
    assert told in page
    assert "No edition in this time." in page


def test_a_resting_publication_shows_its_last_four_weeks(clock: Any, client: Client, two_mornings: Any) -> None:
    clock.shift(timedelta(days=400))
    client.force_login(make_reader("root@example.org", is_staff=True, is_superuser=True))
    assert "6 May 2025" in open_numbers(client)


def test_the_page_costs_the_same_queries_for_one_edition_and_for_many(
    clock: Any, desk: Client, two_mornings: dict[str, Subscription]
) -> None:
    counts = []
    for n in (1, 20):
        for number in range(n):
            at = MORNING - timedelta(days=1 + number)
            Edition.objects.get_or_create(date=at.date(), defaults={"window_start": at, "window_end": at})
        with CaptureQueriesContext(connection) as queries:
            open_numbers(desk)
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 20


def test_changes_of_readers_are_listed_erased_ones_too(desk: Client, alice: Any) -> None:
    subscriptions.confirm(alice)
    privacy.erase(alice)
    page = desk.get(reverse("admin:newsletter_subscriptionchange_changelist")).content.decode()
    assert SubscriptionChange.objects.count() == 2
    assert "erased" in page


def test_bars_stand_upon_each_other_and_below_the_line() -> None:
    chart = bars("", [], [("a", [Part(3, "x", ""), Part(1, "y", "")]), ("b", [Part(2, "x", ""), Part(-1, "y", "")])])
    assert (chart.top, chart.bottom, chart.zero) == (4, 1, 120)
    assert [(rect.y, rect.height) for rect in chart.rects] == [(30, 90), (0, 30), (60, 60), (120, 30)]
    assert bars("", [], []).rects == []
    assert bars("", [], [("a", [Part(0, "x", "")])]).rects == []
