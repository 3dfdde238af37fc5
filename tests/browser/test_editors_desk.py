"""The rest of the editors' desk by clicks: a ranker rolled back, papers merged and taken apart, a reader's page."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import expect
from pytest_django import Settings

from accounts.models import User
from newsletter.models import Digest, Subscription
from papers.models import Merge, Paper
from recommender.models import RankerVersion
from recommender.training import train
from tests.browser.conftest import Open, violations
from tests.factories import make_paper, make_reader, make_subscription

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

TABLET = 820


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
