"""Reading lists: whose they are, who else reads them, and what is on them."""

from __future__ import annotations

import pytest
from django.db.models import Q
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts import privacy
from accounts.models import User
from papers.models import Author, Identifier, Paper
from recommender import lists
from recommender.models import Group, Interaction, ListEntry, Membership, ReadingList
from tests.factories import make_paper, make_reader

pytestmark = pytest.mark.django_db


@pytest.fixture
def birds(alice: User) -> ReadingList:
    one = lists.create_list(alice, "Birds")
    lists.put(alice, one, [make_paper("Listening to birds", authors=["Ada Lovelace", "Grace Hopper"])])
    return one


def test_a_paper_put_on_a_list_is_saved_as_well_and_stands_there_once(alice: User, birds: ReadingList) -> None:
    paper = Paper.objects.get()
    assert lists.put(alice, birds, [paper, paper]) == 0
    assert Interaction.objects.get(user=alice, kind="save").paper == paper
    assert list(lists.papers_on(birds)) == [paper]


def test_from_the_paper_s_page_and_off_again(client: Client, alice: User, birds: ReadingList) -> None:
    paper = make_paper("Nests")
    client.force_login(alice)
    page = client.get(paper.get_absolute_url())
    assert b'aria-pressed="false">Birds' in page.content
    answer = client.post(f"/lists/{birds.pk}/papers/", {"add": paper.pk, "next": paper.get_absolute_url()})
    assert answer["Location"] == paper.get_absolute_url()
    assert b'aria-pressed="true">Birds' in client.get(paper.get_absolute_url()).content
    client.post(f"/lists/{birds.pk}/papers/", {"remove": paper.pk})
    assert paper not in lists.papers_on(birds)


def test_papers_are_named_by_ids_dois_and_addresses_and_the_unknown_are_told(
    client: Client, alice: User, birds: ReadingList
) -> None:
    paper = make_paper("Songs")
    Identifier.objects.create(paper=paper, scheme="arxiv", value="2501.00001")
    client.force_login(alice)
    text = "https://arxiv.org/abs/2501.00001v2\n10.1000/nothing\n\n2501.00001"
    page = client.post(f"/lists/{birds.pk}/papers/", {"papers": text}, follow=True)
    assert b"1 paper added." in page.content
    assert b"Not in the catalogue: 10.1000/nothing." in page.content
    page = client.post(f"/lists/{birds.pk}/papers/", {"papers": "\n".join(map(str, range(51)))}, follow=True)
    assert b"50 papers at most" in page.content


@pytest.mark.parametrize("number", ["x", "-1", "9" * 30, "0", "\x00"])
def test_a_paper_that_is_none_is_not_found(client: Client, alice: User, birds: ReadingList, number: str) -> None:
    client.force_login(alice)
    assert client.post(f"/lists/{birds.pk}/papers/", {"add": number}).status_code == 404


def test_what_is_hidden_is_put_on_no_list_and_leaves_the_shared_page(
    client: Client, alice: User, birds: ReadingList
) -> None:
    assert lists.put(alice, birds, [make_paper("Rumours", status="hidden")]) == 0
    lists.share(birds, "public")
    Paper.objects.filter(title="Listening to birds").update(status="withdrawn")
    assert b"Listening to birds" not in client.get(f"/lists/{birds.pk}/public/").content
    client.force_login(alice)
    assert b"Listening to birds" in client.get(birds.get_absolute_url()).content


def test_nobody_reads_a_list_that_is_not_shared(client: Client, bob: User, birds: ReadingList) -> None:
    addresses = [birds.get_absolute_url(), f"/lists/{birds.pk}/public/", f"/lists/shared/{birds.secret}/"]
    assert client.get(addresses[0]).status_code == 302
    assert [client.get(address).status_code for address in addresses[1:]] == [404, 404]
    client.force_login(bob)
    assert [client.get(address).status_code for address in addresses] == [404, 404, 404]
    for posted in ({"do": "share", "sharing": "public"}, {"do": "delete"}, {"do": "rename", "name": "Mine"}):
        assert client.post(f"/lists/{birds.pk}/change/", posted).status_code == 404
    assert client.post(f"/lists/{birds.pk}/papers/", {"add": make_paper().pk}).status_code == 404
    assert client.post(f"/lists/{birds.pk}/authors/").status_code == 404


def test_a_secret_address_is_renewed_and_stopped(client: Client, alice: User, birds: ReadingList) -> None:
    reader = Client()
    reader.force_login(alice)
    old = ""
    for _times in range(2):  # the second time makes a new one
        reader.post(f"/lists/{birds.pk}/change/", {"do": "share", "sharing": "secret"})
        birds.refresh_from_db()
        address = birds.shared_path()
        response = client.get(address)
        assert b"Listening to birds" in response.content
        assert response["X-Robots-Tag"] == "noindex"
        assert b"alice" not in response.content
        assert not old or client.get(old).status_code == 404
        old = address
    reader.post(f"/lists/{birds.pk}/change/", {"do": "share", "sharing": "private"})
    assert client.get(address).status_code == 404


