"""Logging in: by mailed code for everybody, by password for those who set one; the admin has no door of its own."""

from __future__ import annotations

import re

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.core import mail
from django.test import Client
from django.urls import reverse

from accounts.models import User
from newsletter.models import Subscription
from tests.factories import make_reader

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery"


def confirmed_reader(email: str = "alice@example.org", **fields: object) -> User:
    user = make_reader(email, **fields)
    EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
    return user


def mailed_code() -> str:
    found = re.search(r"[A-Z]{4}-[A-Z]{4}", str(mail.outbox[-1].body))
    assert found
    return found[0]


def is_signed_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


def log_in(client: Client, login: str, password: str = "", **data: str) -> str:
    response = client.post(reverse("account_login"), {"login": login, "password": password, **data})
    return response["Location"] if response.status_code == 302 else response.content.decode()


@pytest.mark.parametrize("login", ["alice@example.org", " Alice@Example.org "])
def test_a_mailed_code_logs_in(client: Client, login: str) -> None:
    confirmed_reader()
    page = log_in(client, login)
    assert not is_signed_in(client)
    client.post(page, {"code": mailed_code()})
    assert is_signed_in(client)


def test_a_reader_made_by_an_import_is_confirmed_by_one_code(client: Client) -> None:
    make_reader("alice@example.org")
    page = log_in(client, "alice@example.org")
    assert client.post(page, {"code": mailed_code()})["Location"] == "/start/"
    assert len(mail.outbox) == 1
    assert EmailAddress.objects.get().verified
    assert Subscription.objects.get().confirmed_at is not None


def test_who_comes_back_lands_on_their_papers(client: Client) -> None:
    confirmed_reader(last_login="2025-05-01T00:00:00Z")
    page = log_in(client, "alice@example.org")
    assert client.post(page, {"code": mailed_code()})["Location"] == "/for-you/"


def test_a_password_logs_in_where_one_is_set(client: Client) -> None:
    confirmed_reader(password=PASSWORD)
    assert "not correct" in log_in(client, "alice@example.org", "wrong")
    assert not is_signed_in(client)
    log_in(client, "alice@example.org", PASSWORD)
    assert is_signed_in(client)
    assert mail.outbox == []


def test_a_wrong_password_says_the_same_for_known_and_unknown(client: Client) -> None:
    confirmed_reader(password=PASSWORD)
    known, unknown = (
        re.sub(r'value="[^"]*"', "", log_in(Client(), f"{name}@example.org", "wrong")) for name in ("alice", "nobody")
    )
    assert known == unknown


def test_guessing_passwords_is_stopped() -> None:
    confirmed_reader(password=PASSWORD)
    for n in range(5):
        log_in(Client(REMOTE_ADDR=f"192.0.2.{n}"), "alice@example.org", "wrong")
    client = Client(REMOTE_ADDR="192.0.2.99")
    log_in(client, "alice@example.org", PASSWORD)
    assert not is_signed_in(client)


def test_an_unknown_address_is_told_by_mail_how_to_subscribe(client: Client) -> None:
    page = log_in(client, "nobody@example.org")
    assert page == log_in(Client(), confirmed_reader().email)
    message = mail.outbox[0]
    assert "http://localhost:8000/accounts/signup/" in message.body
    assert not re.search(r"[A-Z]{4}-[A-Z]{4}", str(message.body))
    assert not User.objects.filter(email="nobody@example.org").exists()


def test_logging_out_takes_a_button(client: Client) -> None:
    client.force_login(confirmed_reader())
    assert client.get(reverse("account_logout")).status_code == 200
    assert is_signed_in(client)
    client.post(reverse("account_logout"))
    assert not is_signed_in(client)


def test_the_admin_is_entered_through_the_sites_own_login(client: Client) -> None:
    User.objects.create_superuser("editor@example.org", PASSWORD)
    assert client.get("/admin/login/?next=/admin/")["Location"] == "/accounts/login/?next=%2Fadmin%2F"
    assert log_in(client, "editor@example.org", PASSWORD, next="/admin/") == "/admin/"
    assert client.get("/admin/").status_code == 200


def test_readers_do_not_enter_the_admin(client: Client) -> None:
    client.force_login(confirmed_reader())
    assert client.get("/admin/", follow=True).status_code == 403


def test_who_lost_the_passkey_still_gets_in_by_code(client: Client) -> None:
    reader = confirmed_reader()
    Authenticator.objects.create(user=reader, type=Authenticator.Type.WEBAUTHN, data={"name": "lost"})
    page = log_in(client, reader.email)
    client.post(page, {"code": mailed_code()})
    assert is_signed_in(client)
