"""EMAIL_URL: every way the docs name, and what is none."""

from __future__ import annotations

import re

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from config.mail_url import mail_server
from tests.processes import ROOT


@pytest.mark.parametrize(
    ("url", "port", "is_tls", "is_ssl"),
    [
        ("smtp://mail.example.org", 25, False, False),
        ("smtp+tls://mail.example.org", 587, True, False),
        ("smtp+ssl://mail.example.org", 465, False, True),
        ("smtp+tls://mail.example.org:2525", 2525, True, False),
    ],
)
def test_an_smtp_server(url, port, is_tls, is_ssl):
    found = mail_server(url)
    assert (found.host, found.port) == ("mail.example.org", port)
    assert (found.use_tls, found.use_ssl) == (is_tls, is_ssl)


def test_a_name_and_password_may_hold_any_letter():
    found = mail_server("smtp+tls://alice%40example.org:a%2Fb%3Ac%25@mail.example.org")
    assert (found.user, found.password) == ("alice@example.org", "a/b:c%")


@pytest.mark.parametrize("url", ["postmark://", "mailgun://", "amazon-ses://", "sendgrid://", "brevo://"])
def test_a_provider_by_its_name(url):
    name = mail_server(url).backend
    assert name == f"anymail.backends.{url.removesuffix('://').replace('-', '_')}.EmailBackend"
    if "amazon" not in name:  # wants Amazon's own library
        assert import_string(name)


@pytest.mark.parametrize(
    "url",
    ["", "mail.example.org", "base://", "http://user:secret@mail.example.org", "smtp://", "smtp://mail.example.org:x"],
)
def test_what_is_none_is_told_without_the_password(url):
    with pytest.raises(ImproperlyConfigured) as told:
        mail_server(url)
    assert "EMAIL_URL" in str(told.value)
    assert "user:secret@mail" not in str(told.value)


@pytest.mark.parametrize("page", ["README.md", ".env.example", "docs/operating.md", "docs/deliverability.md"])
def test_what_the_docs_name_can_be_read(page):
    named = re.findall(r"\bEMAIL_URL=([a-z+-]+://[^\s`]*)", (ROOT / page).read_text())
    assert named
    for url in named:
        mail_server(url)
