"""A reader's own page: ranked for them, with why, and honest where there is nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from recommender.candidates import window
from recommender.interactions import record
from recommender.models import Interest
from tests.factories import make_paper, make_topic

pytestmark = pytest.mark.django_db

NOW = datetime(2025, 5, 8, 9, tzinfo=UTC)
DAY = timedelta(days=1)


def for_you(client: Client, user: User) -> str:
    client.force_login(user)
    response = client.get("/for-you/")
    assert response.status_code == 200
    return response.content.decode()


@time_machine.travel(NOW)
def test_a_followed_topic_comes_first_and_says_why(client: Client, alice: User) -> None:
    for number in range(5):
        make_paper(f"Robots {number}", topics=["Robots"], published_at=NOW - DAY)
    make_paper("Listening to birds", topics=["Speech"], published_at=NOW - DAY)
    Interest.objects.create(user=alice).topics.add(make_topic("Speech"))
    html = for_you(client, alice)
    assert html.index("Listening to birds") < html.index("Robots 0")
    assert "In your topic Speech" in html


@time_machine.travel(NOW)
def test_what_the_reader_had_already_and_what_is_hidden_is_left_out(client: Client, alice: User) -> None:
    for kind in ("read", "save", "dismiss", "less"):
        record(alice, make_paper(f"Had: {kind}", published_at=NOW - DAY), kind)
    make_paper("Secret", published_at=NOW - DAY, status="hidden")
    make_paper("Still new", published_at=NOW - DAY)
    html = for_you(client, alice).partition("<aside")[0]
    assert "Still new" in html
    assert "Had:" not in html
    assert "Secret" not in html


@time_machine.travel(NOW)
def test_a_newcomer_is_told_what_the_page_goes_by(client: Client, charlie: User) -> None:
    make_paper(published_at=NOW - DAY)
    html = for_you(client, charlie)
    assert "We do not know yet what you work on" in html
    Interest.objects.create(user=charlie, sentences=["Speech of small children"])
    html = for_you(client, charlie)
    assert "We do not know yet" not in html
    assert "Speech of small children" in html


@time_machine.travel(NOW)
def test_days_without_papers_say_so_and_lead_to_the_newest(client: Client, alice: User) -> None:
    make_paper("Long ago", published_at=NOW - 60 * DAY)
    html = for_you(client, alice)
    assert "No paper was published in these days." in html
    assert '"/day/2025-03-09/"' in html


@time_machine.travel(NOW)
def test_a_reader_who_has_seen_everything_is_told_so(client: Client, alice: User) -> None:
    record(alice, make_paper(published_at=NOW - DAY), "read")
    assert "You have seen the one new paper of these days." in for_you(client, alice)


def test_the_window_ends_with_the_day_or_with_the_newest_paper(db: None, settings: Settings) -> None:
    settings.CANDIDATE_WINDOW_DAYS = 7
    make_paper(published_at=datetime(2025, 3, 2, 22, tzinfo=UTC))
    make_paper(published_at=datetime(2025, 3, 20, tzinfo=UTC), status="hidden")
    settings.CANDIDATE_WINDOW_ANCHOR = "today"
    assert window(NOW.date()) == (datetime(2025, 5, 2, tzinfo=UTC), datetime(2025, 5, 9, tzinfo=UTC))
    settings.CANDIDATE_WINDOW_ANCHOR = "newest"
    assert window(NOW.date()) == (datetime(2025, 2, 24, tzinfo=UTC), datetime(2025, 3, 3, tzinfo=UTC))
    assert window(NOW.date(), 1) == (datetime(2025, 3, 2, tzinfo=UTC), datetime(2025, 3, 3, tzinfo=UTC))


@time_machine.travel(NOW)
def test_what_a_reader_says_changes_the_next_page_and_is_shown_there(client: Client, alice: User) -> None:
    for number in range(4):
        make_paper(f"Speech recognition in noise {number}", topics=["Speech"], published_at=NOW - DAY)
        make_paper(f"Robots that grasp cups {number}", topics=["Robots"], published_at=NOW - DAY)
    wanted = make_paper("Speech recognition in rooms", published_at=NOW - 30 * DAY)
    unwanted = make_paper("Robots that grasp plates", published_at=NOW - 30 * DAY)
    client.force_login(alice)
    client.post(f"/paper/{wanted.pk}/react/", {"do": "more"})
    response = client.post(f"/paper/{unwanted.pk}/react/", {"do": "less", "next": "/for-you/"}, follow=True)
    html = response.content.decode()
    assert "Your next page has less like it" in html
    places = [
        html.index(f'">{title} {n}</a>')
        for title in ("Speech recognition in noise", "Robots that grasp cups")
        for n in range(4)
    ]
    assert max(places[:4]) < min(places[4:])
    said = html[html.index("What you said") :]
    assert "Speech recognition in rooms" in said
    assert "Robots that grasp plates" in said
    client.post(f"/paper/{unwanted.pk}/react/", {"undo": "less"})
    assert "Robots that grasp plates" not in client.get("/for-you/").content.decode()


@time_machine.travel(NOW)
def test_not_this_takes_the_paper_away_with_a_way_back(client: Client, alice: User) -> None:
    paper = make_paper("Not for Alice", published_at=NOW - DAY)
    assert ">Not this</button>" in for_you(client, alice)
    url = f"/paper/{paper.pk}/react/"
    data = {"do": "dismiss", "next": "/for-you/"}
    html = client.post(url, data, headers={"HX-Request": "true"}).content.decode()
    assert "Left out" in html
    assert '<button name="undo" value="dismiss">' in html
    assert '<article class="paper">' not in client.get("/for-you/").content.decode()
    client.post(url, {"undo": "dismiss"})
    assert '<article class="paper">' in client.get("/for-you/").content.decode()


# --- what is new, what is seen, the dial ------------------------------------------------------------------------------


@time_machine.travel(NOW, tick=False)
def test_seen_up_to_here_leaves_what_comes_after_it_and_can_be_taken_back(client: Client, alice: User) -> None:
    make_paper("Seen by then", published_at=NOW - DAY)
    assert '<input type="hidden" name="until" value="2025-05-08T09:00:00+00:00">' in for_you(client, alice)
    client.post("/for-you/seen/", {"until": "2025-05-08T09:00:00+00:00"})
    with time_machine.travel(NOW + DAY, tick=False):
        html = for_you(client, alice)
        assert "Nothing came since." in html
        assert "Seen by then" not in html
        make_paper("Fresh bread", published_at=NOW + DAY / 2)
        make_paper("Late harvest", published_at=NOW - 3 * DAY)
        html = for_you(client, alice)
        assert "Fresh bread" in html
        assert "Late harvest" in html
        assert "Seen by then" not in html
        week = client.get("/for-you/?show=week").content.decode()
        assert "Seen by then" in week
        assert "Fresh bread" in week
        client.post("/for-you/seen/")
        assert "Seen by then" in for_you(client, alice)


@pytest.mark.parametrize("until", ["2999-01-01T00:00:00+00:00", "yesterday", "\x00"])
def test_what_is_no_instant_of_the_past_marks_nothing_as_seen(client: Client, alice: User, until: str) -> None:
    client.force_login(alice)
    response = client.post("/for-you/seen/", {"until": until}, follow=True)
    assert "no instant of the past" in response.content.decode()
    assert not Interest.objects.filter(seen_until__isnull=False).exists()


@time_machine.travel(NOW)
def test_all_time_reaches_back_as_far_as_the_catalogue(client: Client, alice: User) -> None:
    make_paper("Speech recognition in rooms", topics=["Speech"], published_at=NOW - 900 * DAY)
    make_paper("Hidden speech recognition", topics=["Speech"], published_at=NOW - 900 * DAY, status="hidden")
    record(alice, make_paper("Speech recognition in cars", published_at=NOW - 800 * DAY), "save")
    assert "in rooms" not in for_you(client, alice)
    html = client.get("/for-you/?show=all").content.decode().partition("<aside")[0]
    assert "Speech recognition in rooms" in html
    assert "Hidden" not in html
    assert "in cars" not in html


@pytest.mark.parametrize("query", ["show=never", "interest=x", "interest=-1", "show=%00&interest=1e9"])
def test_nonsense_in_the_address_is_left_out(client: Client, alice: User, query: str) -> None:
    client.force_login(alice)
    assert client.get(f"/for-you/?{query}").status_code == 200


def test_the_dial_is_kept_and_says_what_changed(client: Client, alice: User) -> None:
    client.force_login(alice)
    html = client.post("/for-you/dial/", {"dial": "90"}, follow=True).content.decode()
    assert "what others like you read" in html
    assert 'value="90"' in html
    for wrong in ("101", "-1", "", "x"):
        assert "from 0 to 100" in client.post("/for-you/dial/", {"dial": wrong}, follow=True).content.decode()
    assert Interest.of(alice).dial == 90


@time_machine.travel(NOW)
def test_a_fresh_start_forgets_nothing_and_can_be_taken_back(client: Client, alice: User) -> None:
    record(alice, make_paper("Speech of children", published_at=NOW - 30 * DAY), "more", at=NOW - DAY)
    assert "Speech of children" in for_you(client, alice)
    html = client.post("/for-you/afresh/", follow=True).content.decode()
    assert "A fresh start" in html
    assert "Speech of children" not in html
    html = client.post("/for-you/afresh/", {"undo": "1"}, follow=True).content.decode()
    assert "Speech of children" in html
