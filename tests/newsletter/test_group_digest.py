"""What a group saved in a week: to each member in their own zone and hour, once, through the same delivery."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.core import mail
from django.db import IntegrityError, transaction
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from newsletter import group_digest, subscriptions
from newsletter.clicks import note_vote
from newsletter.delivery import deliver
from newsletter.digest import compose
from newsletter.group_digest import compose_due
from newsletter.invitations import mail_all
from newsletter.models import Click, Digest, Subscription, Vote
from newsletter.suppression import suppress
from papers.models import Paper
from recommender import groups, lists
from recommender.interactions import record
from recommender.models import Group, Invitation, ListEntry, Membership
from tests.factories import make_paper, make_reader, make_subscription
from tests.newsletter.conftest import MORNING, MailServer

pytestmark = pytest.mark.django_db

DAY, WEEK = timedelta(days=1), timedelta(days=7)


@pytest.fixture
def lab(alice: User, bob: User) -> Group:
    """Alice and Bob, whose turn is on Monday at seven, each where they are."""
    lab = groups.found(alice, "Bird lab", "Alice A.")
    make_subscription(alice)
    make_subscription(bob, time_zone="America/New_York")
    Membership.objects.create(group=lab, user=bob, name="Bob <B.>")
    return lab


def put(user: User, lab: Group, title: str, at: datetime = MORNING - 2 * DAY, **fields: object) -> Paper:
    paper = make_paper(title, published_at=at - 400 * DAY, **fields)  # type: ignore[arg-type]
    lists.put(user, lab.reading_list, [paper])
    ListEntry.objects.filter(paper=paper).update(at=at)
    return paper


def run(at: datetime) -> list[int]:
    return compose_due(at)


def titles(digest: Digest) -> list[str]:
    return [Paper.objects.get(pk=pk).title for pk in digest.paper_ids]


def test_each_member_is_told_on_their_own_monday_at_seven_of_what_the_others_saved(
    alice: User, bob: User, lab: Group
) -> None:
    put(bob, lab, "Nests")
    put(alice, lab, "Songs")
    assert run(MORNING - DAY) == []  # gives everybody their turn
    assert [member.next_mail_at for member in lab.memberships.all()] == [
        datetime(2025, 5, 5, 7, tzinfo=UTC),
        datetime(2025, 5, 5, 11, tzinfo=UTC),
    ]
    assert len(run(MORNING)) == 1
    assert len(run(MORNING + timedelta(hours=4))) == 1
    hers, his = Digest.objects.order_by("pk")
    assert (hers.subscription.user, titles(hers)) == (alice, ["Nests"])
    assert (his.subscription.user, titles(his)) == (bob, ["Songs"])
    assert hers.subject == "Bird lab: Nests"


def test_the_mail_and_how_it_is_left(
    client: Client, alice: User, bob: User, lab: Group, mail_server: MailServer
) -> None:
    put(bob, lab, "Nests & <b>", abstract="They are built. Of straw.")
    run(MORNING - DAY)
    deliver(run(MORNING))
    [message] = mail_server.messages
    text, html = (part.get_content() for part in message.iter_parts())  # type: ignore[attr-defined]
    assert message["To"] == "alice@example.org"
    assert message["Subject"] == "Bird lab: Nests & <b>"
    assert "group-" in message["List-Id"]
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert "Why: saved by Bob <B.>" in text
    assert "because you are in the group Bird lab" in text
    assert "saved by Bob &lt;B.&gt;" in html
    assert "bob@example.org" not in text + html
    path = "/" + message["List-Unsubscribe"].strip("<>").partition("//")[2].partition("/")[2]
    assert path in html
    assert len(message["List-Unsubscribe"]) <= 66
    client.get(path)
    assert lab.memberships.get(user=alice).is_mailed
    assert client.post(path, {"List-Unsubscribe": "One-Click"}).status_code == 200
    assert not lab.memberships.get(user=alice).is_mailed
    assert Subscription.objects.get(user=alice).unsubscribed_at is None
    run(MORNING + DAY)
    put(bob, lab, "Eggs", MORNING + 2 * DAY)
    assert run(MORNING + WEEK) == []
    assert client.post(path[:-2] + "xx").status_code == 404


def test_one_a_week_whatever_happens(alice: User, bob: User, lab: Group) -> None:
    put(bob, lab, "Nests")
    run(MORNING - DAY)
    first = run(MORNING)
    assert run(MORNING) == []
    put(bob, lab, "Eggs", MORNING + timedelta(hours=1))
    # Moving the weekday gives no second one in the same week, and asking for the turn again neither.
    Subscription.objects.filter(user=alice).update(weekday=4)
    subscriptions.reschedule(Subscription.objects.get(user=alice))
    assert run(MORNING + timedelta(hours=2)) == []
    assert Membership.objects.get(user=alice).next_mail_at == datetime(2025, 5, 16, 7, tzinfo=UTC)
    for days in range(1, 7):
        run(MORNING + days * DAY)
    hers = Digest.objects.filter(subscription__user=alice)
    assert [digest.pk for digest in hers] == first
    with pytest.raises(IntegrityError), transaction.atomic():
        Digest.objects.create(
            subscription=hers[0].subscription, group=lab, period=hers[0].period, message_id="<other@x>"
        )


def test_two_dispatchers_at_once_make_one(alice: User, bob: User, lab: Group, monkeypatch: pytest.MonkeyPatch) -> None:
    put(bob, lab, "Nests")
    run(MORNING - DAY)
    members = list(group_digest.mailed_members().filter(user=alice))
    drafts = [group_digest.draft(members, MORNING) for _dispatcher in range(2)]
    ready = [group_digest.store(digests, members, MORNING) for digests in drafts]
    assert [len(some) for some in ready] == [1, 0]
    assert Digest.objects.count() == 1


def test_what_is_old_read_sent_or_hidden_is_not_sent(alice: User, bob: User, lab: Group) -> None:
    put(bob, lab, "From before", MORNING - 8 * DAY)
    record(alice, put(bob, lab, "Read already"), "read")
    put(bob, lab, "Withdrawn", status="published")
    Paper.objects.filter(title="Withdrawn").update(status="withdrawn")
    put(bob, lab, "Nests")
    run(MORNING - DAY)
    [digest] = Digest.objects.filter(pk__in=run(MORNING))
    assert titles(digest) == ["Nests"]
    run(MORNING + DAY)
    put(bob, lab, "Eggs", MORNING + 3 * DAY)
    [digest] = Digest.objects.filter(pk__in=run(MORNING + WEEK))
    assert titles(digest) == ["Eggs"]


def test_one_s_own_digest_does_not_bring_it_again_and_is_not_taken_for_it(
    alice: User, bob: User, lab: Group, new_papers: list[Paper]
) -> None:
    lists.put(bob, lab.reading_list, new_papers[:1])
    ListEntry.objects.update(at=MORNING - timedelta(hours=1))
    run(MORNING - DAY)
    assert len(run(MORNING)) == 1
    [own] = Digest.objects.filter(pk__in=compose([Subscription.objects.get(user=alice).pk], MORNING)).own()
    assert own.period == MORNING.date()
    assert new_papers[0].pk not in own.paper_ids
    assert Digest.objects.filter(subscription__user=alice).count() == 2


def test_a_week_without_anything_new_sends_nothing_and_says_why(client: Client, alice: User, lab: Group) -> None:
    put(alice, lab, "My own")
    run(MORNING - DAY)
    assert run(MORNING) == []
    digest = Digest.objects.get(subscription__user=alice)
    assert digest.state == "skipped"
    client.force_login(alice)
    assert b"nothing on the list of Bird lab" in client.get("/digests/").content


@pytest.mark.parametrize("end", ["left", "off", "suppressed", "unsubscribed", "away", "gone"])
def test_whoever_left_in_the_last_moment_is_not_mailed(
    alice: User, bob: User, lab: Group, mail_server: MailServer, end: str
) -> None:
    put(bob, lab, "Nests")
    run(MORNING - DAY)
    ready = run(MORNING)
    hers = lab.memberships.get(user=alice)
    match end:
        case "left":
            groups.leave(hers)
        case "off":
            Membership.objects.filter(pk=hers.pk).update(is_mailed=False)
        case "suppressed":
            suppress(alice.email, "bounce")
        case "unsubscribed":
            subscriptions.unsubscribe(Subscription.objects.get(user=alice))
        case "away":
            Subscription.objects.filter(user=alice).update(paused_until="2025-06-01")
        case "gone":
            lab.delete()
    deliver(ready)
    assert mail_server.taken == []
    if end != "gone":
        assert Digest.objects.get(pk=ready[0]).state in ("suppressed", "skipped")
    assert run(MORNING + 4 * timedelta(hours=1)) == []


def test_no_digest_of_one_s_own_but_the_group_s(alice: User, bob: User, lab: Group, mail_server: MailServer) -> None:
    Subscription.objects.filter(user=alice).update(cadence="paused", next_digest_at=None)
    put(bob, lab, "Nests")
    run(MORNING - DAY)
    deliver(run(MORNING))
    assert mail_server.recipients == ["alice@example.org"]


def test_the_sweep_finds_what_nobody_was_asked_for_and_votes_count(alice: User, bob: User, lab: Group) -> None:
    from newsletter.digest import sweep

    paper = put(bob, lab, "Nests")
    run(MORNING - DAY)
    ready = run(MORNING)
    assert sweep(MORNING + timedelta(hours=2)).to_send == ready
    digest = Digest.objects.get(pk=ready[0])
    note_vote(digest, paper, "save")
    assert Vote.objects.get().reason == "saved"
    assert not Click.objects.exists()
    Client().get(digest.get_absolute_url())


def test_as_many_queries_for_ten_groups_as_for_one(
    alice: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for n_groups in (1, 9):
        for _number in range(n_groups):
            owner, member = make_reader(), make_reader()
            lab = groups.found(owner, "Lab", "Owner")
            for user in (owner, member):
                make_subscription(user)
            Membership.objects.create(group=lab, user=member, name="Member")
            put(member, lab, "Nests")
        run(MORNING - DAY)
        with django_assert_max_num_queries(24):
            assert len(run(MORNING)) == n_groups
        Digest.objects.all().delete()
        Membership.objects.all().delete()


def test_the_next_one_is_shown_to_members_alone_and_nothing_of_it_is_kept(
    client: Client, alice: User, bob: User, lab: Group, charlie: User
) -> None:
    paper = make_paper("Nests")
    lists.put(bob, lab.reading_list, [paper])
    client.force_login(alice)
    page = client.get(f"/groups/{lab.pk}/digest/").content
    assert b"Nests" in page
    assert b"Saved by Bob" in page
    assert not Digest.objects.exists()
    Membership.objects.filter(user=alice).update(is_mailed=False)
    assert b"turned the weekly mail off" in client.get(f"/groups/{lab.pk}/digest/").content
    client.force_login(charlie)
    assert client.get(f"/groups/{lab.pk}/digest/").status_code == 404


def test_an_invitation_is_mailed_once_and_to_nobody_suppressed(alice: User, lab: Group) -> None:
    groups.rename(lab, "AT&T\u2028lab")
    lab.refresh_from_db()
    invitation = groups.invite(alice, lab, "new@example.org")
    groups.invite(alice, lab, "gone@example.org")
    suppress("gone@example.org", "complaint")
    assert (mail_all(), mail_all()) == (1, 0)
    [message] = mail.outbox
    assert message.to == ["new@example.org"]
    assert message.subject == "Join the group AT&T lab"
    assert "Alice A. invites you" in message.body
    assert f"http://localhost:8000{invitation.get_absolute_url()}" in message.body
    assert "alice@example.org" not in message.body
    assert Invitation.objects.filter(mailed_at=None).count() == 0
