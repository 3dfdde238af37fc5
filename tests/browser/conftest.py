"""Real Chromium on a real server, with every message on its console taken as a failure."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.db import connections
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from pytest_django.live_server_helper import LiveServer

from accounts.models import User

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
expect.set_options(timeout=15_000)  # nothing waits that long but on a busy machine
AXE = Path(__file__).parent / "axe.min.js"  # axe-core 4.14.1 as npm has it, Mozilla Public License 2.0


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    with pytest.MonkeyPatch.context() as environment, sync_playwright() as playwright:
        # Playwright's loop runs in this thread, and Django takes every thread with a loop for an asynchronous one.
        environment.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()
    connections.close_all()  # those that this thread opened outside of the loop


Open = Callable[..., Page]


@pytest.fixture
def open_page(chromium: Browser, live_server: LiveServer) -> Iterator[Open]:
    """open_page(path, user=None, width=1400, scheme="light", ...): a page of a browser of its own."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def open_page(path: str, user: User | None = None, width: int = 1400, scheme: Any = "light", **more: Any) -> Page:
        viewport = {"width": width, "height": 900}
        context = chromium.new_context(base_url=live_server.url, viewport=viewport, color_scheme=scheme, **more)
        contexts.append(context)
        if user is not None:
            context.add_cookies([{"name": "sessionid", "value": session_of(user), "url": live_server.url}])
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.on("console", lambda message: complaints.append(f"{page.url}: {message.type}: {message.text}"))
        page.on("pageerror", lambda error: complaints.append(f"{page.url}: {error}"))
        page.on("request", lambda request: complaints.extend(elsewhere(request.url, live_server.url)))
        response = page.goto(path)
        assert response is not None
        assert response.status == 200, f"{path}: {response.status}"
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


def elsewhere(url: str, site: str) -> list[str]:
    return [] if url.startswith((site, "data:")) else [f"asked another site: {url}"]


def session_of(user: User) -> str:
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return str(session.session_key)


def violations(page: Page, parts: list[str] | None = None, rules: list[str] | None = None) -> list[str]:
    """What axe-core finds against WCAG 2.2 AA and good practice, a line each; in some parts of the page, or by some
    rules only."""
    # By the devtools' door, since the site's own policy forbids foreign scripts.
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text())
    options: dict[str, Any] = {"resultTypes": ["violations"]}
    if rules:
        options["runOnly"] = rules
    else:
        options["rules"] = {"target-size": {"enabled": True}}  # of WCAG 2.2: axe leaves it out unless asked
    where = {"include": parts} if parts else None
    found = page.evaluate("([where, options]) => axe.run(where ?? document, options)", [where, options])
    return [
        f"{violation['id']}: {node['html']}: {node['failureSummary']}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]


OF_LOOKS = ["color-contrast", "link-in-text-block", "target-size", "scrollable-region-focusable"]
# The widths and schemes in which a page is looked at, and by which of axe's rules (all, none or some): what a page is
# made of is the same in all of them, and every rule takes its time.
LOOKS: list[tuple[int, Any, list[str] | None]] = [
    (1280, "light", []),
    (360, "light", None),
    (360, "dark", OF_LOOKS),
]


def faults(page: Page, name: str = "") -> list[str]:
    """What is wrong with a page as it stands, at each width and in each scheme: axe's findings, and whether it scrolls
    sideways. Each look is photographed if BROADSHEET_PICTURES names a folder."""
    found: list[str] = []
    before = page.viewport_size
    for width, scheme, rules in LOOKS:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        look = f"{width}-{scheme}"
        found += too_wide(page)
        if rules is not None:
            found += [f"{look}: {line}" for line in violations(page, rules=rules)]
        if folder := os.environ.get("BROADSHEET_PICTURES"):
            stem = name or re.sub(r"\W+", "-", page.url.partition("//")[2].partition("/")[2]).strip("-") or "home"
            page.screenshot(path=Path(folder) / f"{stem[:60]}-{look}.png", full_page=True)
    for width in (800, 1600):
        page.set_viewport_size({"width": width, "height": 900})
        found += too_wide(page)
    if before is not None:
        page.set_viewport_size(before)
    page.emulate_media(color_scheme="light")
    return found


def too_wide(page: Page) -> list[str]:
    wide, window = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    return [f"{wide} pixels wide in a window of {window}"] if wide > window else []
