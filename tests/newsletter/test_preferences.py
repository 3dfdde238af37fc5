"""The preferences page: works without JavaScript, loses nothing, takes no for an answer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from allauth.account.models import EmailAddress
from django.test import Client
from django.utils import timezone

from accounts.models import User
from newsletter.forms import SubscriptionForm
from newsletter.models import Subscription
from newsletter.subscriptions import unsubscribe
from papers.models import Author
from recommender.models import Interest
from tests.factories import make_subscription, make_topic

pytestmark = pytest.mark.django_db

NOW = datetime(2025, 5, 7, 10, tzinfo=UTC)  # a Wednesday


@pytest.fixture
def signed_in(client: Client, alice: User) -> Client:
    EmailAddress.objects.create(user=alice, email=alice.email, verified=True, primary=True)
    make_subscription(alice)
    client.force_login(alice)
    return client


def form(**changes: Any) -> dict[str, Any]:
    """What a browser sends when nothing was touched but `changes`."""
    return {
        "action": "save",
        "cadence": "daily",
        "weekday": "0",
        "hour": "7",
        "time_zone": "UTC",
        "n_papers": "10",
        "order": "rank",
        "threshold": "usual",
        "paused_until": "",
        "sentences": "",
        "muted_words": "",
        **changes,
    }


@time_machine.travel(NOW, tick=False)
def test_topics_words_and_hours_are_saved_and_the_next_digest_moves(signed_in: Client, alice: User) -> None:
    speech, robots = make_topic("Speech"), make_topic("Robots")
    response = signed_in.post(
        "/preferences/",
        form(
            topics=[speech.pk, robots.pk],
            sentences="I study  vowels.\n\n and consonants \ni study vowels.",
            muted_words="quantum\nblockchain",
            cadence="weekly",
            weekday="4",
            hour="6",
            time_zone="Asia/Kolkata",
            n_papers="5",
        ),
    )
    assert response["Location"] == "/preferences/"
    interest = Interest.objects.get(user=alice)
    assert set(interest.topics.all()) == {speech, robots}
    assert interest.sentences == ["I study vowels.", "and consonants"]
    assert interest.muted_words == ["quantum", "blockchain"]
    subscription = Subscription.objects.get(user=alice)
    assert subscription.n_papers == 5
    assert subscription.next_digest_at == datetime(2025, 5, 9, 0, 30, tzinfo=UTC)  # Friday, 06:00 at +05:30
    page = signed_in.get("/preferences/").content.decode()
    assert "Friday, 9 May at 06:00" in page
    assert "I study vowels.\nand consonants" in page


def test_what_is_unticked_is_no_longer_followed(signed_in: Client, alice: User) -> None:
    interest = Interest.objects.create(user=alice)
    interest.topics.add(make_topic("Speech"))
    stays, goes = (Author.objects.create(name=name) for name in ("Ada", "Bill"))
    interest.authors.set([stays, goes])
    signed_in.post("/preferences/", form(authors=[stays.pk]))
    assert not interest.topics.exists()
    assert list(interest.authors.all()) == [stays]


def test_authors_one_does_not_follow_cannot_be_slipped_in(signed_in: Client, alice: User) -> None:
    stranger = Author.objects.create(name="Mallory")
    signed_in.post("/preferences/", form(authors=[stranger.pk]))
    assert not Interest.objects.filter(user=alice, authors=stranger).exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"n_papers": "2"},
        {"n_papers": "31"},
        {"hour": "24"},
        {"hour": "seven"},
        {"time_zone": "Mars/Olympus"},
        {"time_zone": "../../etc/passwd"},
        {"cadence": "hourly"},
        {"weekday": "7"},
        {"paused_until": "2001-01-01"},
        {"paused_until": "soon"},
        {"topics": ["999999"]},
        {"sentences": "\n".join(str(n) for n in range(21))},
        {"sentences": "x" * 501},
        {"muted_words": "x" * 61},
        {"muted_words": "a\x00b"},
    ],
)
def test_nonsense_is_refused_and_nothing_is_saved(signed_in: Client, alice: User, changes: dict[str, Any]) -> None:
    before = Subscription.objects.filter(user=alice).values().get()
    response = signed_in.post("/preferences/", form(hour="9") | changes)
    assert response.status_code == 200
    assert "Nothing is saved yet" in response.content.decode()
    assert Subscription.objects.filter(user=alice).values().get() == before
    assert not Interest.objects.filter(user=alice).exists()


@time_machine.travel(NOW, tick=False)
def test_a_pause_ends_with_the_digest_of_its_day(signed_in: Client, alice: User) -> None:
    signed_in.post("/preferences/", form(paused_until="2025-05-20"))
    assert Subscription.objects.get(user=alice).next_digest_at == datetime(2025, 5, 20, 7, tzinfo=UTC)
    signed_in.post("/preferences/", form(cadence="paused"))
    assert Subscription.objects.get(user=alice).next_digest_at is None


def test_leaving_and_coming_back(signed_in: Client, alice: User) -> None:
    signed_in.post("/preferences/", {"action": "unsubscribe"})
    subscription = Subscription.objects.get(user=alice)
    assert subscription.unsubscribed_at is not None
    assert subscription.next_digest_at is None
    assert "Subscribe again" in signed_in.get("/preferences/").content.decode()
    signed_in.post("/preferences/", {"action": "subscribe"})
    subscription.refresh_from_db()
    assert subscription.unsubscribed_at is None
    assert subscription.next_digest_at is not None


def test_saving_does_not_bring_back_who_left(signed_in: Client, alice: User) -> None:
    unsubscribe(Subscription.objects.get(user=alice))
    signed_in.post("/preferences/", form(hour="9"))
    subscription = Subscription.objects.get(user=alice)
    assert subscription.hour == 9
    assert subscription.unsubscribed_at is not None
    assert subscription.next_digest_at is None


def test_only_a_proved_address_can_be_subscribed(client: Client, bob: User) -> None:
    client.force_login(bob)
    client.post("/preferences/", {"action": "subscribe"})
    assert not Subscription.objects.filter(user=bob, confirmed_at__isnull=False).exists()


def test_looking_changes_nothing(client: Client, bob: User) -> None:
    client.force_login(bob)
    assert "not subscribed" in client.get("/preferences/").content.decode()
    assert not Subscription.objects.exists()
    assert not Interest.objects.exists()


def test_a_zone_this_machine_no_longer_knows_is_shown_as_utc(alice: User) -> None:
    subscription = make_subscription(alice, time_zone="Europe/Atlantis")
    assert SubscriptionForm(instance=subscription)["time_zone"].value() == "UTC"


def test_a_pause_that_is_over_is_not_shown(alice: User) -> None:
    subscription = make_subscription(alice, paused_until=timezone.now().date() - timedelta(days=1))
    assert SubscriptionForm(instance=subscription)["paused_until"].value() is None


def test_a_page_costs_the_same_queries_whatever_the_catalogue(
    signed_in: Client, django_assert_max_num_queries: Any
) -> None:
    for n_topics in (1, 30):
        for n in range(n_topics):
            make_topic(f"Topic {n}")
        with django_assert_max_num_queries(8):
            signed_in.get("/preferences/")
