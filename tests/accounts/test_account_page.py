"""The account page: address, password, sessions; taking everything along, and leaving no trace."""

from __future__ import annotations

import json
import re

import pytest
from allauth.account.models import EmailAddress
from allauth.usersessions.models import UserSession
from django.core import mail
from django.test import Client
from django.urls import reverse

from accounts import privacy
from accounts.models import User
from recommender.interactions import record
from recommender.models import Interaction, Interest
from tests.factories import make_paper, make_reader, make_subscription, make_topic

pytestmark = pytest.mark.django_db


@pytest.fixture
def reader(alice: User) -> User:
    EmailAddress.objects.create(user=alice, email=alice.email, verified=True, primary=True)
    return alice


@pytest.fixture
def signed_in(client: Client, reader: User) -> Client:
    client.force_login(reader)
    return client


def mailed_code() -> str:
    found = re.search(r"[A-Z]{4}-[A-Z]{4}", str(mail.outbox[-1].body))
    assert found
    return found[0]


@pytest.mark.parametrize("name", ["account", "account_export", "account_erase", "preferences"])
def test_nobody_sees_these_pages_without_logging_in(client: Client, name: str) -> None:
    assert client.get(reverse(name))["Location"].startswith("/accounts/login/")


@pytest.mark.parametrize(
    "name",
    [
        "account",
        "account_erase",
        "account_old_address",
        "account_set_password",
        "account_logout",
        "mfa_list_webauthn",
        "mfa_add_webauthn",
        "socialaccount_connections",
        "usersessions_list",
    ],
)
def test_each_page_shows(signed_in: Client, name: str) -> None:
    response = signed_in.get(reverse(name))
    assert response.status_code == 200
    assert "<h1>" in response.content.decode()


def ask_old_address(client: Client) -> str:
    """Where the right code leads."""
    client.post(reverse("account_old_address"))
    assert mail.outbox[-1].to == ["alice@example.org"]
    return client.post(reverse("account_old_address"), {"code": mailed_code()})["Location"]


def test_an_account_moves_when_both_addresses_agree(signed_in: Client, reader: User) -> None:
    assert ask_old_address(signed_in) == reverse("account_email")
    page = signed_in.post(reverse("account_email"), {"email": "New@example.org", "action_add": ""})["Location"]
    assert mail.outbox[1].to == ["new@example.org"]
    reader.refresh_from_db()
    assert reader.email == "alice@example.org"
    signed_in.post(page, {"code": mailed_code()})
    reader.refresh_from_db()
    assert reader.email == "new@example.org"
    assert [address.email for address in EmailAddress.objects.all()] == ["new@example.org"]
    assert mail.outbox[2].to == ["alice@example.org"]
    assert "from alice@example.org to new@example.org" in mail.outbox[2].body


def test_the_new_address_is_not_even_asked_before_the_old_one_agrees(signed_in: Client) -> None:
    for response in (
        signed_in.get(reverse("account_email")),
        signed_in.post(reverse("account_email"), {"email": "new@example.org", "action_add": ""}),
    ):
        assert response["Location"] == reverse("account_old_address")
    assert mail.outbox == []


def test_wrong_codes_for_the_old_address_run_out(signed_in: Client) -> None:
    signed_in.post(reverse("account_old_address"))
    code = mailed_code()
    for _ in range(3):
        signed_in.post(reverse("account_old_address"), {"code": "WRNG-CODE"})
    assert "Location" not in signed_in.post(reverse("account_old_address"), {"code": code}).headers
    assert signed_in.get(reverse("account_email"))["Location"] == reverse("account_old_address")


def test_who_no_longer_reads_the_old_mail_may_use_the_password_instead(signed_in: Client, reader: User) -> None:
    reader.set_password("a long password")
    reader.save(update_fields=["password"])
    signed_in.force_login(reader)
    assert reverse("account_reauthenticate") in signed_in.get(reverse("account_old_address")).content.decode()
    signed_in.post(reverse("account_reauthenticate"), {"password": "a long password"})
    assert signed_in.get(reverse("account_email")).status_code == 200


def test_an_address_of_another_reader_is_neither_taken_nor_told(signed_in: Client, reader: User, bob: User) -> None:
    EmailAddress.objects.create(user=bob, email=bob.email, verified=True, primary=True)
    ask_old_address(signed_in)
    page = signed_in.post(reverse("account_email"), {"email": bob.email, "action_add": ""})["Location"]
    assert page == reverse("account_email_verification_sent")
    signed_in.post(page, {"code": mailed_code()})
    reader.refresh_from_db()
    assert reader.email == "alice@example.org"


