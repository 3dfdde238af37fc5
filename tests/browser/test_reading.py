"""The reading pages in a real browser: for everybody, at every width, with keyboard, with and without JavaScript."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from accounts.models import User
from papers.models import Author, Paper
from recommender.interactions import record
from recommender.models import Interaction, Interest, SavedSearch
from tests.browser.conftest import Open, violations
from tests.factories import make_paper, make_reader, make_topic

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def reader() -> User:
    """With something on every page."""
    now = timezone.now()
    reader = make_reader("reader@example.org")
    for number in range(4):
        make_paper(
            f"Listening to birds with very few labels, part {number}",
            abstract="A model hears a bird for the first time and names it. " * 8,
            topics=["Speech and audio", "Biology"],
            authors=["Ada Lovelace", "Grace Hopper", "Mary Cartwright", "Emmy Noether", "Hedy Lamarr"],
            published_at=now - timedelta(hours=number + 1),
            pdf_url="https://papers.example.org/1.pdf",
            upvotes=number,
        )
    withdrawn = make_paper("Taken back", published_at=now, status="withdrawn", status_reason="An error in lemma 2.")
    disliked = make_paper("Robots that grasp cups", topics=["Robots"], published_at=now - timedelta(days=40))
    record(reader, Paper.objects.published()[3], "save")
    record(reader, withdrawn, "save")
    record(reader, disliked, "less")
    interest = Interest.objects.create(user=reader, sentences=["How birds learn their songs"])
    interest.topics.add(make_topic("Speech and audio"))
    interest.authors.add(Author.objects.get(name="Ada Lovelace"))
    Interest.objects.create(user=reader, name="Robots", sentences=["Hands that hold"])
    SavedSearch.objects.create(user=reader, query="birds")
    return reader


def test_a_button_acts_at_once_and_keeps_the_focus_nearby(reader: User, open_page: Open) -> None:
    page = open_page("/", reader)
    pressed = page.get_by_role("button", name="Saved")
    before = pressed.count()
    page.get_by_role("button", name="Save", exact=True).first.click()
    expect(pressed).to_have_count(before + 1)
    expect(pressed.first).to_have_attribute("aria-pressed", "true")
    assert page.url.endswith("/")
    assert Interaction.objects.filter(user=reader, kind="save").count() == 3


def test_the_same_button_without_javascript(reader: User, open_page: Open) -> None:
    page = open_page("/", reader, java_script_enabled=False)
    page.get_by_role("button", name="Save", exact=True).first.click()
    expect(page.get_by_role("button", name="Saved").first).to_be_visible()
    assert Interaction.objects.filter(user=reader, kind="save").count() == 3


def test_not_this_on_the_reader_s_own_page(reader: User, open_page: Open) -> None:
    page = open_page("/for-you/", reader)
    papers = page.locator(".papers article")
    before = papers.count()
    title = papers.first.get_by_role("heading").inner_text()
    page.get_by_role("button", name="Not this").first.click()
    expect(papers).to_have_count(before - 1)
    expect(page.get_by_text("Left out, and counted against its like")).to_be_visible()
    page.reload()
    expect(page.locator("aside").get_by_text(title[:40])).to_be_visible()
    page.locator("aside li", has_text=title[:40]).get_by_role("button", name="Undo").click()
    expect(papers).to_have_count(before)


def test_by_keyboard_alone(reader: User, open_page: Open) -> None:
    page = open_page("/", reader)
    titles = page.locator(".papers h2 a")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(titles.nth(2)).to_be_focused()
    page.keyboard.press("k")
    expect(titles.nth(1)).to_be_focused()
    page.keyboard.press("u")
    expect(page.locator(".paper").nth(1).get_by_role("button", name="Upvoted")).to_be_visible()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    page.keyboard.type("birds")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="papers found")).to_be_visible()
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Listening to birds")


def test_the_first_tab_leads_past_the_menu(reader: User, open_page: Open) -> None:
    page = open_page("/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("j")
    expect(page.locator(".papers h2 a").first).to_be_focused()


def test_mathematics_is_drawn_and_nothing_in_it_runs(reader: User, open_page: Open) -> None:
    raw = r"In $\vec{x} = O(n^2)$ time, $\href{javascript:alert(1)}{click}$, $\undefined{x}$ and $\pmb{y}$."
    paper = make_paper("Squares", abstract="In O(n^2) time.", raw_abstract=raw)
    page = open_page(paper.get_absolute_url())
    expect(page.locator(".abstract .katex").first).to_be_visible()
    expect(page.locator("[data-tex] svg").first).to_be_visible()
    expect(page.locator(r'[data-tex="\\undefined{x}"]')).to_have_text("x")
    assert page.locator('a[href^="javascript"]').count() == 0


def test_an_author_is_followed_in_place(reader: User, open_page: Open) -> None:
    author = Author.objects.get(name="Grace Hopper")
    page = open_page(f"/author/{author.pk}/", reader)
    page.get_by_role("button", name="Follow Grace Hopper").click()
    expect(page.get_by_role("button", name="Following Grace Hopper")).to_have_attribute("aria-pressed", "true")
    page.goto("/for-you/")
    expect(page.locator("aside").get_by_role("link", name="Grace Hopper")).to_be_visible()


def test_the_page_is_turned_marked_as_seen_and_begun_afresh(reader: User, open_page: Open) -> None:
    page = open_page("/for-you/", reader)
    page.get_by_role("slider", name="The dial").focus()
    page.keyboard.press("End")
    page.get_by_role("button", name="Turn it").click()
    expect(page.get_by_text("now go more by what others like you read")).to_be_visible()
    expect(page.get_by_role("slider", name="The dial")).to_have_value("100")
    page.get_by_role("button", name="Seen up to here").click()
    expect(page.get_by_text("Nothing came since.")).to_be_visible()
    assert violations(page) == []
    page.get_by_role("button", name="Show it again").click()
    expect(page.locator(".papers article").first).to_be_visible()
    page.locator("summary", has_text="Start afresh").click()
    page.get_by_role("button", name="Start afresh").click()
    expect(page.get_by_text("A fresh start")).to_be_visible()
    assert violations(page) == []
    page.get_by_role("button", name="Let it count again").click()
    expect(page.get_by_text("counts again")).to_be_visible()


def test_a_dot_of_the_map_leads_to_its_paper_by_keyboard_as_well(reader: User, open_page: Open) -> None:
    page = open_page(f"/map/month/{timezone.now().date()}/", reader)
    dot = page.locator(".map > svg a").first
    title = dot.locator("title").text_content()
    dot.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(str(title))


def test_instants_are_shown_in_the_reader_s_own_zone_and_manner(reader: User, open_page: Open) -> None:
    Interest.objects.filter(user=reader, name="").update(seen_until=datetime(2025, 5, 8, 22, 30, tzinfo=UTC))
    page = open_page("/for-you/", reader, timezone_id="Asia/Tokyo", locale="en-GB")
    expect(page.locator("time[data-local]")).to_have_text("9 May 2025, 07:30")
    page = open_page("/for-you/", reader, java_script_enabled=False)
    expect(page.locator("time[data-local]")).to_have_text("May 8, 2025, 10:30 p.m.")
