"""Logging in with an account elsewhere, against a provider of our own that speaks GitHub's part."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlparse

import pytest
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from allauth.socialaccount.providers.github.views import GitHubOAuth2Adapter
from django.core import mail
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from newsletter.models import Subscription
from tests.factories import make_reader

pytestmark = pytest.mark.django_db


@pytest.fixture
def github(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """What the provider answers, by path; a test may change it."""
    answers: dict[str, Any] = {
        "/token": {"access_token": "t", "token_type": "bearer"},
        "/user": {"id": 7, "login": "alice", "name": "Alice"},
        "/emails": [{"email": "alice@example.org", "verified": True, "primary": True}],
    }

    class Provider(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(answers[urlparse(self.path).path]).encode())

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.do_GET()

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    for name, path in [("access_token_url", "token"), ("profile_url", "user"), ("emails_url", "emails")]:
        monkeypatch.setattr(GitHubOAuth2Adapter, name, f"http://127.0.0.1:{server.server_port}/{path}")
    settings.SOCIALACCOUNT_PROVIDERS = {
        "github": {"APPS": [{"client_id": "id", "secret": "secret", "key": ""}], "EMAIL_AUTHENTICATION": True}
    }
    yield answers
    server.shutdown()
    server.server_close()


def come_back(client: Client, process: str = "login") -> str:
    """Press the button, be sent to GitHub, come back; where that leads."""
    there = client.post(f"/accounts/github/login/?process={process}")["Location"]
    assert there.startswith("https://github.com/login/oauth/authorize")
    state = parse_qs(urlparse(there).query)["state"][0]
    return client.get("/accounts/github/login/callback/", {"code": "c", "state": state})["Location"]


def test_without_keys_no_other_site_is_offered(client: Client) -> None:
    assert "Continue with" not in client.get("/accounts/login/").content.decode()


def test_a_newcomer_is_signed_in_but_mailed_nothing_before_subscribing(client: Client, github: dict[str, Any]) -> None:
    assert "Continue with GitHub" in client.get("/accounts/login/").content.decode()
    assert come_back(client) == "/start/"
    assert User.objects.get().email == "alice@example.org"
    assert EmailAddress.objects.get().verified
    assert not Subscription.objects.filter(confirmed_at__isnull=False).exists()
    client.post("/preferences/", {"action": "subscribe"})
    assert Subscription.objects.get().confirmed_at is not None


def test_a_reader_with_that_address_is_signed_in_to_their_own_account(
    client: Client, alice: User, github: dict[str, Any]
) -> None:
    EmailAddress.objects.create(user=alice, email=alice.email, verified=True, primary=True)
    come_back(client)
    assert User.objects.get() == alice
    assert client.session["_auth_user_id"] == str(alice.pk)
    assert SocialAccount.objects.get().user == alice


def test_an_address_the_other_site_did_not_verify_opens_no_account(
    client: Client, alice: User, github: dict[str, Any]
) -> None:
    EmailAddress.objects.create(user=alice, email=alice.email, verified=True, primary=True)
    github["/emails"][0]["verified"] = False
    come_back(client)
    assert "_auth_user_id" not in client.session


def test_who_tells_no_address_is_asked_and_proves_it_by_code(client: Client, github: dict[str, Any]) -> None:
    github["/emails"] = []
    page = come_back(client)
    assert "did not tell us" in client.get(page).content.decode()
    confirm = client.post(page, {"email": "alice@example.org"})["Location"]
    assert "_auth_user_id" not in client.session
    code = str(mail.outbox[-1].body).split("\n\n    ")[1].split()[0]
    client.post(confirm, {"code": code})
    assert "_auth_user_id" in client.session
    assert Subscription.objects.get().confirmed_at is not None


def test_connecting_and_disconnecting(client: Client, github: dict[str, Any]) -> None:
    reader = make_reader("somebody@example.org")
    EmailAddress.objects.create(user=reader, email=reader.email, verified=True, primary=True)
    client.force_login(reader)
    page = come_back(client, "connect")
    account = SocialAccount.objects.get()
    assert account.user == reader
    assert "GitHub" in client.get(page).content.decode()
    client.post(page, {"account": account.pk})
    assert not SocialAccount.objects.exists()


def test_a_forged_return_signs_nobody_in(client: Client, github: dict[str, Any]) -> None:
    response = client.get("/accounts/github/login/callback/", {"code": "c", "state": "forged"})
    assert "did not confirm" in response.content.decode()
    assert "_auth_user_id" not in client.session
