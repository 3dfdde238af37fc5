"""check_deliverability: everything in place, and each thing that may be missing."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command

from newsletter.deliverability import check
from newsletter.management.commands import check_deliverability

GOOD = {
    ("example.org", "MX"): ["10 mx.example.org."],
    ("example.org", "TXT"): ["some-verification=1", "v=spf1 include:_spf.example.net -all"],
    ("news._domainkey.example.org", "TXT"): ["v=DKIM1; k=rsa; p=MIGfMA0"],
    ("_dmarc.example.org", "TXT"): ["v=DMARC1; p=quarantine; rua=mailto:dmarc@example.org"],
}


@pytest.fixture(autouse=True)
def _in_order(settings):
    settings.BASE_URL = "https://news.example.org"
    settings.MAIL_FROM_ADDRESS, settings.MAIL_DOMAIN = "digest@example.org", "example.org"
    settings.BOUNCE_ADDRESS, settings.POSTAL_ADDRESS = "bounces@example.org", "1 Paper Lane"
    settings.DKIM_SELECTOR = "news"


def missing(**changes: list[str]) -> set[str]:
    records = GOOD | {(name.replace("__", "."), "TXT"): value for name, value in changes.items()}
    return {finding.about for finding in check(lambda name, kind: records.get((name, kind), [])) if not finding.is_fine}


def test_when_all_is_in_order_nothing_is_missing():
    assert missing() == set()


@pytest.mark.parametrize(
    ("setting", "value", "about"),
    [
        ("BASE_URL", "http://news.example.org", "links"),
        ("BASE_URL", "https://the-newsletter-of-our-institute.some-department.example.org", "List-Unsubscribe"),
        ("MAIL_FROM_ADDRESS", "digest@localhost.localdomain", "sender"),
        ("MAIL_DOMAIN", "localhost.localdomain", "Message-ID"),
        ("POSTAL_ADDRESS", "", "postal address"),
        ("BOUNCE_ADDRESS", "", "bounces"),
        ("BOUNCE_ADDRESS", "bounces@other.example.net", "alignment"),
        ("DKIM_SELECTOR", "", "DKIM"),
    ],
)
def test_a_wrong_setting_is_named(settings, setting, value, about):
    setattr(settings, setting, value)
    assert about in missing()


@pytest.mark.parametrize(
    ("records", "about"),
    [
        ({"example__org": []}, "SPF"),
        ({"example__org": ["v=spf1 -all", "v=spf1 mx -all"]}, "SPF"),
        ({"example__org": ["v=spf1 +all"]}, "SPF"),
        ({"example__org": ["v=spf1 " + "include:x.example " * 11 + "-all"]}, "SPF"),
        ({"news___domainkey__example__org": ["v=DKIM1; p="]}, "DKIM"),
        ({"_dmarc__example__org": []}, "DMARC"),
        ({"_dmarc__example__org": ["v=DMARC1; rua=mailto:x@example.org"]}, "DMARC"),
    ],
)
def test_a_wrong_record_is_named(records, about):
    records = {name.replace("news___", "news._").replace("__", "."): value for name, value in records.items()}
    assert missing(**records) == {about}


def test_the_command_ends_with_1_if_anything_is_missing(settings, monkeypatch, capsys):
    monkeypatch.setattr(check_deliverability, "look_up", lambda name, kind: GOOD.get((name, kind), []))
    call_command("check_deliverability")
    assert "MISSING" not in capsys.readouterr().out
    settings.POSTAL_ADDRESS = ""
    with pytest.raises(CommandError, match="1 of 11 missing") as error:
        call_command("check_deliverability")
    assert error.value.returncode == 1
