"""What comes back: whom it is believed of, what it means, and how often it counts."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from email.message import EmailMessage

import pytest
import time_machine
from django.core.management import call_command
from django.core.signing import BadSignature
from hypothesis import given
from hypothesis import strategies as st

from newsletter import digest
from newsletter.bounces import Kind, classify, digest_of, note_bounce, read_report, return_path, take, token_for
from newsletter.editions import edition_for
from newsletter.message import build, load_contents
from newsletter.models import Bounce, Digest, Subscription
from newsletter.suppression import suppression_of
from newsletter.webhooks import kind_of
from tests.newsletter.conftest import MORNING, make_due_reader

pytestmark = pytest.mark.django_db


@pytest.fixture
def sent(new_papers, settings):
    settings.BOUNCE_ADDRESS = "bounces@example.org"
    with time_machine.travel(MORNING, tick=True):
        digest.compose([make_due_reader("alice@example.org").pk])
        Digest.objects.update(state="sent", sent_at=MORNING)
        yield Digest.objects.get()


def dsn(to: str, action: str = "failed", status: str = "5.1.1", diagnostic: str = "smtp; 550 5.1.1 unknown") -> bytes:
    """As Postfix writes it."""
    return f"""From: MAILER-DAEMON@mx.example.org
To: {to}
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

I'm sorry to have to inform you that your message could not be delivered.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.org

Final-Recipient: rfc822; alice@example.org
Action: {action}
Status: {status}
Diagnostic-Code: {diagnostic}

--b--
""".encode()


def arf(message_id: str, feedback_type: str = "abuse") -> bytes:
    return f"""From: feedback@provider.example
To: abuse@example.org
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="b"

--b
Content-Type: text/plain

This is an email abuse report.

--b
Content-Type: message/feedback-report

Feedback-Type: {feedback_type}
User-Agent: Provider/1.0
Version: 1

--b
Content-Type: message/rfc822

From: digest@example.org
To: alice@example.org
Message-ID: {message_id}
Subject: A digest

