"""send_digests and preview_digest: what they print, and what they say when something is amiss."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
import time_machine
from celery import current_app
from django.core.management import CommandError, call_command

from newsletter.models import Digest, Edition, Subscription
from tests.newsletter.conftest import MORNING, make_due_reader

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _morning():
    with time_machine.travel(MORNING, tick=True):
        yield


def run(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def test_inline_composes_and_sends_to_all_who_are_due_once(new_papers, mail_server):
    make_due_reader("alice@example.org")
    make_due_reader("bob@example.org")
    assert run("send_digests", "--inline").strip() == "composed 2, sent 2, skipped 0, failed 0"
    assert "Nobody is due" in run("send_digests", "--inline")
    assert sorted(mail_server.recipients) == ["alice@example.org", "bob@example.org"]


def test_force_composes_out_of_turn_but_never_a_second_one_of_a_date(new_papers, mail_server):
    make_due_reader("alice@example.org")
    run("send_digests", "--inline", "--force")
    run("send_digests", "--inline", "--force")
    assert len(mail_server.taken) == 1


def test_one_user_and_a_limit(new_papers, mail_server):
    for name in ("alice", "bob", "charlie"):
        make_due_reader(f"{name}@example.org")
    run("send_digests", "--inline", "--user", "Bob@Example.org")
    assert mail_server.recipients == ["bob@example.org"]
    run("send_digests", "--inline", "--limit", "1")
    assert len(mail_server.taken) == 2


def test_a_dry_run_says_what_it_would_do_and_keeps_nothing(new_papers):
    make_due_reader("alice@example.org")
    said = run("send_digests", "--dry-run")
    assert "alice@example.org" in said
    assert "Would be composed: 1, skipped: 0. Nothing kept." in said
    assert not Digest.objects.exists()
    assert not Edition.objects.exists()


def test_another_days_edition_with_another_window(new_papers, mail_server):
    make_due_reader("alice@example.org")
    run("send_digests", "--inline", "--date", "2025-05-04", "--window-days", "2")
    edition = Edition.objects.get()
    assert f"{edition.date}" == "2025-05-04"
    assert (edition.window_end - edition.window_start).days == 2
    assert Digest.objects.get().period == edition.date


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--user", "nobody@example.org"], "No reader with a subscription has the address nobody@example.org."),
        (["--date", "2031-01-01"], "2031-01-01 lies in the future."),
    ],
)
def test_misuse_is_one_clear_line_and_status_2(new_papers, arguments, said):
    with pytest.raises(CommandError) as error:
        run("send_digests", "--inline", *arguments)
    assert str(error.value) == said
    assert error.value.returncode == 2


def test_a_mail_server_that_refuses_leaves_the_digests_composed(new_papers, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    make_due_reader("alice@example.org")
    with pytest.raises(CommandError, match=r"The mail server does not take mail: .*refused") as error:
        run("send_digests", "--inline")
    assert error.value.returncode == 2
    assert Digest.objects.get().state == "composed"


def test_a_broker_that_does_not_answer_is_told_and_nothing_is_half_done(new_papers, monkeypatch, own_connections):
    # The first falls back to the second: in the other order, undoing it would keep the broker that does not answer.
    monkeypatch.setattr(current_app.conf, "broker_write_url", "redis://127.0.0.1:1/0")
    monkeypatch.setattr(current_app.conf, "broker_url", "redis://127.0.0.1:1/0")
    make_due_reader("alice@example.org")
    with pytest.raises(CommandError, match="The broker did not answer") as error:
        run("send_digests")
    assert error.value.returncode == 2
    assert not Digest.objects.exists()


def test_a_preview_writes_both_parts_and_changes_no_row(new_papers, tmp_path):
    subscription = make_due_reader("alice@example.org")
    html, text = tmp_path / "d.html", tmp_path / "d.txt"
    run("preview_digest", "alice@example.org", "--html", str(html), "--text", str(text))
    assert "Less like this" in html.read_text()
    assert "more or less like this" in text.read_text()
    assert not Digest.objects.exists()
    assert not Edition.objects.exists()
    assert Subscription.objects.get().next_digest_at == subscription.next_digest_at


def test_a_preview_of_nothing_says_why(db, tmp_path):
    make_due_reader("alice@example.org")
    assert "No digest: nothing new" in run("preview_digest", "alice@example.org", "--html", str(tmp_path / "x"))
    assert not Path(tmp_path / "x").exists()


def test_a_preview_into_a_missing_folder_is_one_clear_line(new_papers, tmp_path):
    make_due_reader("alice@example.org")
    with pytest.raises(CommandError, match="No such file or directory") as error:
        run("preview_digest", "alice@example.org", "--html", str(tmp_path / "missing" / "d.html"))
    assert error.value.returncode == 2


def test_what_waits_to_be_sent_is_previewed_as_it_is(new_papers, tmp_path):
    from newsletter import digest

    subscription = make_due_reader("alice@example.org")
    digest.compose([subscription.pk])
    stored = Digest.objects.get()
    assert stored.subject in run("preview_digest", "alice@example.org")