def test_a_public_list_has_an_address_that_stays(client: Client, birds: ReadingList) -> None:
    lists.share(birds, "public")
    birds.refresh_from_db()
    assert birds.shared_path() == f"/lists/{birds.pk}/public/"
    assert client.get(birds.shared_path()).status_code == 200
    assert client.get(f"/lists/shared/{birds.secret}/").status_code == 404


def test_the_authors_of_a_list_are_followed_in_one_go(client: Client, alice: User, birds: ReadingList) -> None:
    lists.put(alice, birds, [make_paper("More birds", authors=["Ada Lovelace"])])
    assert [(author.name, n) for author, n in lists.authors_of(birds)] == [("Ada Lovelace", 2), ("Grace Hopper", 1)]
    client.force_login(alice)
    page = client.get(f"/lists/{birds.pk}/authors/").content
    assert page.count(b"checked") == 1  # whoever stands there more than once
    stranger = Author.objects.create(name="Somebody Else")
    chosen = [author.pk for author, _n in lists.authors_of(birds)] + [stranger.pk]
    client.post(f"/lists/{birds.pk}/authors/", {"author": chosen})
    assert {author.name for author in alice.interests.get(name="").authors.all()} == {"Ada Lovelace", "Grace Hopper"}


def test_rename_and_delete(client: Client, alice: User, birds: ReadingList) -> None:
    client.force_login(alice)
    client.post(f"/lists/{birds.pk}/change/", {"do": "rename", "name": "  Birds\r\nand   bats "})
    birds.refresh_from_db()
    assert birds.name == "Birds and bats"
    page = client.post(f"/lists/{birds.pk}/change/", {"do": "rename", "name": ""}, follow=True)
    assert b"a list needs a name" in page.content
    client.post(f"/lists/{birds.pk}/change/", {"do": "delete"})
    assert not ReadingList.objects.exists()
    assert Interaction.objects.filter(user=alice, kind="save").exists()


def test_limits(alice: User, birds: ReadingList, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "MOST_ON_A_LIST", 1)
    monkeypatch.setattr(lists, "MOST_LISTS", 1)
    with pytest.raises(lists.CannotDo, match="1 papers at most"):
        lists.put(alice, birds, [make_paper()])
    with pytest.raises(lists.CannotDo, match="1 lists already"):
        lists.create_list(alice, "Another")


@pytest.mark.parametrize("address", ["/lists/", "/lists/{}/", "/lists/{}/public/", "/lists/{}/authors/"])
def test_as_many_queries_for_twenty_papers_as_for_one(
    client: Client, alice: User, birds: ReadingList, address: str, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    lists.share(birds, "public")
    client.force_login(alice)
    for n_papers, most in ((0, 16), (20, 16)):
        for number in range(n_papers):
            lists.put(alice, birds, [make_paper(topics=["Birds"], authors=[f"Author {number}"])])
            lists.create_list(alice, f"Another {number}")
        with django_assert_max_num_queries(most):
            assert client.get(address.format(birds.pk)).status_code == 200


def test_export_and_erase(alice: User, bob: User, birds: ReadingList) -> None:
    group = Group.objects.create(name="Lab")
    Membership.objects.create(group=group, user=bob, name="Bob", is_owner=True)
    Membership.objects.create(group=group, user=alice, name="Alice")
    shared = ReadingList.objects.create(group=group, name="Lab")
    lists.put(alice, shared, [make_paper("Shared")])
    exported = privacy.export(alice)["recommender"]
    assert [one["name"] for one in exported["reading_lists"]] == ["Birds"]
    assert len(exported["reading_lists"][0]["papers"]) == 1
    assert [one["group__name"] for one in exported["groups"]] == ["Lab"]
    assert len(exported["put_on_group_lists"]) == 1
    privacy.erase(alice)
    assert list(ReadingList.objects.values_list("name", flat=True)) == ["Lab"]
    assert ListEntry.objects.get().added_by is None
    assert not ListEntry.objects.filter(~Q(added_by=None)).exists()


def test_a_list_is_somebody_s_or_a_group_s_and_needs_no_javascript(client: Client) -> None:
    alice = make_reader()
    client.force_login(alice)
    answer = client.post("/lists/", {"name": "Bats"})
    assert answer["Location"] == ReadingList.objects.get(owner=alice).get_absolute_url()
    assert b"This field is required" in client.post("/lists/", {"name": " "}).content
