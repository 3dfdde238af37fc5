"""Export, erasing and retention."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
import time_machine
from django.core.serializers.json import DjangoJSONEncoder

from newsletter import digest, personal_data
from newsletter.clicks import note_click
from newsletter.models import Click, Digest, Subscription, Suppression
from newsletter.retention import forget_old
from newsletter.suppression import suppression_of
from tests.newsletter.conftest import MORNING, make_due_reader

pytestmark = pytest.mark.django_db


@pytest.fixture
def alices(new_papers):
    with time_machine.travel(MORNING, tick=True):
        subscription = make_due_reader("alice@example.org")
        digest.compose([subscription.pk])
        Digest.objects.update(state="sent", sent_at=MORNING - timedelta(minutes=5))
        note_click(Digest.objects.get(), new_papers[0], "page", "Mozilla/5.0 Firefox")
        yield subscription


def test_the_export_holds_all_we_hold_and_is_json(alices, new_papers):
    exported = json.loads(json.dumps(personal_data.export(alices.user), cls=DjangoJSONEncoder))
    assert exported["subscription"]["cadence"] == "daily"
    assert len(exported["digests"][0]["items"]) == 10
    assert exported["clicks"][0]["paper__title"] == new_papers[0].title
    assert exported["suppression"] is None


def test_a_reader_without_a_subscription_can_export_too(bob):
    assert personal_data.export(bob)["subscription"] is None


def test_erasing_leaves_a_hash_and_nothing_else(alices):
    personal_data.erase(alices.user)
    assert not Subscription.objects.exists()
    assert not Digest.objects.exists()
    assert not Click.objects.exists()
    assert suppression_of("alice@example.org").reason == "erased"
    assert "alice" not in str(list(Suppression.objects.values()))


def test_a_digest_composed_before_erasing_is_not_sent(alices, mail_server):
    Digest.objects.update(state="composed")
    [ready] = Digest.objects.values_list("pk", flat=True)
    personal_data.erase(alices.user)
    assert digest.deliver([ready]) == {}
    assert mail_server.taken == []


def test_old_clicks_and_digests_are_forgotten_by_their_settings(alices, settings):
    settings.CLICKS_KEPT_DAYS, settings.DIGESTS_KEPT_DAYS = 30, 100
    assert forget_old(MORNING + timedelta(days=29)) == {"clicks": 0, "digests": 0}
    assert forget_old(MORNING + timedelta(days=31)) == {"clicks": 1, "digests": 0}
    assert forget_old(MORNING + timedelta(days=102)) == {"clicks": 0, "digests": 1}


def test_nothing_is_forgotten_with_0_days(alices, settings):
    settings.CLICKS_KEPT_DAYS = settings.DIGESTS_KEPT_DAYS = 0
    assert forget_old(MORNING + timedelta(days=9999)) == {"clicks": 0, "digests": 0}


def test_a_digest_is_kept_while_its_papers_may_come_again(alices, settings):
    settings.DIGESTS_KEPT_DAYS = 1
    assert forget_old(MORNING + timedelta(days=20))["digests"] == 0