text
--b--
""".encode()


def receive(raw: bytes) -> Kind | None:
    report = read_report(raw)
    assert report is not None
    take(report)
    return report.kind


def test_each_digest_has_a_return_path_of_its_own_in_the_envelope_only(sent):
    row = Digest.objects.select_related("subscription__user", "edition").get()
    message = build(row, load_contents([row]), set(row.paper_ids)).message
    assert message.from_email == return_path(row.pk)
    assert message.from_email.startswith(f"bounces+{row.pk}-")
    assert "digest@" in str(message.message()["From"])
    assert "bounces" not in str(message.message()["From"])


@given(st.integers(1, 10**9))
def test_a_token_survives_a_server_that_changes_case(number):
    assert digest_of(token_for(number).upper()) == number


def test_a_bounce_that_comes_after_the_key_was_changed_is_still_ours(settings):
    token = token_for(12)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "a newer one"
    assert token_for(12) != token
    assert digest_of(token) == 12


@pytest.mark.parametrize("token", ["", "5", "5-", "5-0000000000000000", "-", "x-y", "５-0000000000000000"])
def test_any_other_token_is_refused(token):
    with pytest.raises(BadSignature):
        digest_of(token)


def test_an_address_that_does_not_exist_is_suppressed_at_once(sent):
    assert receive(dsn(return_path(sent.pk))) == Kind.HARD
    assert suppression_of("alice@example.org").reason == "bounce"


def test_a_dsn_without_our_token_is_ignored(sent):
    for forged in ("bounces@example.org", f"bounces+{sent.pk}-0123456789abcdef@example.org", "alice@example.org"):
        assert read_report(dsn(forged)) is None
    assert suppression_of("alice@example.org") is None


@pytest.mark.parametrize(
    ("status", "diagnostic", "kind"),
    [
        ("5.1.1", "smtp; 550 5.1.1 unknown", Kind.HARD),
        ("5.1.10", "smtp; 556 5.1.10 null MX", Kind.HARD),
        ("5.0.0", "smtp; 550 No such user here", Kind.HARD),
        ("5.0.0", "smtp; 550 5.1.1 recipient rejected", Kind.HARD),
        ("5.0.0", "smtp; 550 sorry", Kind.SOFT),
        ("5.2.2", "smtp; 552 5.2.2 mailbox full", Kind.SOFT),
        ("4.4.7", "smtp; delivery time expired", Kind.SOFT),
        ("5.2.1", "smtp; 550 5.2.1 mailbox disabled", Kind.SOFT),
        ("5.7.1", "smtp; 550 5.7.1 blocked by policy", None),
        ("5.0.0", "smtp; 554 rejected as spam", None),
    ],
)
def test_what_a_status_means(status, diagnostic, kind):
    assert classify(status, diagnostic) == kind


@pytest.mark.parametrize("action", ["delayed", "delivered", "relayed", "expanded"])
def test_notices_never_suppress(sent, action):
    assert receive(dsn(return_path(sent.pk), action=action, status="4.4.1")) is None
    assert not Bounce.objects.exists()


def test_an_out_of_office_never_suppresses(sent):
    message = EmailMessage()
    message["From"], message["To"] = "alice@example.org", return_path(sent.pk)
    message["Subject"], message["Auto-Submitted"] = "Out of office", "auto-replied"
    message.set_content("I am away. My colleague no such user knows more.")
    assert receive(message.as_bytes()) is None


def test_prose_is_read_too(sent):
    message = EmailMessage()
    message["From"], message["To"] = "MAILER-DAEMON@mx.example.org", return_path(sent.pk)
    message["Subject"] = "failure notice"
    message.set_content(
        "Hi. This is the qmail-send program at mx.example.org.\n"
        "I'm afraid I wasn't able to deliver your message to the following addresses.\n"
        "This is a permanent error; I've given up. Sorry it didn't work out.\n\n"
        "<alice@example.org>:\n"
        "Sorry, no mailbox here by that name. (#5.1.1)\n"
    )
    assert receive(message.as_bytes()) == Kind.HARD


def test_a_complaint_suppresses_at_once_and_is_known_by_its_message_id(sent):
    assert receive(arf(sent.message_id)) == Kind.COMPLAINT
    assert suppression_of("alice@example.org").reason == "complaint"


def test_a_forged_complaint_and_a_not_spam_report_do_nothing(sent):
    assert read_report(arf("<20250505.1.000000000000@localhost.localdomain>")) is None
    assert receive(arf(sent.message_id, "not-spam")) is None
    assert suppression_of("alice@example.org") is None


def test_soft_bounces_suppress_after_a_number_of_digests_within_days(sent, settings):
    settings.SOFT_BOUNCES, settings.SOFT_BOUNCE_DAYS = 3, 14
    subscription = Subscription.objects.get()
    days = [0, 1, 30, 31, 32]
    for number, day in enumerate(days):
        on = MORNING.date() + timedelta(days=100 + day)
        row = Digest.objects.create(
            subscription=subscription, edition=edition_for(on), period=on, message_id=f"<{day}@x>"
        )
        note_bounce(row, Kind.SOFT, "452 full", MORNING + timedelta(days=day))
        assert (suppression_of("alice@example.org") is not None) == (number == 4)


def test_the_same_bounce_46_times_counts_once(sent, settings):
    settings.SOFT_BOUNCES = 2
    for _ in range(46):
        take(read_report(dsn(return_path(sent.pk), status="5.2.2", diagnostic="smtp; 552 5.2.2 full")))
    assert Bounce.objects.count() == 1
    assert suppression_of("alice@example.org") is None


def test_the_command_reads_a_pipe_and_files(sent, tmp_path, monkeypatch):
    file = tmp_path / "bounce.eml"
    file.write_bytes(dsn("somebody@example.org"))
    out = io.StringIO()
    call_command("receive_bounces", str(file), stdout=out)
    assert out.getvalue().strip() == "hard 0, soft 0, complaint 0, notice 0, not ours 1"

    class Stdin:
        buffer = io.BytesIO(dsn("undisclosed-recipients:;"))

    monkeypatch.setattr("sys.stdin", Stdin)
    out = io.StringIO()
    call_command("receive_bounces", "--recipient", return_path(sent.pk), stdout=out)
    assert out.getvalue().startswith("hard 1")


# --- providers --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event_type", "reason", "said", "kind"),
    [
        ("bounced", "invalid", "", Kind.HARD),
        ("bounced", "bounced", "550 5.1.1 unknown", Kind.HARD),
        ("bounced", "bounced", "552 5.2.2 full", Kind.SOFT),
        ("bounced", "spam", "", Kind.SOFT),
        ("rejected", "blocked", "", Kind.SOFT),
        ("complained", None, "", Kind.COMPLAINT),
        ("deferred", None, "", None),
        ("delivered", None, "", None),
        ("opened", None, "", None),
    ],
)
def test_what_a_providers_event_means(event_type, reason, said, kind):
    assert kind_of(event_type, reason, said) == kind


def test_a_providers_webhook_suppresses_if_it_is_the_provider_and_the_digest_ours(sent, client, settings):
    settings.ROOT_URLCONF = "tests.newsletter.webhook_urls"
    settings.ANYMAIL = {"WEBHOOK_SECRET": "who:knows"}
    bounce = {
        "RecordType": "Bounce",
        "Type": "HardBounce",
        "TypeCode": 1,
        "MessageID": "00000000-0000-0000-0000-000000000000",
        "Email": "alice@example.org",
        "BouncedAt": "2025-05-05T07:03:00Z",
        "Description": "The server was unable to deliver your message (ex: unknown user).",
        "Metadata": {"digest": token_for(sent.pk)},
    }

    def post(event: dict, secret: str) -> int:
        import base64

        basic = "Basic " + base64.b64encode(secret.encode()).decode()
        return client.post(
            "/anymail/postmark/tracking/", json.dumps(event), "application/json", headers={"Authorization": basic}
        ).status_code

    assert post(bounce, "somebody:else") == 400
    assert suppression_of("alice@example.org") is None
    assert post(bounce | {"Metadata": {"digest": f"{sent.pk}-0000000000000000"}}, "who:knows") == 200
    assert suppression_of("alice@example.org") is None
    for number in range(46):
        assert post(bounce | {"ID": number}, "who:knows") == 200
    assert suppression_of("alice@example.org").reason == "bounce"
    assert Bounce.objects.count() == 1
