"""Confirming, pausing, leaving, coming back."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
import time_machine
from allauth.account.models import EmailAddress
from allauth.account.signals import email_confirmed

from newsletter import digest, subscriptions
from newsletter.models import Subscription, Suppression
from newsletter.suppression import address_hashes, lift_readers_own, suppress, suppression_of
from tests.factories import make_subscription

pytestmark = pytest.mark.django_db
NOON = datetime(2025, 5, 5, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _noon():
    with time_machine.travel(NOON, tick=False):
        yield


def test_a_confirmed_address_starts_the_subscription(alice):
    address = EmailAddress.objects.create(user=alice, email=alice.email, verified=True)
    email_confirmed.send(sender=EmailAddress, request=None, email_address=address)
    subscription = Subscription.objects.get(user=alice)
    assert subscription.confirmed_at == NOON
    assert subscription.next_digest_at == datetime(2025, 5, 6, 7, tzinfo=UTC)


def test_before_confirmation_nobody_is_ever_due(alice):
    subscription = Subscription.objects.create(user=alice)
    subscriptions.reschedule(subscription)
    assert subscription.next_digest_at is None
    assert digest.due(datetime(2030, 1, 1, tzinfo=UTC)) == []
    assert digest.mailable() == []


def test_confirming_another_address_later_does_not_bring_back_who_left(alice):
    subscription = subscriptions.confirm(alice)
    subscriptions.unsubscribe(subscription)
    subscriptions.confirm(alice)
    subscription.refresh_from_db()
    assert subscription.unsubscribed_at == NOON
    assert subscription.next_digest_at is None


def test_leaving_twice_keeps_the_first_instant(alice):
    subscription = subscriptions.confirm(alice)
    subscriptions.unsubscribe(subscription)
    with time_machine.travel(datetime(2025, 6, 1, tzinfo=UTC)):
        subscriptions.unsubscribe(subscription)
    subscription.refresh_from_db()
    assert subscription.unsubscribed_at == NOON


def test_coming_back_lifts_what_the_reader_said_but_no_complaint(alice, bob):
    for reader in (alice, bob):
        subscriptions.unsubscribe(subscriptions.confirm(reader))
    suppress(bob.email, "complaint")
    for reader in (alice, bob):
        subscriptions.resubscribe(Subscription.objects.get(user=reader))
    assert suppression_of(alice.email) is None
    assert suppression_of(bob.email).reason == "complaint"
    assert Subscription.objects.get(user=alice).next_digest_at is not None


def test_a_pause_moves_the_next_digest_to_its_end(alice):
    subscription = subscriptions.confirm(alice)
    subscriptions.pause(subscription, date(2025, 5, 20))
    subscription.refresh_from_db()
    assert subscription.next_digest_at == datetime(2025, 5, 20, 7, tzinfo=UTC)
    subscriptions.pause(subscription, None)
    subscription.refresh_from_db()
    assert subscription.next_digest_at is None


def test_fewer_is_weekly_first_and_then_half_as_many(alice):
    subscription = make_subscription(alice, cadence="daily", n_papers=10)
    subscriptions.send_fewer(subscription)
    assert (subscription.cadence, subscription.n_papers) == ("weekly", 10)
    for expected in (5, 3, 3):
        subscriptions.send_fewer(subscription)
        assert subscription.n_papers == expected


# --- suppression ----------------------------------------------------------------------------------------------------


def test_an_address_is_suppressed_in_any_spelling_and_its_hash_needs_the_key(settings):
    suppress(" Reader@Example.ORG", "bounce", "5.1.1")
    assert suppression_of("reader@example.org") is not None
    before = address_hashes("reader@example.org")
    settings.SECRET_KEY = "another"
    assert address_hashes("reader@example.org") != before


def test_a_new_key_forgets_no_suppression(settings):
    suppress("reader@example.org", "erased")
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "a newer one"
    assert suppression_of("reader@example.org").reason == "erased"
    suppress("reader@example.org", "complaint")
    assert Suppression.objects.get().reason == "complaint"
    Suppression.objects.update(reason="unsubscribe")
    lift_readers_own("reader@example.org")
    assert not Suppression.objects.exists()


def test_a_bounce_replaces_an_unsubscribe_but_not_the_other_way_round():
    suppress("a@example.org", "unsubscribe")
    suppress("a@example.org", "bounce")
    suppress("a@example.org", "unsubscribe")
    assert Suppression.objects.get().reason == "bounce"
    lift_readers_own("a@example.org")
    assert Suppression.objects.count() == 1


def test_an_erased_readers_address_is_kept_as_a_hash_only():
    suppress("a@example.org", "complaint")
    suppress("a@example.org", "erased")
    row = Suppression.objects.get()
    assert row.address == ""
    assert row.reason == "complaint"
    assert "a@example.org" not in str(vars(row))
