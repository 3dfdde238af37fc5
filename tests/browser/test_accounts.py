"""Accounts in a real browser: from the subscribe box to the first papers, passkeys, and every page's looks."""

from __future__ import annotations

import re

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.core import mail
from playwright.sync_api import Page, expect

from accounts.models import User
from newsletter.models import Subscription
from tests.browser.conftest import Open
from tests.factories import make_reader, make_subscription, make_topic

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def reader() -> User:
    reader = make_reader("alice@example.org")
    EmailAddress.objects.create(user=reader, email=reader.email, verified=True, primary=True)
    make_topic("Speech")
    make_subscription(reader)
    return reader


def mailed_code() -> str:
    found = re.search(r"[A-Z]{4}-[A-Z]{4}", str(mail.outbox[-1].body))
    assert found
    return found[0]


def give_a_device(page: Page) -> None:
    """An authenticator that Chromium simulates, which knows its owner's finger."""
    devices = page.context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    devices.send("WebAuthn.addVirtualAuthenticator", {"options": options})


@pytest.mark.parametrize("javascript", [True, False])
def test_a_newcomer_subscribes_and_chooses(open_page: Open, javascript: bool) -> None:
    make_topic("Speech")
    page = open_page("/accounts/signup/", java_script_enabled=javascript, timezone_id="Europe/Zurich")
    page.get_by_label("Email").fill("newcomer@example.org")
    page.get_by_role("main").get_by_role("button", name="Subscribe").click()
    page.get_by_label("Code").fill(mailed_code())
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("heading", name="What would you like to read?")).to_be_visible()
    page.get_by_label("Speech").check()
    page.get_by_role("button", name="Show me my first digest").click()
    page.wait_for_url("**/start/digest/")
    subscription = Subscription.objects.get(user__email="newcomer@example.org")
    assert subscription.time_zone == ("Europe/Zurich" if javascript else "UTC")
    assert [topic.name for topic in subscription.user.interests.get().topics.all()] == ["Speech"]


def test_who_has_chosen_a_zone_is_only_offered_the_browsers(open_page: Open, reader: User) -> None:
    page = open_page("/preferences/", reader, timezone_id="Europe/Zurich")
    expect(page.get_by_label("Time zone")).to_have_value("UTC")
    page.get_by_role("button", name="Your browser is set to Europe/Zurich").click()
    expect(page.get_by_label("Time zone")).to_have_value("Europe/Zurich")


def test_a_passkey_is_added_signs_in_and_is_removed(open_page: Open, reader: User) -> None:
    page = open_page("/accounts/2fa/webauthn/add/", reader)
    give_a_device(page)
    page.get_by_label("Name").fill("My laptop")
    page.get_by_role("button", name="Add it").click()
    expect(page.get_by_text("The passkey is added.")).to_be_visible()
    expect(page.get_by_text("My laptop")).to_be_visible()
    assert Authenticator.objects.get().wrap().is_passwordless

    page.context.clear_cookies()
    page.goto("/accounts/login/?next=/account/")
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("heading", name="Your account")).to_be_visible()

    page.goto("/accounts/2fa/webauthn/")
    page.get_by_role("link", name="Remove").click()
    page.get_by_role("button", name="Use a passkey").click()  # to show that it is them
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_text("None yet.")).to_be_visible()
    assert not Authenticator.objects.exists()
