"""Tokens for the API: made, shown once, kept as a digest, revoked."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.core import serializers
from django.test import Client

from accounts import privacy
from accounts.models import ApiToken, User
from accounts.tokens import MOST_TOKENS, make_token, reader_with

pytestmark = pytest.mark.django_db


@pytest.fixture
def signed_in(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


def test_a_token_is_shown_once_and_kept_as_a_digest_only(signed_in: Client, alice: User) -> None:
    response = signed_in.post("/account/tokens/", {"name": "my script"})
    (token,) = re.findall(r"broadsheet_[\w-]{43}", response.content.decode())
    assert "no-store" in response["Cache-Control"]
    assert reader_with(token) == alice
    assert token not in signed_in.get("/account/tokens/").content.decode()
    assert token.removeprefix("broadsheet_") not in serializers.serialize("json", ApiToken.objects.all())


def test_a_revoked_token_lets_nobody_in(signed_in: Client, alice: User) -> None:
    token = make_token(alice, "my script")
    signed_in.post(f"/account/tokens/{ApiToken.objects.get().pk}/revoke/")
    assert reader_with(token) is None


def test_nobody_sees_or_revokes_anothers_token(signed_in: Client, bob: User) -> None:
    token = make_token(bob, "Bob's script")
    assert "Bob's script" not in signed_in.get("/account/tokens/").content.decode().replace("&#x27;", "'")
    assert signed_in.post(f"/account/tokens/{ApiToken.objects.get().pk}/revoke/").status_code == 404
    assert reader_with(token) == bob


@pytest.mark.parametrize("token", ["", "broadsheet_", "x" * 10_000, "\ud800", "\x00"])
def test_what_is_no_token_is_nobody_s(alice: User, token: str) -> None:
    make_token(alice, "my script")
    assert reader_with(token) is None


def test_an_account_that_is_shut_takes_its_tokens_along(alice: User) -> None:
    token = make_token(alice, "my script")
    User.objects.update(is_active=False)
    assert reader_with(token) is None


def test_a_reader_has_so_many_tokens_and_no_more(signed_in: Client, alice: User) -> None:
    for number in range(MOST_TOKENS):
        make_token(alice, f"script {number}")
    html = signed_in.post("/account/tokens/", {"name": "one more"}).content.decode()
    assert "revoke one" in html
    assert ApiToken.objects.count() == MOST_TOKENS


def test_the_last_use_is_noted_once_a_minute(alice: User) -> None:
    token = make_token(alice, "my script")
    noon = datetime(2026, 5, 1, 12, tzinfo=UTC)
    for seconds, noted in ((0, 0), (30, 0), (61, 61)):
        with time_machine.travel(noon + timedelta(seconds=seconds), tick=False):
            reader_with(token)
        assert ApiToken.objects.get().last_used_at == noon + timedelta(seconds=noted)


def test_tokens_are_exported_without_digest_and_erased(alice: User) -> None:
    make_token(alice, "my script")
    (held,) = privacy.export(alice)["accounts"]["api_tokens"]
    assert held.keys() == {"name", "created_at", "last_used_at"}
    privacy.erase(alice)
    assert not ApiToken.objects.exists()
