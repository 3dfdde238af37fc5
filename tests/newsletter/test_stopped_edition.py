"""A stopped edition sends nothing, whoever asks, and goes on where it was once it is resumed."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine

from newsletter import digest
from newsletter.edition_desk import DeskError, resume, stop
from newsletter.models import Digest, Edition
from tests.newsletter.conftest import MORNING, make_due_reader

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def morning():
    with time_machine.travel(MORNING, tick=True) as clock:
        yield clock


@pytest.fixture
def composed(new_papers):
    return digest.compose([make_due_reader(f"reader{number}@example.org").pk for number in range(3)])


def test_what_was_asked_for_before_the_stop_is_not_sent_after_it(composed, mail_server):
    stop(Edition.objects.get())
    assert digest.deliver(composed) == {}
    assert mail_server.taken == []
    assert set(Digest.objects.values_list("state", flat=True)) == {"composed"}


def test_a_claim_is_refused_while_the_edition_is_stopped(composed):
    edition = Edition.objects.get()
    stop(edition)
    assert not Digest.objects.claim(composed[0], MORNING + timedelta(minutes=5), "token")
    resume(edition)
    assert Digest.objects.claim(composed[0], MORNING + timedelta(minutes=5), "token")


def test_the_sweep_and_composing_ask_for_nothing_of_a_stopped_edition(composed, morning):
    stop(Edition.objects.get())
    morning.shift(timedelta(hours=1))
    assert digest.sweep().to_send == []
    assert digest.compose([make_due_reader("late@example.org").pk]) == []
    assert Digest.objects.filter(state="composed").count() == 4


def test_a_stop_in_the_middle_of_a_run_ends_it_between_two_digests(composed, mail_server, monkeypatch):
    monkeypatch.setattr("newsletter.delivery.wait_for_turn", lambda: stop_once(mail_server))
    assert digest.deliver(composed) == {"sent": 1}
    assert len(mail_server.taken) == 1


def stop_once(mail_server):
    edition = Edition.objects.get()
    if mail_server.taken and edition.stopped_at is None:
        stop(edition)


def test_a_resumed_edition_sends_the_rest_once(composed, mail_server):
    edition = Edition.objects.get()
    digest.deliver(composed[:1])
    stop(edition)
    digest.deliver(composed)
    resume(edition)
    assert sorted(digest.sweep().to_send) == sorted(composed[1:])  # at once, not when the lease ends
    digest.deliver(composed)
    assert sorted(mail_server.recipients) == [f"reader{number}@example.org" for number in range(3)]


def test_other_editions_go_on(composed, mail_server, morning):
    stop(Edition.objects.get())
    morning.shift(timedelta(days=1))
    tomorrow = digest.compose([make_due_reader("tomorrow@example.org").pk])
    assert digest.deliver(tomorrow) == {"sent": 1}


def test_the_second_to_stop_or_resume_is_told(composed):
    edition = Edition.objects.get()
    stop(edition)
    with pytest.raises(DeskError, match="stopped"):
        stop(edition)
    resume(edition)
    with pytest.raises(DeskError, match="not stopped"):
        resume(edition)
