"""What readers come for, each in a minute: bring a library, submit a paper, say more or less, leave by mail."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.models import User
from newsletter import digest
from newsletter.delivery import deliver
from newsletter.models import Subscription
from papers.models import Paper, Submission
from papers.submissions import decide
from recommender.models import Interaction
from tests.browser.conftest import Open, faults
from tests.factories import make_paper, make_reader, make_subscription

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

BIBTEX = """
@article{a, title={Deep networks for the analytical engine}, author={Lovelace, Ada}, year=2024, eprint={2401.00001}}
@article{b, title={Unheard of in the catalogue}, author={Noether, Emmy}, year=1921, doi={10.1234/unheard}}
@article{c, title={never closed}
"""


@pytest.fixture
def alice(transactional_db: None) -> User:
    alice = make_reader("alice@example.org", name="Alice")
    make_subscription(alice, threshold="low")
    return alice


@pytest.fixture
def papers(transactional_db: None) -> list[Paper]:
    return [
        make_paper(
            f"{what}, part {number}",
            abstract=f"We look at {what.lower()} again. There is more to see than we thought.",
            topics=[what],
            published_at=timezone.now() - timedelta(minutes=number + 1),
        )
        for what in ("Songs of birds", "Grips of robots")
        for number in range(4)
    ]


@pytest.mark.parametrize("by_file", [False, True])
def test_a_library_is_shown_as_understood_then_counts(open_page: Open, alice: User, by_file: bool) -> None:
    known = make_paper("Deep networks for the analytical engine")
    known.identifiers.create(scheme="arxiv", value="2401.00001")
    page = open_page("/library/", alice)
    page.get_by_role("link", name="Import", exact=True).click()
    if by_file:
        named = {"name": "mine.bib", "mimeType": "application/x-bibtex", "buffer": BIBTEX.encode()}
        page.get_by_label("Or choose a file").set_input_files(files=[named])  # type: ignore[list-item]
    else:
        page.get_by_label("Paste it here").fill(BIBTEX)
    page.get_by_role("button", name="Show me what you understand").click()
    expect(page.get_by_role("heading", name="Understood as BibTeX: 2 papers")).to_be_visible()
    expect(page.get_by_text("the entry never ends")).to_be_visible()
    found = [] if by_file else faults(page, "library-import-understood")
    assert not Interaction.objects.filter(user=alice).exists()
    page.get_by_role("button", name="Add them to my library").click()
    page.goto("/library/?shelf=imported")
    expect(page.get_by_role("link", name="Deep networks for the analytical engine")).to_be_visible()
    expect(page.get_by_role("link", name="Unheard of in the catalogue")).to_be_visible()
    assert found == []


def test_a_paper_is_submitted_and_its_way_followed(open_page: Open, alice: User) -> None:
    page = open_page("/", alice)
    page.get_by_role("link", name="Submit a paper").click()
    page.get_by_role("button", name="Submit").click()  # the browser asks for what is missing
    page.get_by_label("arXiv id, DOI or address").fill("no id at all")
    page.get_by_label("Its title").fill("Birds and their songs")
    page.get_by_role("button", name="Submit").click()
    expect(page.locator(".errorlist")).to_be_visible()
    found = faults(page, "submit-refused")
    page.get_by_label("arXiv id, DOI or address").fill("arXiv:2505.00001v2")
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_text("Thank you. The editors have it")).to_be_visible()
    expect(page.get_by_text("waiting for the editors")).to_be_visible()
    found += faults(page, "submit-waiting")

    decide(Submission.objects.get(), "approved", "A fine find.")
    page.goto("/submit/")
    expect(page.get_by_text("listed", exact=True)).to_be_visible()
    expect(page.get_by_text("A fine find.")).to_be_visible()
    found += faults(page, "submit-listed")
    page.get_by_role("link", name="Birds and their songs").click()
    expect(page.get_by_role("heading", name="Birds and their songs", level=1)).to_be_visible()
    assert found == []


def test_more_like_this_brings_more_like_it_at_once(open_page: Open, alice: User, papers: list[Paper]) -> None:
    page = open_page(papers[-1].get_absolute_url(), alice)
    page.get_by_role("button", name="More like this").click()
    expect(page.get_by_role("button", name="More like this")).to_have_attribute("aria-pressed", "true")
    page.goto("/for-you/")
    assert {title.partition(",")[0] for title in titles(page)[:3]} == {"Grips of robots"}
    page.goto(papers[0].get_absolute_url())
    page.get_by_role("button", name="More like this").click()
    page.goto(papers[-1].get_absolute_url())
    page.get_by_role("button", name="Less like this").click()
    page.goto("/for-you/")
    assert titles(page)[0].startswith("Songs of birds")


def titles(page: Page) -> list[str]:
    expect(page.locator(".papers h2").first).to_be_visible()
    return page.locator(".papers h2").all_inner_texts()


def test_a_mail_s_own_links_save_and_unsubscribe_but_only_by_a_button(
    open_page: Open, alice: User, papers: list[Paper]
) -> None:
    assert deliver(digest.compose([alice.subscription.pk], day=timezone.now().date(), force=True)) == {"sent": 1}
    [message] = mail.outbox
    html = str(message.alternatives[0][0])
    [save, *_others] = links(html, "Save")
    page = open_page(save)
    assert not Interaction.objects.filter(user=alice, kind="save").exists()
    page.get_by_role("button", name="Save this paper").click()
    expect(page.get_by_text("Saved. It is in your library.")).to_be_visible()
    assert Interaction.objects.filter(user=alice, kind="save").count() == 1

    [unsubscribe] = links(html, "Unsubscribe")
    page = open_page(unsubscribe)
    found = faults(page, "unsubscribe")
    page.get_by_role("button", name="Once a week is enough").click()
    expect(page.get_by_role("heading", name="Fewer it is")).to_be_visible()
    assert Subscription.objects.get().unsubscribed_at is None
    page.goto(unsubscribe)
    page.get_by_role("button", name="Unsubscribe", exact=True).click()
    expect(page.get_by_role("heading", name="You are unsubscribed")).to_be_visible()
    found += faults(page, "unsubscribed")
    assert Subscription.objects.get().unsubscribed_at is not None
    assert found == []


def links(html: str, words: str) -> list[str]:
    """The paths of the links with these words."""
    return re.findall(rf'href="https?://[^/"]+(/[^"]+)"[^>]*>{words}</a>', html)
