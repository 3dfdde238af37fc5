"""Sign-up is one step: an address, a mailed code. The same for everybody, whoever is known here already."""

from __future__ import annotations

import re
from email import message_from_bytes

import pytest
from allauth.account.models import EmailAddress
from allauth.account.signals import email_confirmed
from django.core import mail
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from accounts.models import User
from newsletter.models import Subscription
from tests.factories import make_reader

pytestmark = pytest.mark.django_db

CODE = re.compile(r"^ {4}([A-Z]{4}-[A-Z]{4})$", re.MULTILINE)


def sign_up(client: Client, email: str, **data: str) -> str:
    """Where the subscribe box leads."""
    response = client.post(reverse("account_signup"), {"email": email, **data})
    assert response.status_code == 302, response.content.decode()
    return response["Location"]


def mailed_code() -> str:
    found = CODE.search(str(mail.outbox[-1].body))
    assert found, mail.outbox[-1].body
    return found[1]


def type_in(client: Client, page: str, code: str) -> str:
    response = client.post(page, {"code": code})
    return response["Location"] if response.status_code == 302 else ""


def is_signed_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


def test_an_address_and_the_mailed_code_make_a_subscribed_reader(client: Client) -> None:
    confirmed: list[str] = []
    receive = lambda email_address, **kwargs: confirmed.append(email_address.email)  # noqa: E731
    email_confirmed.connect(receive)
    try:
        page = sign_up(client, "newcomer@example.org")
        assert [message.to for message in mail.outbox] == [["newcomer@example.org"]]
        assert not is_signed_in(client)
        assert not Subscription.objects.filter(confirmed_at__isnull=False).exists()
        assert confirmed == []
        assert type_in(client, page, mailed_code()) == "/start/"
    finally:
        email_confirmed.disconnect(receive)
    assert confirmed == ["newcomer@example.org"]
    assert is_signed_in(client)
    assert EmailAddress.objects.get().verified
    assert not User.objects.get().has_usable_password()
    subscription = Subscription.objects.get(user__email="newcomer@example.org")
    assert subscription.confirmed_at is not None
    assert subscription.next_digest_at is not None
    assert len(mail.outbox) == 1


def test_a_code_may_be_typed_as_people_type(client: Client) -> None:
    page = sign_up(client, "newcomer@example.org")
    assert type_in(client, page, f" {mailed_code().replace('-', ' ').lower()} ")


def test_wrong_codes_sign_nobody_in_and_run_out(client: Client) -> None:
    page = sign_up(client, "newcomer@example.org")
    code = mailed_code()
    for _ in range(3):
        client.post(page, {"code": "WRNG-CODE"})
    client.post(page, {"code": code})
    assert not is_signed_in(client)


def test_a_code_works_only_where_it_was_asked_for(client: Client) -> None:
    sign_up(client, "newcomer@example.org")
    stranger = Client()
    page = sign_up(stranger, "stranger@example.org")
    stranger.post(page, {"code": CODE.search(str(mail.outbox[0].body))[1]})  # type: ignore[index]
    assert not is_signed_in(stranger)


def test_a_scanner_that_opens_every_link_confirms_nothing(client: Client) -> None:
    page = sign_up(client, "newcomer@example.org")
    links = re.findall(r"https?://\S+?(?=[\s\"<]|$)", f"{mail.outbox[0].body}\n{mail.outbox[0].alternatives[0][0]}")  # type: ignore[attr-defined]
    assert links
    for link in {*links, f"http://localhost:8000{page}"}:
        for visitor in (client, Client()):
            visitor.get(link.removeprefix("http://localhost:8000") or "/")
    assert not EmailAddress.objects.filter(verified=True).exists()
    assert not Subscription.objects.filter(confirmed_at__isnull=False).exists()


def what_is_seen(email: str) -> tuple[object, ...]:
    """All that somebody at the keyboard and somebody at the mailbox see of signing up with an address."""
    client = Client()
    response = client.post(reverse("account_signup"), {"email": email})
    page = client.get(response["Location"])
    message = mail.outbox.pop()
    masked = [
        re.sub(r"[A-Z]{4}-[A-Z]{4}|name=\"csrfmiddlewaretoken\" value=\"\w+\"", "", text).replace(email, "")
        for text in (page.content.decode(), str(message.subject), str(message.body))
    ]
    return response.status_code, response["Location"], sorted(response.cookies), *masked


def test_nobody_learns_whether_an_address_is_known() -> None:
    make_reader("known@example.org")
    confirmed = make_reader("confirmed@example.org")
    EmailAddress.objects.create(user=confirmed, email=confirmed.email, verified=True, primary=True)
    unknown = what_is_seen("unknown@example.org")
    assert what_is_seen("known@example.org") == unknown
    assert what_is_seen("confirmed@example.org") == unknown
    assert User.objects.count() == 3


def test_who_signs_up_again_is_signed_in_and_nothing_is_lost(client: Client) -> None:
    page = sign_up(client, "reader@example.org")
    type_in(client, page, mailed_code())
    again = Client()
    page = sign_up(again, "Reader@Example.ORG")
    assert type_in(again, page, mailed_code()) == "/preferences/"
    assert User.objects.get().email == "reader@example.org"


