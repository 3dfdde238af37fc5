"""A newcomer, from the home page to a first digest on the screen: nothing but what they see, and the mailed code."""

from __future__ import annotations

import re
import time
from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone
from playwright.sync_api import Locator, expect

from tests.browser.conftest import Open, faults
from tests.factories import make_paper

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

MOST_CLICKS = 9
MOST_SECONDS = 120
FIELDS = {
    "Speech": "vowels lungs accent",
    "Robots": "grasp cups gripper",
    "Bees": "hives honey nectar",
    "Stars": "dust spectra orbit",
}


@pytest.fixture
def catalogue(transactional_db: None) -> None:
    now = timezone.now()
    for topic, words in FIELDS.items():
        for number in range(6):
            word = words.split()[number % 3]
            make_paper(
                f"{topic}: {word} seen anew, part {number}",
                abstract=f"We study {words} and find more than was known of {word}.",
                topics=[topic],
                authors=["Ada Lovelace"],
                published_at=now - timedelta(hours=number + 1),
                upvotes=number,
            )


class Clicks:
    n = 0

    def on(self, what: Locator) -> None:
        what.click()
        self.n += 1


@pytest.mark.parametrize("javascript", [True, False])
def test_from_the_home_page_to_a_first_digest(open_page: Open, catalogue: None, javascript: bool) -> None:
    began, clicks = time.monotonic(), Clicks()
    page = open_page("/", java_script_enabled=javascript, timezone_id="Europe/Zurich")
    clicks.on(page.get_by_label("Your e-mail address"))
    page.keyboard.type("newcomer@example.org")
    clicks.on(page.get_by_role("main").get_by_role("button", name="Subscribe"))
    clicks.on(page.get_by_label("Code"))
    page.keyboard.type(mailed_code())
    clicks.on(page.get_by_role("button", name="Confirm"))
    expect(page.get_by_role("heading", name="What would you like to read?")).to_be_visible()
    offered = page.locator("input[name=papers]")
    assert offered.count() == 12
    clicks.on(page.get_by_label("Bees", exact=True))
    clicks.on(page.locator(".picks label", has_text="honey").first)
    clicks.on(page.locator(".picks label", has_text="nectar").first)
    clicks.on(page.get_by_role("button", name="Show me my first digest"))
    expect(page.get_by_role("heading", name="Your first digest", level=1)).to_be_visible()
    titles = page.locator(".papers h2").all_inner_texts()
    assert len(titles) >= 3
    assert all(title.startswith("Bees") for title in titles[:3]), titles
    expect(page.locator(".papers .why").first).to_be_visible()
    assert clicks.n <= MOST_CLICKS
    assert time.monotonic() - began < MOST_SECONDS
    zone = "Europe/Zurich" if javascript else "UTC"
    expect(page.get_by_text(f"({zone})")).to_be_visible()


def test_nothing_is_wrong_with_any_step_on_the_way(open_page: Open, catalogue: None) -> None:
    page = open_page("/accounts/signup/")
    page.get_by_label("Email").fill("newcomer@example.org")
    page.get_by_role("main").get_by_role("button", name="Subscribe").click()
    found = faults(page, "first-1-code")
    page.get_by_label("Code").fill("WRON-GONE")
    page.get_by_role("button", name="Confirm").click()
    expect(page.locator(".errorlist")).to_be_visible()
    found += faults(page, "first-2-wrong-code")
    page.get_by_label("Code").fill(mailed_code())
    page.get_by_role("button", name="Confirm").click()
    found += faults(page, "first-3-choose")
    page.get_by_label("Bees", exact=True).check()
    page.get_by_role("button", name="Show me my first digest").click()
    expect(page.get_by_role("heading", name="Your first digest", level=1)).to_be_visible()
    found += faults(page, "first-4-digest")

    page = open_page("/accounts/login/")
    page.get_by_label("Email").fill("newcomer@example.org")
    page.get_by_role("button", name="Continue").click()
    found += faults(page, "login-code")
    page.get_by_label("Code").fill(mailed_code())
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("button", name="Sign out").first).to_be_visible()
    assert found == []


def mailed_code() -> str:
    found = re.search(r"[A-Z]{4}-[A-Z]{4}", str(mail.outbox[-1].body))
    assert found
    return found[0]
