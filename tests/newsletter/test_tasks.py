"""What is asked of the queue, and when."""

from __future__ import annotations

import pytest
import time_machine
from django.conf import settings
from django.db import transaction

from newsletter import tasks
from newsletter.models import Digest
from tests.newsletter.conftest import MORNING, make_due_reader

pytestmark = pytest.mark.django_db


@pytest.fixture
def asked(monkeypatch):
    """What would have gone to the broker."""
    calls: list[tuple[str, list[int]]] = []
    monkeypatch.setattr(tasks.compose_digests, "delay", lambda ids, *_: calls.append(("compose", ids)))
    monkeypatch.setattr(tasks.deliver_digests, "delay", lambda ids: calls.append(("deliver", ids)))
    with time_machine.travel(MORNING, tick=False):
        yield calls


def test_due_readers_are_asked_for_in_chunks(new_papers, asked, settings):
    settings.DIGEST_CHUNK = 2
    ids = [make_due_reader().pk for _ in range(5)]
    tasks.dispatch_due()
    assert asked == [("compose", ids[:2]), ("compose", ids[2:4]), ("compose", ids[4:])]


@pytest.mark.django_db(transaction=True)
def test_sending_is_asked_for_after_the_commit_and_never_after_a_rollback(new_papers, asked):
    reader = make_due_reader()
    with transaction.atomic():
        tasks.compose_digests([reader.pk])
        transaction.set_rollback(True)
    assert asked == []
    with transaction.atomic():
        tasks.compose_digests([reader.pk])
        assert asked == []
    assert asked == [("deliver", [Digest.objects.get().pk])]


def test_the_sweep_asks_for_what_nobody_took(new_papers, asked):
    reader = make_due_reader()
    tasks.sweep()
    assert asked == [("compose", [reader.pk])]


def test_a_mail_server_that_is_away_does_not_fail_the_task(new_papers, asked, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    tasks.compose_digests([make_due_reader().pk])
    tasks.deliver_digests([Digest.objects.get().pk])
    assert Digest.objects.get().state == "composed"


def test_the_schedule_is_a_plain_tick_in_utc():
    """A crontab in a zone with daylight saving leaves an hour out once a year."""
    assert settings.CELERY_TIMEZONE == "UTC"
    for entry in settings.CELERY_BEAT_SCHEDULE.values():
        assert isinstance(entry["schedule"], float)
