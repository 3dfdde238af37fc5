"""Shared lists on the desk: found by name, owner or address; kept private with a reason that the owner reads."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group as DeskGroup
from django.test import Client
from django.urls import reverse

from accounts.models import User
from recommender import groups, lists
from recommender.models import ReadingList
from tests.factories import make_paper, make_reader

pytestmark = pytest.mark.django_db

LISTING = "/admin/recommender/readinglist/"


@pytest.fixture
def birds(alice: User) -> ReadingList:
    User.objects.filter(pk=alice.pk).update(name="Alice Liddell")
    return shared(alice, "Birds", "public")


@pytest.fixture
def desk(client: Client) -> Client:
    """Of a moderator, who sees no reader's address."""
    user = make_reader("mod@example.org", is_staff=True)
    user.groups.add(DeskGroup.objects.get(name="Moderators"))
    client.force_login(user)
    return client


def shared(user: User, name: str, sharing: str) -> ReadingList:
    one = lists.create_list(user, name)
    lists.put(user, one, [make_paper(f"On {name.lower()}")])
    lists.share(one, sharing)
    return ReadingList.objects.get(pk=one.pk)


def found(desk: Client, **asked: str) -> set[str]:
    listed = desk.get(LISTING, asked).context["cl"].result_list
    return {one.name for one in listed}


def page_of(one: ReadingList) -> str:
    return reverse("admin:recommender_readinglist_change", args=[one.pk])


def test_what_is_shared_with_everybody_is_found_by_name_and_owner(desk: Client, birds: ReadingList, bob: User) -> None:
    shared(bob, "Fish", "public")
    group = groups.found(bob, "The whale lab", "Bob")
    lists.share(group.reading_list, "public")
    assert found(desk) == {"Birds", "Fish", group.reading_list.name}
    assert found(desk, q="bird") == found(desk, q="liddell") == {"Birds"}
    assert found(desk, q="whale lab") == {group.reading_list.name}
    assert found(desk, q=f"http://localhost{birds.shared_path()}") == {"Birds"}
    page = desk.get(page_of(birds)).content.decode()
    assert "On birds" in page
    assert f'href="{birds.shared_path()}"' in page
    assert "(&#x27;public&#x27;" not in page
    assert birds.get_absolute_url() not in page.replace(birds.shared_path(), "")


def test_an_owner_s_address_is_neither_shown_nor_confirmed_to_who_may_not_see_readers(
    desk: Client, client: Client, birds: ReadingList
) -> None:
    assert found(desk, q="alice@example.org") == set()
    for address in (LISTING, page_of(birds)):
        html = desk.get(address).content.decode()
        assert "Alice Liddell" in html
        assert "alice@example.org" not in html
    client.force_login(User.objects.create_superuser("root@example.org"))
    assert found(client, q="alice@example.org") == {"Birds"}


def test_a_private_list_is_not_to_be_had_and_a_secret_one_only_by_its_address(desk: Client, alice: User) -> None:
    mine = shared(alice, "Mine", "private")
    secret = shared(alice, "Whispers", "secret")
    assert found(desk) == found(desk, q="Whispers") == found(desk, q="Mine") == set()
    assert found(desk, q=f"https://papers.example.org{secret.shared_path()}") == {"Whispers"}
    assert found(desk, q=mine.secret) == set()
    assert desk.get(page_of(mine)).status_code == 302  # to the start, with "doesn't exist"
    assert desk.get(page_of(secret)).status_code == 200


def test_a_list_kept_private_is_read_by_nobody_else_and_the_owner_sees_why(
    desk: Client, birds: ReadingList, alice: User
) -> None:
    public, reason = birds.shared_path(), "It names patients."
    desk.post(page_of(birds), {"kept_private": f" {reason}\n"})
    birds.refresh_from_db()
    assert (birds.sharing, birds.kept_private) == ("private", reason)
    assert LogEntry.objects.get().get_change_message() == f"Kept private: {reason}"
    assert reason in desk.get(page_of(birds)).content.decode()
    owner = Client()
    assert owner.get(public).status_code == 404
    owner.force_login(alice)
    assert reason in owner.get(birds.get_absolute_url()).content.decode()
    for sharing in ("public", "secret"):
        answer = owner.post(f"/lists/{birds.pk}/change/", {"do": "share", "sharing": sharing}, follow=True)
        assert "The editors keep this list private." in answer.content.decode()
    birds.refresh_from_db()
    assert birds.sharing == "private"


def test_it_may_be_shared_again_and_is_not_by_itself(desk: Client, birds: ReadingList, alice: User) -> None:
    desk.post(page_of(birds), {"kept_private": "By mistake"})
    desk.post(page_of(birds), {"kept_private": ""})
    birds.refresh_from_db()
    assert (birds.sharing, birds.kept_private) == ("private", "")
    assert [str(entry.get_change_message()) for entry in LogEntry.objects.order_by("pk")] == [
        "Kept private: By mistake",
        "May be shared again",
    ]
    lists.share(birds, "public")
    assert found(desk) == {"Birds"}


def test_saving_without_a_word_changes_nothing(desk: Client, birds: ReadingList) -> None:
    desk.post(page_of(birds), {"kept_private": " "})
    birds.refresh_from_db()
    assert birds.sharing == "public"
    assert not LogEntry.objects.exists()


def test_it_is_neither_made_renamed_nor_deleted_on_the_desk(client: Client, birds: ReadingList) -> None:
    client.force_login(User.objects.create_superuser("root@example.org"))
    assert client.get(f"{LISTING}add/").status_code == 403
    assert client.post(f"{LISTING}{birds.pk}/delete/", {"post": "yes"}).status_code == 403
    client.post(page_of(birds), {"name": "Cats", "sharing": "private", "kept_private": ""})
    birds.refresh_from_db()
    assert (birds.name, birds.sharing) == ("Birds", "public")
