"""What a digest looks like where it is read: narrow, wide, light, dark, without styles. In a real browser."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import time_machine

from newsletter import digest
from newsletter.message import build, load_contents
from newsletter.models import Digest
from tests.newsletter.conftest import MORNING, make_due_reader

CHROMIUM = Path("/usr/bin/chromium")

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="there is no Chromium"),
]

# The contrast of the text against what is behind it, as WCAG 2 counts it.
CONTRASTS = """() => {
    const numbers = colour => colour.match(/[\\d.]+/g).map(Number)
    const linear = value => (value /= 255) <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
    const light = colour => {
        const [red, green, blue] = numbers(colour).map(linear)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue
    }
    const behind = element => {
        for (; element; element = element.parentElement) {
            const colour = getComputedStyle(element).backgroundColor
            if ((numbers(colour)[3] ?? 1) > 0) return colour
        }
        return "rgb(255, 255, 255)"
    }
    return [...document.querySelectorAll("h2, h3 a, p, .b, .foot a, .name, .date")].map(element => {
        const [one, other] = [light(getComputedStyle(element).color), light(behind(element))]
        return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05)
    })
}"""


@pytest.fixture
def html(new_papers):
    with time_machine.travel(MORNING, tick=False):
        digest.compose([make_due_reader().pk])
        row = Digest.objects.select_related("subscription__user", "edition").get()
        return str(build(row, load_contents([row]), set(row.paper_ids)).message.alternatives[0][0])


@pytest.fixture
def look(html):
    """A page that shows the digest in a window so wide, and light or dark."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu", "--no-first-run"]
        )

        def open_page(width: int, scheme: str, content: str = html):
            page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
            page.set_content(content)
            return page

        yield open_page
        browser.close()


def test_it_is_seen_and_legible_in_any_window_light_and_dark(look):
    for width in (360, 800):
        for scheme in ("light", "dark"):
            page = look(width, scheme)
            assert page.locator("h3").first.is_visible(), (width, scheme)
            assert page.get_by_text("Unsubscribe").is_visible()
            assert min(page.evaluate(CONTRASTS)) >= 4.5, (width, scheme)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, "it scrolls sideways"
    assert "rgb(30, 28, 25)" in page.evaluate("getComputedStyle(document.querySelector('.sheet')).backgroundColor")


def test_the_line_for_the_inbox_is_not_on_the_page(look):
    assert not look(800, "light").locator(".preheader").is_visible()


def test_without_any_style_it_still_reads_from_top_to_bottom(look, html):
    bare = re.sub(r"<style.*?</style>|\sstyle=\"[^\"]*\"|\sstyle='[^']*'", "", html, flags=re.DOTALL)
    text = look(800, "light", bare).locator("body").inner_text()
    assert text.index("Broadsheet") < text.index("For you") < text.index("Unsubscribe")
