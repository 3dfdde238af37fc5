"""Real Chromium on a real server, with every message on its console taken as a failure."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.db import connections
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
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
        page.set_default_timeout(10_000)
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


def violations(page: Page, parts: list[str] | None = None) -> list[str]:
    """What axe-core finds against WCAG 2.2 AA and good practice, a line each; in some parts of the page only."""
    # By the devtools' door, since the site's own policy forbids foreign scripts.
    page.evaluate(AXE.read_text())
    where = {"include": parts} if parts else None
    found = page.evaluate("where => axe.run(where ?? document, {resultTypes: ['violations']})", where)
    return [
        f"{violation['id']}: {node['html']}: {node['failureSummary']}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]
