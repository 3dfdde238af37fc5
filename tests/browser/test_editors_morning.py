"""An editor's morning from login to a sent edition: two picks, a note, a withdrawn paper, a test mail, all by clicks.

Nothing of it is simulated: the site under gunicorn, a broker, a worker, an SMTP server on loopback. With
BROADSHEET_PICTURES set to a folder each step is photographed (python -m tests.screenshots).
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from config.embedded.outbox import text_part
from tests.browser.conftest import elsewhere, violations
from tests.journeys.house import House, house
from tests.processes import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.journey, pytest.mark.encoder, pytest.mark.xdist_group("the morning")]

EDITOR, PASSWORD = "editor@example.org", "a long enough password"
MOST_SECONDS = 300
OURS = [".desk-run", ".desk-candidates", ".desk-choose", ".desk-buttons", ".desk-form", ".desk-text"]
NOTE = "Good morning. **Two papers** to begin with."
# An editor of the group and no more; readers whose turn is still to come today, whatever the time is now.
SET_UP = """
from allauth.account.models import EmailAddress
from django.contrib.auth.models import Group
from accounts.models import User
from newsletter.models import Subscription
from newsletter.subscriptions import reschedule
editor = User.objects.create_user({email!r}, {password!r}, is_staff=True)
editor.groups.add(Group.objects.get(name="Editors"))
EmailAddress.objects.create(user=editor, email=editor.email, verified=True, primary=True)
for subscription in Subscription.objects.all():
    subscription.hour, subscription.time_zone, subscription.threshold = 23, {zone!r}, "low"
    subscription.save()
    reschedule(subscription)
"""


@pytest.fixture(scope="module")
def home() -> Iterator[House]:
    with house() as built:
        zone = "UTC" if datetime.now(UTC).hour < 22 else "Etc/GMT+2"
        built.manage("shell", "--no-imports", "-c", SET_UP.format(email=EDITOR, password=PASSWORD, zone=zone))
        yield built


class Morning:
    """A page whose console is listened to, and a camera."""

    def __init__(self, page: Page, site: str) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.n_pictures = 0
        page.set_default_timeout(20_000)
        page.on("console", lambda message: self.complaints.append(f"{page.url}: {message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.complaints.append(f"{page.url}: {error}"))
        page.on("request", lambda request: self.complaints.extend(elsewhere(request.url, site)))

    def look(self, name: str, at: str = "") -> None:
        """What stands on our own parts of the page is right for everybody, and is photographed when asked for."""
        if present := [part for part in OURS if self.page.locator(part).count()]:
            self.complaints += [f"{name}: {line}" for line in violations(self.page, present)]
        if folder := os.environ.get("BROADSHEET_PICTURES"):
            self.page.wait_for_load_state("networkidle")
            if at:
                self.page.locator(at).first.evaluate("part => part.scrollIntoView({block: 'center'})")
            self.n_pictures += 1
            self.page.screenshot(path=Path(folder) / f"editor-{self.n_pictures}-{name}.png")


def test_from_login_to_a_sent_edition(home: House, chromium: Browser) -> None:
    slow = House(home.var, home.env | {"BROADSHEET_MAIL_RATE": "1"}, home.site)  # so that there is a run to stop
    with home.broker(), slow.worker():
        page = chromium.new_context(base_url=home.site, viewport={"width": 1366, "height": 900}).new_page()
        morning, began = Morning(page, home.site), time.monotonic()

        page.goto("/admin/")
        page.locator("input[name=login]").first.fill(EDITOR)
        page.locator("details:has(input[name=password]) > summary").click()
        page.locator("input[name=password]").fill(PASSWORD)
        page.locator("input[name=password]").press("Enter")
        page.get_by_role("link", name="Today's edition").first.click()
        expect(page.get_by_role("heading", name="Candidates")).to_be_visible()
        morning.look("todays-edition")

        titles = []
        for _ in range(2):
            row = page.locator(".desk-candidates tbody tr", has=page.get_by_role("button", name="Pick")).nth(2)
            titles.append(row.locator("a").first.inner_text())
            row.get_by_role("button", name="Pick").click()
            expect(page.get_by_text("Give it a note and its place above")).to_be_visible()
        page.locator("textarea[name=note]").fill(NOTE)
        page.locator("textarea[name=picks-0-note]").fill("It opens a *new* field.")
        morning.look("picks-and-note", "textarea[name=note]")
        page.get_by_role("button", name="Save and continue editing").click()
        expect(page.get_by_text("was changed successfully")).to_be_visible()

        row = page.locator(".desk-candidates tbody tr", has=page.get_by_role("button", name="Pick")).first
        withdrawn = row.locator("a").first.inner_text()
        row.get_by_role("link", name="Hide").click()
        page.get_by_label("withdrawn").check()
        page.get_by_label("Reason").fill("The authors took it back.")
        morning.look("withdraw")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_text("The paper is withdrawn from now on.")).to_be_visible()
        expect(page.locator(".desk-candidates")).not_to_contain_text(withdrawn)

        page.get_by_role("link", name="Preview as reader").first.click()
        digest = page.locator("iframe").content_frame
        expect(digest.get_by_text("Two papers")).to_be_visible()
        expect(digest.get_by_text("It opens a new field.")).to_be_visible()
        morning.look("preview", ".desk-buttons")
        page.get_by_role("button", name="Send a test to myself").click()
        expect(page.get_by_text(f"A test is on its way to {EDITOR}.")).to_be_visible()
        assert wait_until(lambda: len(home.mails(EDITOR)) == 1)
        assert str(home.mails(EDITOR)[0]["Subject"]).strip().startswith("Test: ")

        page.get_by_role("link", name="Back to the edition").click()
        page.get_by_role("link", name="Send now").click()
        expect(page.get_by_text("20 readers' turns are still to come")).to_be_visible()
        morning.look("send-now")
        page.get_by_role("button", name="Send now").click()
        expect(page.get_by_text("20 readers' turns are now.")).to_be_visible()

        assert wait_until(lambda: bool(home.mails("simulated-*")), 60)
        page.get_by_role("button", name="Stop sending").click()
        expect(page.get_by_text("Stopped: no more of its digests are sent")).to_be_visible()
        page.wait_for_timeout(3000)  # what a worker had in hand goes out
        n_stopped = len(home.mails("simulated-*"))
        page.reload()
        morning.look("stopped")
        page.wait_for_timeout(3000)
        assert len(home.mails("simulated-*")) == n_stopped < 20
        page.get_by_role("button", name="Resume sending").click()
        assert wait_until(lambda: len(home.mails("simulated-*")) == 20, 120)
        page.wait_for_timeout(1000)
        page.reload()
        expect(page.locator(".desk-run")).to_contain_text(re.compile(r"20\s+sent"))
        morning.look("sent")
        assert time.monotonic() - began < MOST_SECONDS

        for mail in home.mails("simulated-*"):
            text = " ".join((text_part(mail, "plain") or "").split())
            assert "Two papers" in text
            assert withdrawn not in text
        everything = " ".join(" ".join((text_part(mail, "plain") or "").split()) for mail in home.mails("simulated-*"))
        assert all(title in everything for title in titles)
        assert morning.complaints == []
