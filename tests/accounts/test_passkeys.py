"""Passkeys in a real browser, with an authenticator that Chromium simulates."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.db import connections
from django.test import Client
from playwright.sync_api import Page, expect, sync_playwright
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from tests.factories import make_reader

CHROMIUM = shutil.which("chromium")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here"),
]


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")  # Playwright runs an event loop in this thread
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.context.new_cdp_session(page).send("WebAuthn.enable")
        yield page
        browser.close()
        connections.close_all()  # outside of Playwright's loop this thread opens another one


@pytest.fixture
def reader(db: None) -> User:
    reader = make_reader("alice@example.org")
    EmailAddress.objects.create(user=reader, email=reader.email, verified=True, primary=True)
    return reader


def test_a_passkey_is_added_signs_in_and_is_removed(page: Page, live_server: LiveServer, reader: User) -> None:
    site = live_server.url.replace("127.0.0.1", "localhost")
    devices = page.context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    devices.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "internal",
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": True,
                "automaticPresenceSimulation": True,
            }
        },
    )
    client = Client()
    client.force_login(reader)
    page.context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": site}])
    page.goto(f"{site}/accounts/2fa/webauthn/add/")
    page.get_by_label("Name").fill("My laptop")
    page.get_by_role("button", name="Add it").click()
    expect(page.get_by_text("The passkey is added.")).to_be_visible()
    expect(page.get_by_text("My laptop")).to_be_visible()
    assert Authenticator.objects.get().wrap().is_passwordless

    page.context.clear_cookies()
    page.goto(f"{site}/accounts/login/?next=/account/")
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("heading", name="Your account")).to_be_visible()

    page.goto(f"{site}/accounts/2fa/webauthn/")
    page.get_by_role("link", name="Remove").click()
    page.get_by_role("button", name="Use a passkey").click()  # to show that it is them
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_text("None yet.")).to_be_visible()
    assert not Authenticator.objects.exists()


def test_who_lost_the_passkey_still_gets_in_by_code(client: Client, reader: User, mailoutbox: list) -> None:
    Authenticator.objects.create(user=reader, type=Authenticator.Type.WEBAUTHN, data={"name": "lost"})
    page = client.post("/accounts/login/", {"login": reader.email})["Location"]
    code = str(mailoutbox[-1].body).split("\n\n    ")[1].split()[0]
    client.post(page, {"code": code})
    assert client.get("/account/").status_code == 200
