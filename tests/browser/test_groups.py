"""Reading lists and groups as readers use them: a list shared by link, and a group from its founding to the mail."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.models import User
from newsletter import tasks
from newsletter.delivery import deliver
from newsletter.group_digest import compose_due
from newsletter.models import Digest
from papers.models import Paper
from recommender.models import Membership
from tests.browser.conftest import Open, faults
from tests.factories import make_paper, make_reader, make_subscription

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def birds(transactional_db: None) -> list[Paper]:
    return [
        make_paper(
            f"{what} of garden birds under street light",
            abstract=f"We watch {what.lower()} at night. They come earlier under lamps than in the dark.",
            topics=["Biology"],
            authors=["Ada Lovelace", "Grace Hopper"],
            published_at=timezone.now() - timedelta(hours=number + 1),
        )
        for number, what in enumerate(["Songs", "Nests", "Flights"])
    ]


@pytest.fixture
def alice(transactional_db: None) -> User:
    alice = make_reader("alice@example.org", name="Alice")
    make_subscription(alice)
    return alice


@pytest.fixture
def bob(transactional_db: None) -> User:
    bob = make_reader("bob@example.org", name="Bob")
    make_subscription(bob)
    return bob


def put_on_list(page: Page, paper: Paper, name: str) -> None:
    page.goto(paper.get_absolute_url())
    page.get_by_text("Put it on a list").click()
    page.get_by_role("button", name=name).click()
    expect(page.get_by_text(f"On “{name}”, and in your library.")).to_be_visible()


def test_a_list_is_made_filled_from_a_paper_s_page_and_read_by_link(
    open_page: Open, alice: User, birds: list[Paper]
) -> None:
    page = open_page("/library/", alice)
    page.get_by_role("link", name="Reading lists").click()
    found = faults(page, "lists-none")
    page.get_by_label("Name").fill("For the seminar")
    page.get_by_role("button", name="Make the list").click()
    expect(page.get_by_text("Nothing is on it yet.")).to_be_visible()
    found += faults(page, "list-empty")
    put_on_list(page, birds[0], "For the seminar")
    page.get_by_text("Put it on a list").click()
    expect(page.get_by_role("button", name="For the seminar")).to_have_attribute("aria-pressed", "true")
    found += faults(page, "paper-put-on-list")
    page.get_by_role("link", name="All lists and groups").click()
    found += faults(page, "lists")
    page.get_by_role("link", name="For the seminar").click()
    page.get_by_label("Whoever has its secret address").check()
    page.get_by_role("button", name="Change", exact=True).click()
    secret = page.locator("a.secret").inner_text()
    found += faults(page, "list-shared")

    visitor = open_page(secret.partition("//")[2].partition("/")[2].join(["/", ""]))
    expect(visitor.get_by_role("heading", name="For the seminar", level=1)).to_be_visible()
    expect(visitor.get_by_role("link", name=birds[0].title)).to_be_visible()
    expect(visitor.get_by_role("button", name="Take off")).to_have_count(0)
    assert visitor.get_by_text("alice").count() == 0
    found += faults(visitor, "list-as-a-visitor-sees-it")

    page.get_by_role("button", name="make a new address").click()
    expect(page.locator("a.secret")).not_to_have_text(secret)
    page.get_by_role("link", name="Choose whom to follow").click()
    found += faults(page, "list-authors")
    page.get_by_label("Ada Lovelace").check()
    page.get_by_role("button", name="Follow them").click()
    expect(page.get_by_text("You follow 1 author")).to_be_visible()
    page.get_by_role("button", name="Take off").click()
    expect(page.get_by_text("Nothing is on it yet.")).to_be_visible()
    assert found == []


def test_a_group_from_its_founding_to_the_weekly_mail(
    open_page: Open, alice: User, bob: User, birds: list[Paper]
) -> None:
    hers = open_page("/lists/", alice)
    hers.get_by_role("link", name="Start a group").click()
    hers.get_by_label("Name of the group").fill("Bird lab")
    hers.get_by_label("Your name in the group").fill("Alice A.")
    found = faults(hers, "group-new")
    hers.get_by_role("button", name="Start the group").click()
    expect(hers.get_by_role("heading", name="Bird lab")).to_be_visible()
    hers.get_by_label("E-mail address").fill("bob@work.example.org")
    hers.get_by_role("button", name="Invite").click()
    expect(hers.get_by_text("The invitation is on its way to bob@work.example.org.")).to_be_visible()
    found += faults(hers, "group-empty")

    tasks.mail_invitations()
    [invitation] = mail.outbox
    assert invitation.to == ["bob@work.example.org"]
    assert "Alice A. invites you" in invitation.body
    [path] = re.findall(r"https?://[^/\s]+(/groups/join/\S+)", str(invitation.body))
    visitor = open_page(path)
    found += faults(visitor, "group-join-signed-out")
    expect(visitor.get_by_role("link", name="Subscribe and join")).to_be_visible()

    his = open_page(path, bob)
    his.get_by_label("Your name in the group").fill("Bob B.")
    found += faults(his, "group-join")
    his.get_by_role("button", name="Join").click()
    expect(his.get_by_text("Welcome to “Bird lab”.")).to_be_visible()
    put_on_list(his, birds[0], "Bird lab")
    put_on_list(his, birds[1], "Bird lab")

    hers.reload()
    expect(hers.get_by_text("Put here by Bob B.")).to_have_count(2)
    assert hers.get_by_text("bob@example.org").count() == 0
    found += faults(hers, "group")
    hers.get_by_role("link", name="See the next one").click()
    expect(hers.get_by_text("Saved by Bob B.")).to_have_count(2)
    found += faults(hers, "group-next-mail")

    html = weekly_mail_to(alice)
    in_mail = open_page("/robots.txt")
    # A mail is shown under its program's rules, not the site's.
    in_mail.route("**/mail", lambda route: route.fulfill(body=html, content_type="text/html; charset=utf-8"))
    in_mail.goto("/mail")
    expect(in_mail.get_by_role("link", name=birds[0].title)).to_be_visible()
    expect(in_mail.get_by_text("saved by Bob B.").first).to_be_visible()
    found += faults(in_mail, "group-mail")
    unsubscribe = in_mail.get_by_role("link", name="Unsubscribe").get_attribute("href") or ""

    leaving = open_page(unsubscribe.partition("//")[2].partition("/")[2].join(["/", ""]))
    found += faults(leaving, "group-unsubscribe")
    assert Membership.objects.get(user=alice).is_mailed, "a look at the page leaves everything as it was"
    leaving.get_by_role("button", name="Unsubscribe").click()
    expect(leaving.get_by_role("heading", name="The weekly mail is off")).to_be_visible()
    found += faults(leaving, "group-unsubscribed")
    assert not Membership.objects.get(user=alice).is_mailed
    assert found == []


def weekly_mail_to(reader: User) -> str:
    """Their turn comes, and a worker takes it."""
    compose_due()  # gives whoever has none a turn
    Membership.objects.filter(user=reader).update(next_mail_at=timezone.now() - timedelta(minutes=1))
    mail.outbox.clear()
    assert deliver(compose_due()) == {"sent": 1}
    [message] = mail.outbox
    assert message.to == [reader.email]
    assert Digest.objects.get(subscription__user=reader).group is not None
    return str(message.alternatives[0][0])
