"""A search saved on the site -> compose -> send: what it finds comes in the mail, marked, and once."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.test import Client

from newsletter import digest
from newsletter.delivery import deliver
from newsletter.models import Digest, Subscription
from papers.models import Paper
from recommender.interactions import record
from recommender.models import SavedSearch
from tests.factories import make_paper
from tests.newsletter.conftest import MORNING, make_due_reader

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


@pytest.fixture
def tea(new_papers: list[Paper]) -> Paper:
    """Of yesterday, and about nothing that anybody here reads of."""
    make_paper("Brewing coffee in space", topics=["Kitchens"], published_at=MORNING - DAY / 2)
    make_paper("Brewing tea in space, a history", topics=["Kitchens"], published_at=MORNING - 40 * DAY)
    return make_paper("Brewing tea in space", topics=["Kitchens"], published_at=MORNING - DAY / 2)


@pytest.fixture
def subscription(tea: Paper) -> Subscription:
    """A reader of speech, of which there is more than a digest takes."""
    subscription: Subscription = make_due_reader("alice@example.org", n_papers=5, threshold="low")
    for number in range(5):
        old = make_paper(
            f"Speech recognition, chapter {number}", abstract="We recognise speech.", published_at=MORNING - 60 * DAY
        )
        record(subscription.user, old, "save")
    return subscription


@pytest.fixture
def signed_in(client: Client, subscription: Subscription) -> Client:
    client.force_login(subscription.user)
    return client


def items_of(subscription: Subscription) -> dict[int, dict]:
    """By paper, of a digest made now."""
    digest.compose([subscription.pk])
    made = Digest.objects.filter(subscription=subscription).latest("period")
    return {item["paper"]: item for item in made.items}


@time_machine.travel(MORNING, tick=True)
def test_what_a_saved_search_finds_is_mailed_with_its_reason_and_only_once(signed_in, subscription, tea, mail_server):
    signed_in.post("/search/saved/", {"query": "Tea, space!", "topic": "kitchens"})
    digest.compose([subscription.pk])
    assert deliver(list(Digest.objects.values_list("pk", flat=True))) == {"sent": 1}
    [message] = mail_server.messages
    text, html = (message.get_body((kind,)).get_content() for kind in ("plain", "html"))
    before, _why, after = text.partition("Why: found by your search “Tea, space!”")
    assert "Brewing tea in space" in before
    assert "found by your search" not in after
    assert "found by your search “Tea, space!”" in html
    assert "a history" not in text
    with time_machine.travel(MORNING + DAY, tick=True):
        for number in range(4):
            make_paper(f"Speech recognition at night {number}", published_at=MORNING + DAY / 2)
        again = make_paper("Tea in open space", topics=["Kitchens"], published_at=MORNING + DAY / 2)
        items = items_of(subscription)
    assert again.pk in items
    assert tea.pk not in items


@time_machine.travel(MORNING, tick=False)
def test_it_comes_first_and_the_rest_of_the_digest_is_what_it_would_be(subscription, tea):
    [rehearsed] = digest.rehearse([subscription.pk], MORNING)
    without = [paper_id for paper_id in rehearsed.paper_ids if paper_id != tea.pk]
    assert rehearsed.paper_ids[0] != tea.pk
    SavedSearch.objects.create(user=subscription.user, query="tea space")
    items = items_of(subscription)
    assert next(iter(items)) == tea.pk
    assert items[tea.pk]["reason"] == {"kind": "search", "text": "tea space"}
    assert list(items)[1:] == without[:4]


@pytest.mark.parametrize("case", ["not in the digest", "another topic", "another reader", "no such words", "hidden"])
@time_machine.travel(MORNING, tick=False)
def test_it_brings_nothing_where(signed_in, subscription, tea, case):
    query = "telescopes of glass" if case == "no such words" else "tea space"
    signed_in.post("/search/saved/", {"query": query, "topic": "speech" if case == "another topic" else ""})
    search = SavedSearch.objects.get()
    if case == "not in the digest":
        signed_in.post(f"/search/saved/{search.pk}/", {"digest": "off"})
    if case == "another reader":
        SavedSearch.objects.update(user=make_due_reader("bob@example.org").user)
    if case == "hidden":
        Paper.objects.filter(pk=tea.pk).update(status="hidden")
    items = items_of(subscription)
    assert len(items) == 5
    assert not any(item["reason"]["kind"] == "search" for item in items.values())
    assert next(iter(items)) != tea.pk
