"""The first five minutes after the mailed code: a few choices, and the first digest on the screen."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
import time_machine
from django.test import Client

from accounts.models import User
from newsletter.models import Digest, Edition, Pick, Subscription
from papers.models import Paper
from recommender.engine.spread import well_spread
from recommender.interactions import record
from recommender.models import Interaction, Interest
from recommender.starting import OFFERED, papers_to_pick_from
from tests.factories import make_paper, make_subscription, make_topic

pytestmark = pytest.mark.django_db

NOW = datetime(2025, 5, 8, 9, tzinfo=UTC)
DAY = timedelta(days=1)
FIELDS = ("speech", "robots", "bees")


@pytest.fixture(autouse=True)
def _now() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def papers() -> list[Paper]:
    return [
        make_paper(
            f"{field} {what} {number}",
            topics=[field.capitalize()],
            published_at=NOW - DAY,
            upvotes=20 if field == "speech" else 1,
        )
        for field, words in zip(FIELDS, ("vowels lungs", "grasp cups", "hives honey"), strict=True)
        for number, what in enumerate(words.split() * 5)
    ]


@pytest.fixture
def signed_in(client: Client, charlie: User) -> Client:
    client.force_login(charlie)
    return client


def form(**changes: Any) -> dict[str, Any]:
    return {"cadence": "daily", "hour": "7", "time_zone": "Europe/Zurich", "sentences": "", **changes}


def first_digest(client: Client, **said: Any) -> str:
    response = client.post("/start/", form(**said), follow=True)
    assert response.redirect_chain == [("/start/digest/", 302)]
    return response.content.decode()


@pytest.mark.parametrize("way", ["topics", "sentences", "papers"])
def test_each_way_alone_makes_a_digest_of_the_reader_s_field(
    signed_in: Client, charlie: User, papers: list[Paper], way: str
) -> None:
    make_subscription(charlie)
    picked = next(paper for paper in papers if "honey" in paper.title)
    said: dict[str, Any] = {
        "topics": {"topics": [make_topic("Bees").pk]},
        "sentences": {"sentences": "How bees make honey in their hives"},
        "papers": {"papers": [picked.pk]},
    }
    html = first_digest(signed_in, **said[way])
    first = html.index('<article class="paper">')
    assert "bees" in html[first : first + 200]
    assert "why" in html[first : first + 700]
    assert not Digest.objects.exists()
    assert "Friday, 9 May at 07:00 (Europe/Zurich)" in html


def test_saying_nothing_is_fine_and_shows_what_others_read(signed_in: Client, papers: list[Paper]) -> None:
    html = first_digest(signed_in)
    assert "speech" in html
    assert "Nothing is mailed to you." in html  # the address is not proven


def test_what_was_said_before_is_added_to(signed_in: Client, charlie: User, papers: list[Paper]) -> None:
    interest = Interest.objects.create(user=charlie, sentences=["Tea."], muted_words=["coffee"])
    interest.topics.add(make_topic("Speech"))
    signed_in.post("/start/", form(topics=[make_topic("Bees").pk], sentences="Honey.\nTea."))
    interest.refresh_from_db()
    assert interest.sentences == ["Tea.", "Honey."]
    assert interest.muted_words == ["coffee"]
    assert interest.topics.count() == 2


def test_looking_keeps_nothing_and_nothing_half_said_is_kept(signed_in: Client, papers: list[Paper]) -> None:
    assert signed_in.get("/start/").status_code == 200
    hidden = make_paper("Hidden", status="hidden")
    for wrong in ({"time_zone": "Mars/Crater"}, {"papers": [hidden.pk]}, {"hour": "99"}, {"topics": ["x"]}):
        html = signed_in.post("/start/", form(sentences="Honey.", **{"topics": []} | wrong)).content.decode()
        assert "Nothing is saved yet" in html
    assert not Interest.objects.exists()
    assert not Interaction.objects.exists()
    assert not Subscription.objects.exists()
    assert signed_in.get("/start/digest/")["Location"] == "/start/"


def test_a_day_without_papers_says_so(signed_in: Client) -> None:
    assert "There is none today: nothing new for you" in first_digest(signed_in)


def test_the_editors_picks_stand_first(signed_in: Client, papers: list[Paper]) -> None:
    edition = Edition.objects.create(date=NOW.date(), window_start=NOW - 7 * DAY, window_end=NOW)
    Pick.objects.create(edition=edition, paper=papers[-1])
    html = first_digest(signed_in, topics=[make_topic("Speech").pk])
    first = html.index('<article class="paper">')
    assert papers[-1].title in html[first : first + 300]
    assert "Picked by the editors" in html[first : first + 700]


# --- the twelve -----------------------------------------------------------------------------------------------------


def test_the_twelve_to_pick_from_come_from_every_field(papers: list[Paper]) -> None:
    offered = papers_to_pick_from()
    assert 0 < len(offered) <= OFFERED
    assert {paper.title.split()[0] for paper in offered[:3]} == set(FIELDS)
    assert len({paper.pk for paper in offered}) == len(offered)


def test_none_is_offered_that_nobody_may_see(papers: list[Paper], alice: User) -> None:
    Paper.objects.exclude(pk=papers[0].pk).update(status="hidden")
    record(alice, papers[0], "save")
    assert papers_to_pick_from() == [papers[0]]
    Paper.objects.update(status="hidden")
    assert papers_to_pick_from() == []


def test_well_spread_takes_the_first_then_the_farthest() -> None:
    vectors = np.array([[1, 0], [0.8, 0.6], [1, 0], [-1, 0], [0, 1]], np.float32)
    assert well_spread(vectors, 3) == [0, 3, 4]
    assert well_spread(vectors, 9) == [0, 3, 4, 1]
    assert well_spread(vectors[:0], 3) == []