def test_a_password_can_be_set_changed_and_replaced(signed_in: Client, reader: User) -> None:
    new = {"password1": "first long password", "password2": "first long password"}
    signed_in.post(reverse("account_set_password"), new)
    reader.refresh_from_db()
    assert reader.check_password("first long password")
    signed_in.post(
        reverse("account_change_password"),
        {"oldpassword": "first long password", "password1": "second long one", "password2": "second long one"},
    )
    reader.refresh_from_db()
    assert reader.check_password("second long one")
    forgetful = Client()
    page = forgetful.post(reverse("account_reset_password"), {"email": reader.email})["Location"]
    page = forgetful.post(page, {"code": mailed_code()})["Location"]
    assert forgetful.get(page).status_code == 200
    forgetful.post(page, {"password1": "third long one!", "password2": "third long one!"})
    reader.refresh_from_db()
    assert reader.check_password("third long one!")
    subjects = [message.subject for message in mail.outbox]
    assert subjects[0] == "A password was set at Broadsheet"
    assert subjects[1] == "Your password at Broadsheet was changed"
    assert subjects[3] == "Your password at Broadsheet was replaced"


def test_signing_out_everywhere_else(signed_in: Client, reader: User) -> None:
    elsewhere = Client()
    elsewhere.force_login(reader)
    for client in (signed_in, elsewhere):
        request = client.get(reverse("account")).wsgi_request
        UserSession.objects.create_from_request(request)
    signed_in.post(reverse("usersessions_list"))
    assert elsewhere.get(reverse("account")).status_code == 302
    assert signed_in.get(reverse("account")).status_code == 200


def test_an_export_holds_what_every_app_holds(signed_in: Client, reader: User, bob: User) -> None:
    record(reader, make_paper("Whales that sing"), "save")
    record(bob, make_paper("None of hers"), "save")
    interest = Interest.objects.create(user=reader, sentences=["I listen to whales."], muted_words=["squid"])
    interest.topics.add(make_topic("Acoustics"))
    make_subscription(reader, time_zone="Europe/Zurich")
    response = signed_in.get(reverse("account_export"))
    assert response["Content-Disposition"] == 'attachment; filename="broadsheet.json"'
    assert "no-store" in response["Cache-Control"]
    held = json.loads(response.content)
    assert held["accounts"]["email"] == "alice@example.org"
    assert [saved["paper"] for saved in held["recommender"]["interactions"]] == ["Whales that sing"]
    [said] = held["recommender"]["interests"]
    assert said["topics"] == ["Acoustics"]
    assert said["sentences"] == ["I listen to whales."]
    assert said["muted_words"] == ["squid"]
    assert "Europe/Zurich" in json.dumps(held["newsletter"])
    assert "None of hers" not in response.content.decode()


def test_erasing_takes_the_address_typed_and_a_button(signed_in: Client, reader: User) -> None:
    signed_in.get(reverse("account_erase"))
    response = signed_in.post(reverse("account_erase"), {"email": "somebody@example.org"})
    assert "Nothing has been erased" in response.content.decode()
    assert User.objects.filter(pk=reader.pk).exists()


def test_erasing_leaves_nothing_of_the_reader_and_all_of_the_others(signed_in: Client, reader: User, bob: User) -> None:
    paper = make_paper()
    for user in (reader, bob):
        record(user, paper, "save")
        Interest.objects.create(user=user, sentences=[f"I am {user.email}"])
        make_subscription(user)
    elsewhere = Client()
    elsewhere.force_login(reader)
    assert signed_in.post(reverse("account_erase"), {"email": " Alice@Example.org"})["Location"] == "/"
    assert [user.email for user in User.objects.all()] == ["bob@example.org"]
    assert Interaction.objects.get().user == bob
    assert Interest.objects.get().user == bob
    assert not EmailAddress.objects.exists()
    assert elsewhere.get(reverse("account")).status_code == 302


def test_erasing_is_all_or_nothing(reader: User, monkeypatch: pytest.MonkeyPatch) -> None:
    record(reader, make_paper(), "save")

    def refuse(user: User) -> None:
        raise RuntimeError("no")

    monkeypatch.setattr("accounts.personal_data.erase", refuse)
    with pytest.raises(RuntimeError):
        privacy.erase(reader)
    assert Interaction.objects.filter(user=reader).exists()


def test_every_app_that_holds_something_of_readers_answers_for_it() -> None:
    assert [label for label, _held in privacy.personal_data()] == ["newsletter", "recommender", "papers", "accounts"]


def test_a_get_erases_and_signs_out_nobody(signed_in: Client, reader: User) -> None:
    for name in ("account_erase", "account_logout", "usersessions_list", "account_email", "preferences"):
        signed_in.get(reverse(name), {"email": reader.email, "action": "unsubscribe", "action_remove": "1"})
    assert User.objects.filter(pk=reader.pk).exists()
    assert signed_in.get(reverse("account")).status_code == 200


def test_an_address_that_comes_back_after_erasing_is_a_new_reader(reader: User) -> None:
    old = reader.pk
    privacy.erase(reader)
    assert make_reader("alice@example.org").pk != old