def test_who_never_confirmed_gets_a_new_code(client: Client) -> None:
    sign_up(client, "reader@example.org")
    later = Client()
    page = sign_up(later, "reader@example.org")
    type_in(later, page, mailed_code())
    assert is_signed_in(later)
    assert EmailAddress.objects.get().verified


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("élise@example.org", "Letters beyond a to z before the @"),
        ("\u017fam@example.org", "Letters beyond a to z before the @"),
        ("\u212aim@example.org", "Letters beyond a to z before the @"),
        ('"a b"@example.org', "only letters, digits and signs"),
        ('"\x0bBcc: victim@example.com"@example.org', "only letters, digits and signs"),
        ("a@example.org\nBcc: victim@example.com", "only letters, digits and signs"),
        ("a@example.org, victim@example.com", "only letters, digits and signs"),
        (f"{'a' * 65}@example.org", "only letters, digits and signs"),
        (f"a@{'b' * 60}.{'c' * 60}.{'d' * 60}.{'e' * 60}.{'f' * 60}.org", "longer than an e-mail address"),
        ("a@example", "valid email address"),
        ("nobody", "valid email address"),
        ("", "required"),
        ("a\x00@example.org", "Null characters"),
    ],
)
@pytest.mark.parametrize("form", ["account_signup", "account_login", "account_request_login_code"])
def test_an_address_that_cannot_be_mailed_is_refused_with_the_reason(
    client: Client, form: str, address: str, reason: str
) -> None:
    response = client.post(reverse(form), {"login" if form == "account_login" else "email": address})
    assert response.status_code == 200
    assert reason in response.content.decode()
    assert mail.outbox == []
    assert not User.objects.exists()


def test_one_address_of_a_foreign_domain_however_it_is_written(client: Client) -> None:
    sign_up(client, "reader@bücher.example")
    sign_up(Client(), "reader@xn--bcher-kva.example")
    assert User.objects.get().email == "reader@xn--bcher-kva.example"


def test_an_address_gets_only_a_few_mails_whoever_asks_from_wherever() -> None:
    statuses = []
    for n in range(6):
        name, field = (("account_signup", "email"), ("account_login", "login"))[n % 2]
        client = Client(REMOTE_ADDR=f"192.0.2.{n}")
        statuses.append(client.post(reverse(name), {field: "victim@example.org"}).status_code)
    assert statuses == [302, 302, 302, 302, 429, 429]
    assert len(mail.outbox) == 4


def test_resending_counts_against_the_same_limit(client: Client) -> None:
    page = sign_up(client, "victim@example.org")
    for _ in range(10):
        client.post(page, {"action": "resend"})
    for n in range(5):
        Client(REMOTE_ADDR=f"192.0.2.{n}").post(reverse("account_signup"), {"email": "victim@example.org"})
    assert len(mail.outbox) == 4


def test_a_network_can_ask_for_only_so_many(client: Client) -> None:
    statuses = [
        client.post(reverse("account_signup"), {"email": f"victim{n}@example.org"}).status_code for n in range(11)
    ]
    assert statuses == [302] * 10 + [429]


def test_the_mail_is_ours_and_names_our_base_address(client: Client, settings: Settings) -> None:
    settings.BASE_URL = "https://papers.example.net"
    settings.MAIL_DOMAIN = "papers.example.net"
    settings.MAIL_FROM_NAME = "Papers, daily\x0bBcc: victim@example.com"
    settings.MAIL_FROM_ADDRESS = "digest@papers.example.net"
    sign_up(client, "newcomer@example.org")
    message = message_from_bytes(mail.outbox[0].message().as_bytes())  # as the other end reads it
    assert message["From"] == '"Papers, daily Bcc: victim@example.com" <digest@papers.example.net>'
    assert message["Message-ID"].endswith("@papers.example.net>")
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Bcc"] is None
    assert message.get_content_type() == "multipart/alternative"
    text, html = (part.get_payload(decode=True).decode() for part in message.get_payload())
    assert mailed_code() in text
    assert mailed_code() in html
    for part in (text, html, message["Subject"]):
        assert "example.com" not in part.replace("victim@example.com", "")
        assert "localhost" not in part
    assert "https://papers.example.net/" in text
    assert "https://papers.example.net/" in html


def test_a_mail_server_that_is_down_is_told_and_can_be_tried_again(client: Client, settings: Settings) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    response = client.post(reverse("account_signup"), {"email": "newcomer@example.org"})
    assert response.status_code == 503
    assert "could not be sent" in response.content.decode()
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    page = sign_up(client, "newcomer@example.org")
    type_in(client, page, mailed_code())
    assert is_signed_in(client)


def test_a_newcomer_on_the_way_to_a_page_arrives_there(client: Client) -> None:
    page = sign_up(client, "newcomer@example.org", next="/library/")
    shown = client.get(page).content.decode()
    assert 'name="next" value="/library/"' in shown
    assert client.post(page, {"code": mailed_code(), "next": "/library/"})["Location"] == "/library/"


def test_nobody_is_sent_to_another_site_after_signing_in(client: Client) -> None:
    page = sign_up(client, "newcomer@example.org", next="https://evil.example/")
    response = client.post(page, {"code": mailed_code(), "next": "https://evil.example/"})
    assert response["Location"].startswith("/")


def test_a_closed_account_is_not_opened_by_a_code(client: Client) -> None:
    make_reader("closed@example.org", is_active=False)
    page = sign_up(client, "closed@example.org")
    assert not CODE.search(str(mail.outbox[-1].body))
    client.post(page, {"code": ""})
    assert not is_signed_in(client)
