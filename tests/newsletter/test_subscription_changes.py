"""Subscribers won and lost: one row a change, by whatever way it came."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from allauth.account.models import EmailAddress
from allauth.account.signals import email_confirmed
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts import privacy
from accounts.models import User
from newsletter import digest, subscriptions
from newsletter.bounces import Kind, note_bounce
from newsletter.delivery import deliver
from newsletter.imported_readers import subscribe
from newsletter.models import Digest, Subscription, SubscriptionChange, Suppression
from newsletter.numbers import Numbers, Span, subscribers
from newsletter.personal_data import export
from newsletter.subscription_changes import note_changes
from newsletter.suppression import suppress
from tests.factories import make_reader, make_subscription
from tests.newsletter.conftest import MORNING, make_due_reader

NOON = datetime(2025, 5, 5, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def noon():
    with time_machine.travel(NOON, tick=False) as clock:
        yield clock


def told() -> list[str]:
    return list(SubscriptionChange.objects.order_by("pk").values_list("kind", flat=True))


@pytest.mark.django_db
def test_coming_leaving_and_coming_back_are_three_rows_however_often_each_is_asked(alice, noon):
    for _ in range(2):
        subscriptions.confirm(alice)
    subscription = Subscription.objects.get()
    noon.shift(timedelta(days=1))
    for _ in range(2):
        subscriptions.unsubscribe(subscription)
        subscriptions.confirm(alice)
    noon.shift(timedelta(days=1))
    for _ in range(2):
        subscriptions.resubscribe(subscription)
    rows = SubscriptionChange.objects.order_by("pk").values_list("kind", "at")
    assert list(rows) == [
        ("subscribed", NOON),
        ("unsubscribe", NOON + timedelta(days=1)),
        ("returned", NOON + timedelta(days=2)),
    ]


@pytest.mark.django_db
def test_a_pause_and_fewer_digests_are_no_loss(alice):
    subscription = subscriptions.confirm(alice)
    subscriptions.pause(subscription, None)
    subscriptions.send_fewer(subscription)
    note_changes([subscription.pk])
    assert told() == ["subscribed"]


@pytest.mark.django_db
def test_who_never_confirmed_was_never_won_and_so_is_not_lost(alice):
    subscription = make_subscription(alice, confirmed_at=None, next_digest_at=None)
    subscriptions.unsubscribe(subscription)
    note_changes([subscription.pk])
    assert told() == []


@pytest.mark.django_db
def test_the_edition_of_a_loss_is_that_of_the_last_digest_the_reader_got(new_papers, mail_server, noon):
    noon.move_to(MORNING)
    reader = make_due_reader("alice@example.org")
    note_changes([reader.pk])
    deliver(digest.compose([reader.pk]))
    first = Digest.objects.get()
    assert first.state == "sent"
    noon.shift(timedelta(days=1))
    skipped = digest.compose([reader.pk])  # nothing new: a row, but no mail
    assert skipped == []
    subscriptions.unsubscribe(Subscription.objects.get(pk=reader.pk))
    assert SubscriptionChange.objects.get(kind="unsubscribe").edition == first.edition
    assert SubscriptionChange.objects.get(kind="subscribed").edition is None


@pytest.mark.django_db
@pytest.mark.parametrize(("kind", "expected"), [(Kind.HARD, "bounce"), (Kind.COMPLAINT, "complaint"), (Kind.SOFT, "")])
def test_who_may_no_longer_be_mailed_is_lost(new_papers, noon, kind, expected):
    noon.move_to(MORNING)
    reader = make_due_reader("alice@example.org")
    note_changes([reader.pk])
    digest.compose([reader.pk])
    note_bounce(Digest.objects.get(), kind, "550")
    subscriptions.unsubscribe(Subscription.objects.get(pk=reader.pk))
    assert told() == ["subscribed", expected or "unsubscribe"]


@pytest.mark.django_db
def test_another_address_wins_back_whom_the_old_one_lost(alice):
    subscription = subscriptions.confirm(alice)
    suppress(alice.email, "bounce")
    note_changes([subscription.pk])
    alice.email = "alice@other.example.org"
    alice.save()
    address = EmailAddress.objects.create(user=alice, email=alice.email, verified=True, primary=True)
    email_confirmed.send(sender=EmailAddress, request=None, email_address=address)
    assert told() == ["subscribed", "bounce", "returned"]


@pytest.mark.django_db
def test_suppressing_and_lifting_in_the_admin_count_as_well(client, alice, bob):
    client.force_login(make_reader("root@example.org", is_staff=True, is_superuser=True))
    for reader in (alice, bob):
        subscriptions.confirm(reader)
    for email in (" Alice@Example.org", bob.email):
        answer = client.post(
            reverse("admin:newsletter_suppression_add"), {"address": email, "reason": "complaint", "note": ""}
        )
        assert answer.status_code == 302
    first, second = Suppression.objects.order_by("pk")
    client.post(reverse("admin:newsletter_suppression_delete", args=[first.pk]), {"post": "yes"})
    client.post(
        reverse("admin:newsletter_suppression_changelist"),
        {"action": "delete_selected", "_selected_action": [second.pk], "post": "yes"},
    )
    assert not Suppression.objects.exists()
    assert told() == ["subscribed", "subscribed", "complaint", "complaint", "returned", "returned"]


@pytest.mark.django_db
def test_imported_readers_are_won_unless_their_address_is_suppressed(alice, bob):
    suppress(bob.email, "complaint")
    subscribe([alice, bob])
    subscribe([alice, bob])
    assert SubscriptionChange.objects.get().subscription.user == alice


@pytest.mark.django_db
def test_an_erased_reader_is_still_counted_and_no_longer_known(alice):
    subscription = subscriptions.confirm(alice)
    assert [row["kind"] for row in export(alice)["subscribed_and_left"]] == ["subscribed"]
    privacy.erase(alice)
    assert told() == ["subscribed", "erased"]
    assert not SubscriptionChange.objects.filter(subscription=subscription.pk).exists()
    assert not SubscriptionChange.objects.exclude(subscription=None).exists()


@pytest.mark.django_db
def test_a_thousand_readers_cost_no_more_queries_than_one():
    counts = []
    for n in (1, 40):
        subscriptions_ = [make_subscription(make_reader()) for _ in range(n)]
        with CaptureQueriesContext(connection) as queries:
            note_changes([subscription.pk for subscription in subscriptions_])
        counts.append(len(queries))
    assert counts[0] == counts[1]
    assert told() == ["subscribed"] * 41


@pytest.mark.django_db(transaction=True)
def test_the_migration_tells_what_subscriptions_still_know(new_papers, mail_server, noon):
    noon.move_to(MORNING)
    readers = {name: make_due_reader(f"{name}@example.org") for name in ("alice", "bob", "carol")}
    deliver(digest.compose([reader.pk for reader in readers.values()]))
    row = Digest.objects.get(subscription=readers["bob"])
    note_bounce(row, Kind.HARD, "550 5.1.1")
    subscriptions.unsubscribe(Subscription.objects.get(pk=readers["carol"].pk), MORNING + timedelta(hours=1))
    User.objects.filter(pk=make_due_reader("dave@example.org").user_id).update(is_active=False)
    executor = MigrationExecutor(connection)
    try:
        executor.migrate([("newsletter", "0007_votes_and_places"), ("config", None)])
        executor.loader.build_graph()
    finally:
        executor.migrate(executor.loader.graph.leaf_nodes())
    changes = SubscriptionChange.objects.order_by("pk").values_list("subscription__user__email", "kind", "edition")
    assert sorted(changes, key=str) == [
        ("alice@example.org", "subscribed", None),
        ("bob@example.org", "bounce", row.edition_id),
        ("bob@example.org", "subscribed", None),
        ("carol@example.org", "subscribed", None),
        ("carol@example.org", "unsubscribe", row.edition_id),
        ("dave@example.org", "closed", None),
        ("dave@example.org", "subscribed", None),
    ]
    assert row.bounces.get().edition == row.edition


def close(client: Client, reader: User, *, opened: bool = False) -> None:
    """By the account's page on the desk."""
    posted = {"email": reader.email, "name": reader.name, "emailaddress_set-TOTAL_FORMS": 0}
    posted |= {"emailaddress_set-INITIAL_FORMS": 0} | ({"is_active": "on"} if opened else {})
    assert client.post(reverse("admin:accounts_user_change", args=[reader.pk]), posted).status_code == 302


@pytest.mark.django_db
def test_whose_account_is_closed_is_lost_until_it_is_opened_again(client, alice, bob, noon):
    client.force_login(make_reader("root@example.org", is_staff=True, is_superuser=True))
    subscriptions.confirm(alice)
    subscriptions.confirm(bob)
    for opened in (False, False, True, False):
        noon.shift(timedelta(days=1))
        close(client, alice, opened=opened)
    of_alice = SubscriptionChange.objects.filter(subscription__user=alice).order_by("pk")
    assert list(of_alice.values_list("kind", "at")) == [
        ("subscribed", NOON),
        ("closed", NOON + timedelta(days=1)),
        ("returned", NOON + timedelta(days=3)),
        ("closed", NOON + timedelta(days=4)),
    ]
    assert subscribers() == 1
    (week,) = Numbers(Span(NOON.date(), NOON.date())).weeks
    assert (week.won, week.lost) == (3, 2)
    privacy.erase(alice)
    assert told()[-1] == "closed"  # lost already: not once more
