"""The rest of the editors' desk by clicks: a ranker rolled back, papers merged and taken apart, a reader's page."""

from __future__ import annotations

import os
import re
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path

import pytest
import redis
from celery import current_app
from celery.contrib.testing.worker import start_worker
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django import Settings

from accounts.models import User
from config import operations
from config.embedded.valkey import embedded_broker
from config.models import TaskRun
from newsletter.models import Bounce, Click, Digest, Edition, Subscription, SubscriptionChange, Vote
from papers.models import Merge, Paper, Source
from recommender.models import RankerVersion
from recommender.training import train
from tests.browser.conftest import Open, violations
from tests.factories import make_paper, make_reader, make_subscription
from tests.processes import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

TABLET = 820
LOOKS = [(1366, "light"), (TABLET, "dark")]
SENT = ("sent", "")
STATES = [SENT] * 7 + [
    ("skipped", "nothing new since the last digest"),
    ("suppressed", "the address is suppressed: bounced"),
    ("failed", "550 5.1.1 no such user"),
]


@pytest.fixture
def editor() -> User:
    now = timezone.now()
    for number in range(4):
        make_paper(f"Birds, part {number}", abstract="It names a bird.", published_at=now - timedelta(minutes=number))
    return make_reader("editor@example.org", is_staff=True, is_superuser=True)


def test_a_ranker_is_rolled_back(open_page: Open, editor: User, settings: Settings, tmp_path: object) -> None:
    settings.ARTIFACTS_DIR = tmp_path
    older, newer = (train().version for _ in range(2))
    page = open_page(reverse("admin:recommender_rankerversion_changelist"), editor, width=1180)
    page.locator("tr", has_text=older.name).locator("input.action-select").check()
    page.locator("select[name=action]").select_option("publish")
    page.locator("button[name=index], button:has-text('Run')").first.click()
    expect(page.get_by_text(f"{older.name} is published")).to_be_visible()
    assert dict(RankerVersion.objects.values_list("pk", "state")) == {older.pk: "published", newer.pk: "retired"}


def test_two_papers_are_merged_and_taken_apart(open_page: Open, editor: User) -> None:
    kept, absorbed = Paper.objects.order_by("pk")[:2]
    row = Merge.objects.create(kept=kept, absorbed=absorbed, reason="Alike")
    page = open_page(reverse("admin:papers_merge_changelist"), editor, width=1180)
    for action, state in [("merge_them", "done"), ("undo", "undone")]:
        page.locator("input.action-select").first.check()
        page.locator("select[name=action]").select_option(action)
        page.locator("button[name=index], button:has-text('Run')").first.click()
        expect(page.get_by_text("1 pair done.")).to_be_visible()
        row.refresh_from_db()
        assert row.state == state
    absorbed.refresh_from_db()
    assert absorbed.is_visible()
    for name, state in [
        ("Merge: they are one paper", "done"),
        ("Take apart again", "undone"),
    ]:  # on the pair's own page
        page.goto(reverse("admin:papers_merge_change", args=[row.pk]))
        page.get_by_role("button", name=name).click()
        expect(page.get_by_text("1 pair done.")).to_be_visible()
        row.refresh_from_db()
        assert row.state == state


def look(page: Page, name: str, heading: str) -> None:
    """It is there, right for everybody and no wider than the screen; photographed when asked for, on a laptop."""
    expect(page.get_by_role("heading", name=heading)).to_be_visible()
    assert violations(page, ["[class^='desk-']"]) == []
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    if (folder := os.environ.get("BROADSHEET_PICTURES")) and page.viewport_size == {"width": 1366, "height": 900}:
        page.screenshot(path=Path(folder) / f"editor-{name}.png")


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_numbers(open_page: Open, editor: User, width: int, scheme: str) -> None:
    plant_editions()
    page = open_page(reverse("desk_numbers"), editor, width=width, scheme=scheme)
    look(page, "numbers", "By the reason shown")
    page.locator(".desk-chart svg a").first.focus()
    page.keyboard.press("Enter")  # a bar leads to the rows behind it
    expect(page).to_have_url(re.compile("/admin/newsletter/digest/.*state"))


