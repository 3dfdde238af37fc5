"""Groups: invited, joined, left; one owner always, and no address told to anybody."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts import privacy
from accounts.models import User
from recommender import groups, lists
from recommender.models import Group, Invitation, Membership, ReadingList
from tests.factories import make_paper, make_reader

pytestmark = pytest.mark.django_db


@pytest.fixture
def lab(alice: User) -> Group:
    return groups.found(alice, "Bird lab", "Alice A.")


def invited(alice: User, lab: Group, email: str = "bob@example.org") -> Invitation:
    return groups.invite(alice, lab, email)


def in_it(lab: Group) -> list[tuple[str, bool]]:
    return list(lab.memberships.values_list("name", "is_owner"))


def test_founded_on_the_page_with_its_owner_and_its_list(client: Client, alice: User) -> None:
    client.force_login(alice)
    assert b'value="alice"' in client.get("/groups/new/").content
    answer = client.post("/groups/new/", {"name": "Bird  lab", "own_name": "Alice A."})
    lab = Group.objects.get()
    assert answer["Location"] == lab.get_absolute_url()
    assert (lab.name, in_it(lab), lab.reading_list.name) == ("Bird lab", [("Alice A.", True)], "Bird lab")
    assert b"Bird lab" in client.get("/lists/").content


def test_invited_and_joined(client: Client, alice: User, bob: User, lab: Group) -> None:
    client.force_login(alice)
    page = client.post(f"/groups/{lab.pk}/change/", {"do": "invite", "email": " Bob@Example.org "}, follow=True)
    invitation = Invitation.objects.get()
    assert b"on its way to bob@example.org" in page.content
    assert invitation.get_absolute_url().encode() in page.content
    client.force_login(bob)
    page = client.get(invitation.get_absolute_url())
    assert b"Alice A. invites you" in page.content
    assert in_it(lab) == [("Alice A.", True)]  # looking is not joining
    client.post(invitation.get_absolute_url(), {"own_name": "Bob B."})
    assert in_it(lab) == [("Alice A.", True), ("Bob B.", False)]
    assert Client().get(invitation.get_absolute_url()).status_code == 404  # it was good once


def test_nobody_joins_without_an_account_and_comes_back_afterwards(client: Client, alice: User, lab: Group) -> None:
    address = invited(alice, lab).get_absolute_url()
    page = client.get(address).content.decode()
    assert f"/accounts/signup/?next={address}" in page
    assert client.post(address, {"own_name": "X"})["Location"] == f"/accounts/login/?next={address}"
    assert len(in_it(lab)) == 1


def test_an_old_or_withdrawn_invitation_opens_nothing(client: Client, alice: User, bob: User, lab: Group) -> None:
    old, withdrawn = invited(alice, lab), invited(alice, lab, "charlie@example.org")
    Invitation.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=15))
    client.force_login(alice)
    client.post(f"/groups/{lab.pk}/change/", {"do": "withdraw", "invitation": withdrawn.pk})
    client.force_login(bob)
    for invitation in (old, withdrawn):
        assert client.post(invitation.get_absolute_url(), {"own_name": "Bob"}).status_code == 404
    assert len(in_it(lab)) == 1


def test_one_invitation_lets_one_in(alice: User, bob: User, charlie: User, lab: Group) -> None:
    invitation = invited(alice, lab)
    groups.join(bob, invitation, "Bob")
    with pytest.raises(lists.CannotDo, match="Somebody else has used"):
        groups.join(charlie, invitation, "Charlie")
    assert len(in_it(lab)) == 2


def test_inviting_again_on_the_same_day_mails_nothing_again(alice: User, lab: Group) -> None:
    first = invited(alice, lab)
    Invitation.objects.update(mailed_at=timezone.now())
    again = invited(alice, lab)
    assert (again.pk, again.mailed_at is None) == (first.pk, False)
    Invitation.objects.update(created_at=timezone.now() - timedelta(days=2))
    later = invited(alice, lab)
    assert later.mailed_at is None
    assert later.secret != first.secret


def test_invitations_are_limited(client: Client, alice: User, lab: Group) -> None:
    client.force_login(alice)
    for number in range(25):
        posted = {"do": "invite", "email": f"reader{number}@example.org"}
        page = client.post(f"/groups/{lab.pk}/change/", posted, follow=True)
    assert b"enough for one day" in page.content
    assert Invitation.objects.count() == 20


def test_a_bad_address_is_refused_with_the_reason(client: Client, alice: User, lab: Group) -> None:
    client.force_login(alice)
    for address in ("", "nobody", "bob@example.org\r\nBcc: x@example.org"):
        page = client.post(f"/groups/{lab.pk}/change/", {"do": "invite", "email": address}, follow=True)
        assert b'class="error"' in page.content
    assert not Invitation.objects.exists()


def test_the_owner_removes_and_hands_over_and_nobody_else_does(
    client: Client, alice: User, bob: User, charlie: User, lab: Group
) -> None:
    for user in (bob, charlie):
        groups.join(user, invited(alice, lab, user.email), str(user.email.partition("@")[0]))
    _hers, his, third = lab.memberships.all()
    client.force_login(bob)
    for do in ("invite", "remove", "hand-over", "rename", "withdraw"):
        posted = {"do": do, "member": third.pk, "email": "x@example.org", "name": "Mine", "invitation": 1}
        assert client.post(f"/groups/{lab.pk}/change/", posted).status_code == 404
    client.force_login(alice)
    client.post(f"/groups/{lab.pk}/change/", {"do": "remove", "member": third.pk})
    client.post(f"/groups/{lab.pk}/change/", {"do": "hand-over", "member": his.pk})
    assert in_it(lab) == [("Alice A.", False), ("bob", True)]
    assert client.post(f"/groups/{lab.pk}/change/", {"do": "remove", "member": his.pk}).status_code == 404
    client.force_login(charlie)
    assert client.get(lab.get_absolute_url()).status_code == 404
    assert client.get(lab.reading_list.get_absolute_url()).status_code == 404


def test_members_put_papers_there_and_see_who_did_but_no_address(
    client: Client, alice: User, bob: User, lab: Group
) -> None:
    groups.join(bob, invited(alice, lab), "Bob B.")
    lists.put(bob, lab.reading_list, [make_paper("Nests")])
    client.force_login(alice)
    page = client.get(lab.get_absolute_url()).content
    assert b"Put here by Bob B." in page
    assert b"bob@example.org" not in page
    client.post(f"/groups/{lab.pk}/change/", {"do": "leave"})
    assert in_it(lab) == [("Bob B.", True)]  # the longest member inherits
    assert client.get(lab.get_absolute_url()).status_code == 404


def test_a_member_does_not_share_or_end_the_group_s_list(client: Client, alice: User, bob: User, lab: Group) -> None:
    groups.join(bob, invited(alice, lab), "Bob")
    client.force_login(bob)
    change = f"/lists/{lab.reading_list.pk}/change/"
    assert client.post(change, {"do": "share", "sharing": "public"}).status_code == 404
    client.force_login(alice)
    client.post(change, {"do": "delete"})
    client.post(change, {"do": "share", "sharing": "public"})
    assert ReadingList.objects.get().sharing == "public"


def test_the_last_one_takes_the_group_along(alice: User, lab: Group) -> None:
    groups.leave(lab.memberships.get())
    assert (Group.objects.count(), ReadingList.objects.count()) == (0, 0)


def test_an_erased_owner_leaves_the_group_to_the_others(alice: User, bob: User, lab: Group) -> None:
    groups.join(bob, invited(alice, lab), "Bob")
    invited(alice, lab, "charlie@example.org")
    lists.put(alice, lab.reading_list, [make_paper("Nests")])
    privacy.erase(alice)
    assert in_it(lab) == [("Bob", True)]
    assert lists.papers_on(lab.reading_list).count() == 1
    assert not Invitation.objects.exists()


def test_an_erased_reader_s_address_is_in_no_invitation(alice: User, bob: User, lab: Group) -> None:
    invited(alice, lab)
    assert privacy.export(bob)["recommender"]["invitations"][0]["email"] == "bob@example.org"
    privacy.erase(bob)
    assert not Invitation.objects.exists()


def test_limits(alice: User, bob: User, lab: Group, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groups, "MOST_MEMBERS", 2)
    monkeypatch.setattr(groups, "MOST_GROUPS", 1)
    groups.join(bob, invited(alice, lab), "Bob")
    with pytest.raises(lists.CannotDo, match="2 members at most"):
        invited(alice, lab, "charlie@example.org")
    with pytest.raises(lists.CannotDo, match="1 groups already"):
        groups.found(alice, "Another", "Alice")


def test_as_many_queries_for_twenty_members_as_for_one(
    client: Client, alice: User, lab: Group, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    client.force_login(alice)
    for n_members in (0, 20):
        for number in range(n_members):
            member = make_reader()
            Membership.objects.create(group=lab, user=member, name=f"Member {number}")
            lists.put(member, lab.reading_list, [make_paper(topics=["Birds"], authors=[f"Author {number}"])])
        with django_assert_max_num_queries(16):
            assert client.get(lab.get_absolute_url()).status_code == 200
