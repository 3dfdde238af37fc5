"""The developers' pages of the outbox."""

from __future__ import annotations

from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.test import Client
from django.urls import include, path

from config import urls
from config.embedded.outbox import keep

urlpatterns = [*urls.urlpatterns, path("outbox/", include("config.outbox_urls"))]
with_the_outbox = pytest.mark.urls(__name__)
pytestmark = pytest.mark.django_db


@pytest.fixture
def outbox(settings: LazySettings, tmp_path: Path) -> Path:
    settings.OUTBOX_DIR = tmp_path
    return tmp_path


def deliver(outbox: Path, subject: str = "Your papers", html: str = "<p>Good morning</p>") -> str:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "digest@example.org", "alice@example.org", subject
    mail["List-Id"] = "<digest.example.org>"
    mail.set_content("Good morning, in text")
    mail.add_alternative(html, subtype="html")
    return keep(outbox, "alice@example.org", mail.as_bytes(), datetime(2025, 5, 9, 7, tzinfo=UTC)).stem


def test_without_debug_there_is_no_outbox(client: Client) -> None:
    assert client.get("/outbox/").status_code == 404


@with_the_outbox
def test_an_empty_outbox_says_so(client: Client, outbox: Path) -> None:
    assert "Nothing has been sent yet" in client.get("/outbox/").text


@with_the_outbox
def test_the_list_links_to_each_mail(client: Client, outbox: Path) -> None:
    name = deliver(outbox, "Ten <b>papers</b> & one more")
    page = client.get("/outbox/").text
    assert f'href="/outbox/{name}/"' in page
    assert "Ten &lt;b&gt;papers&lt;/b&gt; &amp; one more" in page


@with_the_outbox
def test_a_mail_shows_text_headers_and_its_html_in_a_sandbox(client: Client, outbox: Path) -> None:
    name = deliver(outbox)
    page = client.get(f"/outbox/{name}/").text
    assert "Good morning, in text" in page
    assert "List-Id: &lt;digest.example.org&gt;" in page
    assert f'sandbox="allow-popups allow-popups-to-escape-sandbox" src="/outbox/{name}/html/"' in page


@with_the_outbox
def test_the_html_may_be_framed_here_and_run_nothing(client: Client, outbox: Path) -> None:
    response = client.get(f"/outbox/{deliver(outbox)}/html/")
    assert "<p>Good morning</p>" in response.text
    assert response["X-Frame-Options"] == "SAMEORIGIN"
    policy = response["Content-Security-Policy"]
    assert "sandbox" in policy
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "frame-ancestors 'self'" in policy


@with_the_outbox
@pytest.mark.parametrize("name", ["..", "..%2Fsecret", "nothing", ".%00"])
def test_no_name_leads_out_of_the_folder(client: Client, outbox: Path, name: str) -> None:
    (outbox.parent / "secret.eml").write_text("Subject: secret\n\n")
    assert client.get(f"/outbox/{name}/").status_code == 404


@with_the_outbox
def test_the_outbox_cannot_be_changed(client: Client, outbox: Path) -> None:
    name = deliver(outbox)
    for address in ("/outbox/", f"/outbox/{name}/", f"/outbox/{name}/html/"):
        assert client.post(address).status_code == 405