@pytest.mark.usefixtures("own_connections")
@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_operations(open_page: Open, editor: User, settings: Settings, width: int, scheme: str) -> None:
    """With a broker, a worker, and a schedule that has run."""
    now = timezone.now()
    RankerVersion.objects.create(name="20250504-031500-000000", state="published", published_at=now)
    Source.objects.update(last_run_at=now, last_success_at=now, well_since=now)
    for number, entry in enumerate(settings.CELERY_BEAT_SCHEDULE.values()):
        at = now - timedelta(seconds=20 + 4 * number)
        TaskRun.objects.update_or_create(
            task=entry["task"], defaults={"started_at": at, "ended_at": at + timedelta(seconds=number / 3)}
        )
    with nullcontext() if settings.REDIS_URL else embedded_broker(settings.EMBEDDED_BROKER_SOCKET):
        with redis.Redis.from_url(settings.REDBEAT_REDIS_URL) as client:
            client.set("redbeat::lock", "1", ex=30)
        with start_worker(
            current_app, pool="solo", perform_ping_check=False, shutdown_timeout=20, hostname="celery@worker-1"
        ):
            assert wait_until(lambda: bool(operations.workers()))
            page = open_page(reverse("desk_operations"), editor, width=width, scheme=scheme)
            expect(page.get_by_text("celery@worker-1")).to_be_visible()
            look(page, "operations", "Whether mail arrives")


def plant_editions() -> None:
    """Four, to fifty readers, with all that may become of a digest."""
    today = timezone.now()
    papers = list(Paper.objects.all())
    readers = [make_subscription(make_reader(f"reader{number}@example.org")) for number in range(50)]
    SubscriptionChange.objects.bulk_create(
        [
            SubscriptionChange(subscription=one, at=today - timedelta(days=one.pk % 28), kind="subscribed")
            for one in readers
        ]
    )
    for age in range(4):
        at = today - timedelta(days=7 * age)
        edition = Edition.objects.create(date=at.date(), window_start=at, window_end=at)
        for number, reader in enumerate(readers):
            state, reason = STATES[(number + age) % len(STATES)]
            row = Digest.objects.create(
                subscription=reader,
                edition=edition,
                period=edition.date,
                state=state,
                state_reason=reason,
                message_id=f"<{number}.{age}@example.org>",
            )
            place = {"edition": edition, "paper": papers[number % 4], "position": number % 4 + 1}
            place["reason"] = ("read", "topic", "trending", "new")[number % 4]
            if state == "sent" and number % 2:
                Click.objects.create(digest=row, **place)
            if state == "sent" and number % 3 == 0:
                Vote.objects.create(digest=row, kind=("save", "more", "less")[number % 7 % 3], **place)
            if number == 7 * age:
                Bounce.objects.create(digest=row, edition=edition, kind=("hard", "soft", "complaint", "hard")[age])
                SubscriptionChange.objects.create(subscription=reader, at=at, kind="unsubscribe", edition=edition)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_reader_s_page_on_a_tablet_by_keyboard(open_page: Open, editor: User, scheme: str) -> None:
    subscription = make_subscription(make_reader("alice@example.org"), threshold="low")
    page = open_page(
        reverse("admin:newsletter_subscription_change", args=[subscription.pk]), editor, width=TABLET, scheme=scheme
    )
    assert violations(page, [".desk-run", ".desk-card"]) == []
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    page.get_by_role("button", name="Pause").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Paused until somebody resumes it.", exact=True)).to_be_visible()
    page.get_by_role("button", name="Resume").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Resumed: every day.", exact=True)).to_be_visible()
    assert Subscription.objects.get().cadence == "daily"
    page.get_by_role("link", name="What they would get, and why").click()
    expect(page.get_by_role("columnheader", name="Times likelier")).to_be_visible()
    assert violations(page, [".desk-choose", ".desk-card"]) == []
    assert not Digest.objects.exists()
