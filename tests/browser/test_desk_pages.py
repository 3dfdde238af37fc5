"""Every page of the desk, walked as each group on a laptop and, dark, on a tablet: nothing for axe to find in our own
parts, no message on the console, no sideways scrolling, and what has the focus shows it."""

from __future__ import annotations

import os
import re
from importlib import import_module
from pathlib import Path

import pytest
from django.apps import apps
from django.contrib.auth.models import Group
from django.test import Client
from playwright.sync_api import Page

from accounts.models import User
from tests.browser.conftest import Open, too_wide, violations
from tests.config.test_groups import GROUPS, links_of, new_papers, something_of_all
from tests.factories import make_reader

__all__ = ["new_papers", "something_of_all"]

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LOOKS = [(1366, "light"), (820, "dark")]  # a laptop, a tablet
OURS = "[class^='desk-']"
MOST_PAGES = 400
# Of what can have the focus in our own parts what does not show it, by outline, shadow or border.
FAINT = """parts => {
    const seen = node => {
        const style = getComputedStyle(node)
        return [style.outlineStyle + style.outlineWidth, style.boxShadow, style.borderColor, style.stroke].join()
    }
    return [...document.querySelectorAll(parts)]
        .flatMap(part => [...part.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea")])
        .filter(node => node.checkVisibility() && !node.disabled)
        .filter(node => {
            node.blur()
            const before = seen(node.matches("svg a") ? node.querySelector("rect") : node)
            node.focus()
            const after = seen(node.matches("svg a") ? node.querySelector("rect") : node)
            return document.activeElement !== node || before === after
        })
        .map(node => node.outerHTML.slice(0, 200))
}"""


def member_of(name: str) -> User:
    import_module("config.migrations.0001_groups_of_the_desk").make_groups(apps, None)  # emptied with all tables
    user = make_reader(f"{name.lower()}@example.org", is_staff=True)
    user.groups.add(Group.objects.get(name=name))
    return user


def pages_of(user: User) -> list[str]:
    """One of each kind, with and without a query, by the links of the pages before it."""
    client = Client()
    client.force_login(user)
    waiting, kinds, found = ["/admin/"], set(), []
    while waiting and len(found) < MOST_PAGES:
        link = waiting.pop(0)
        kind = "history" if "/history/" in link else re.sub(r"\d+", "1", link.partition("?")[0])
        if kind in kinds:
            continue
        kinds.add(kind)
        response = client.get(link)
        if response.status_code == 200 and "text/html" in response["Content-Type"]:
            found.append(link)
            waiting += sorted(links_of(response.content.decode(), link))
    return found


def faults(page: Page) -> list[str]:
    found = []
    if page.locator(OURS).count():
        found += violations(page, [OURS])
        page.keyboard.press("Tab")  # from now on the browser shows what has the focus
        found += [f"focus does not show: {html}" for html in page.evaluate(FAINT, OURS)]
    return found + too_wide(page)


@pytest.mark.parametrize("name", GROUPS)
def test_every_page_that_a_group_may_see(open_page: Open, something_of_all: None, name: str) -> None:
    user = member_of(name)
    links = pages_of(user)
    assert len(links) > 12
    found = []
    for width, scheme in LOOKS:
        page = open_page("/admin/", user, width=width, scheme=scheme)
        for link in links:
            page.goto(link)
            found += [f"{link} {width} {scheme}: {fault}" for fault in faults(page)]
            if folder := os.environ.get("BROADSHEET_PICTURES"):
                stem = re.sub(r"\W+", "-", link.removeprefix("/admin/")).strip("-") or "index"
                page.screenshot(path=Path(folder) / f"{name}-{stem[:70]}-{width}.png", full_page=True)
        page.context.close()
    assert found == []
