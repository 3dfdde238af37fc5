"""Following authors and topics with a button, searches that are saved, interests kept apart: the pages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.test import Client

from accounts.models import User
from papers.models import Author
from recommender.interest_views import MOST_APART
from recommender.models import Interest, SavedSearch
from recommender.saved_search_views import MOST_SAVED
from tests.factories import make_paper, make_topic

pytestmark = pytest.mark.django_db

NOW = datetime(2025, 5, 8, 9, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def signed_in(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


def page(client: Client, url: str) -> str:
    response = client.get(url)
    assert response.status_code == 200
    return response.content.decode()


# --- following ------------------------------------------------------------------------------------------------------


def test_an_author_is_followed_and_let_go_with_a_button_on_their_page(signed_in: Client, alice: User) -> None:
    make_paper("On looms", authors=["Ada Lovelace"])
    ada = Author.objects.get()
    assert 'aria-pressed="false">Follow<span class="unseen"> Ada Lovelace<' in page(signed_in, f"/author/{ada.pk}/")
    for _twice in range(2):
        response = signed_in.post(f"/author/{ada.pk}/follow/", {"do": "follow"}, follow=True)
    assert 'aria-pressed="true">Following<span class="unseen"> Ada Lovelace<' in response.content.decode()
    assert list(Interest.of(alice).authors.all()) == [ada]
    signed_in.post(f"/author/{ada.pk}/follow/", {"undo": "follow"})
    assert not Interest.of(alice).authors.exists()


def test_the_page_of_a_paper_has_a_button_for_each_author(signed_in: Client, alice: User) -> None:
    paper = make_paper("On looms", authors=["Ada Lovelace", "Grace Hopper"])
    Interest.objects.create(user=alice).authors.add(Author.objects.get(name="Grace Hopper"))
    html = page(signed_in, paper.get_absolute_url())
    assert 'aria-pressed="false">Follow<span class="unseen"> Ada Lovelace<' in html
    assert 'aria-pressed="true">Following<span class="unseen"> Grace Hopper<' in html


def test_with_htmx_only_the_button_comes_back(signed_in: Client) -> None:
    topic = make_topic("Speech")
    response = signed_in.post("/topic/speech/follow/", {"do": "follow"}, headers={"HX-Request": "true"})
    html = response.content.decode()
    assert 'name="undo"' in html
    assert "<html" not in html
    assert topic.followers.count() == 1


@pytest.mark.parametrize("url", ["/author/{}/follow/", "/topic/speech/follow/"])
def test_nobody_follows_by_looking_and_a_stranger_signs_in_first(client: Client, alice: User, url: str) -> None:
    make_paper(authors=["Ada"], topics=["Speech"])
    url = url.format(Author.objects.get().pk)
    assert client.get(url).status_code == 405
    assert client.post(url, {"do": "follow"})["Location"].startswith("/accounts/login/")
    client.force_login(alice)
    for elsewhere in ("https://evil.example.org/", "//evil.example.org", "nonsense", ""):
        assert client.post(url, {"do": "follow", "next": elsewhere})["Location"].startswith(("/author/", "/topic/"))


@time_machine.travel(NOW)
def test_a_followed_author_s_paper_comes_marked(signed_in: Client, alice: User) -> None:
    for number in range(40):
        make_paper(f"Robots {number}", topics=["Robots"], published_at=NOW - DAY)
    make_paper("On looms", authors=["Ada Lovelace"], published_at=NOW - 3 * DAY)
    interest = Interest.objects.create(user=alice)
    interest.topics.add(make_topic("Robots"))
    signed_in.post(f"/author/{Author.objects.get().pk}/follow/", {"do": "follow"})
    html = page(signed_in, "/for-you/")
    assert html.index("On looms") < html.index("Robots")
    assert '<p class="why promised">By Ada Lovelace, whom you follow</p>' in html


# --- saved searches ---------------------------------------------------------------------------------------------------


@time_machine.travel(NOW)
def test_a_search_is_saved_where_it_was_made_and_brings_its_papers(signed_in: Client, alice: User) -> None:
    make_paper("Tea in space", topics=["Kitchens"], published_at=NOW - DAY)
    html = page(signed_in, "/search/?q=tea+space&topic=kitchens")
    assert '<input type="hidden" name="query" value="tea space">' in html
    assert '<input type="hidden" name="topic" value="kitchens">' in html
    for _twice in range(2):
        signed_in.post("/search/saved/", {"query": "tea  space", "topic": "kitchens"})
    [search] = SavedSearch.objects.all()
    assert (search.query, str(search.topic), search.in_digest) == ("tea space", "Kitchens", True)
    assert search.get_absolute_url() == "/search/?q=tea+space&topic=kitchens"
    assert "Found by your search “tea space”" in page(signed_in, "/for-you/")


def test_a_saved_search_is_left_out_of_the_digest_or_let_go(signed_in: Client, alice: User) -> None:
    search = SavedSearch.objects.create(user=alice, query="tea")
    url = f"/search/saved/{search.pk}/"
    assert 'name="digest" value="off"' in page(signed_in, "/search/saved/")
    signed_in.post(url, {"digest": "off"})
    assert not SavedSearch.objects.get().in_digest
    signed_in.post(url, {"digest": "nonsense"})
    signed_in.post(url, {"digest": "on"})
    assert SavedSearch.objects.get().in_digest
    signed_in.post(url, {"delete": "1"})
    assert not SavedSearch.objects.exists()
    assert "no search yet" in page(signed_in, "/search/saved/")


def test_what_has_no_word_is_not_saved_nor_one_too_many(signed_in: Client, alice: User) -> None:
    for query in ("", " !? ", "x" * 301):
        response = signed_in.post("/search/saved/", {"query": query}, follow=True)
        assert "type a word or two" in response.content.decode()
    SavedSearch.objects.bulk_create(SavedSearch(user=alice, query=str(number)) for number in range(MOST_SAVED))
    response = signed_in.post("/search/saved/", {"query": "tea"}, follow=True)
    assert "let one go first" in response.content.decode()
    assert SavedSearch.objects.count() == MOST_SAVED


def test_another_reader_s_search_and_interest_are_not_to_be_had(client: Client, alice: User, bob: User) -> None:
    search = SavedSearch.objects.create(user=alice, query="tea")
    bees = Interest.objects.create(user=alice, name="Bees")
    client.force_login(bob)
    assert client.post(f"/search/saved/{search.pk}/", {"delete": "1"}).status_code == 404
    assert client.post(f"/interests/{bees.pk}/", {"delete": "1"}).status_code == 404
    assert client.get(f"/for-you/?interest={bees.pk}").status_code == 404
    assert SavedSearch.objects.count() == Interest.objects.count() == 1


# --- interests kept apart ---------------------------------------------------------------------------------------------


@time_machine.travel(NOW)
def test_an_interest_is_kept_apart_seen_alone_renamed_and_joined_again(signed_in: Client, alice: User) -> None:
    for number in range(4):
        make_paper(f"Robots {number}", topics=["Robots"], published_at=NOW - DAY)
        make_paper(f"Hives {number}", topics=["Bees"], published_at=NOW - DAY)
    Interest.objects.create(user=alice).topics.add(make_topic("Robots"))
    signed_in.post("/interests/", {"name": " Bees ", "topics": [make_topic("Bees").pk], "sentences": ""})
    bees = Interest.objects.get(name="Bees")
    html = page(signed_in, f"/for-you/?interest={bees.pk}")
    assert "For “Bees”: in your topic Bees" in html
    assert html.index("Hives") < html.index("Robots")
    signed_in.post(f"/interests/{bees.pk}/", {"name": "Honey", "topics": [make_topic("Bees").pk], "sentences": "Wax."})
    bees.refresh_from_db()
    assert (bees.name, bees.sentences) == ("Honey", ["Wax."])
    signed_in.post(f"/interests/{bees.pk}/", {"delete": "1"})
    assert not Interest.objects.exclude(name="").exists()


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"name": "", "sentences": "Wax."}, "This field is required"),
        ({"name": "stars", "sentences": "Wax."}, "one of that name already"),
        ({"name": "Bees", "sentences": ""}, "Choose a topic, or write a sentence"),
        ({"name": "B" * 61, "sentences": "Wax."}, "at most 60 characters"),
    ],
)
def test_an_interest_without_name_or_content_is_not_kept(
    signed_in: Client, alice: User, form: dict[str, str], said: str
) -> None:
    Interest.objects.create(user=alice, name="Stars")
    assert said in signed_in.post("/interests/", form).content.decode()
    assert Interest.objects.count() == 1


def test_there_are_only_so_many_interests(signed_in: Client, alice: User) -> None:
    Interest.objects.bulk_create(Interest(user=alice, name=str(number)) for number in range(MOST_APART))
    html = signed_in.post("/interests/", {"name": "Bees", "sentences": "Wax."}).content.decode()
    assert "as many as fit into a digest" in html
    assert Interest.objects.count() == MOST_APART
