"""The list of sessions names browsers as people do."""

from __future__ import annotations

import pytest
from allauth.usersessions.models import UserSession
from django.test import Client

from accounts.models import User
from accounts.templatetags.browser_named import browser_named

CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        (CHROME, "Chrome on Linux"),
        (CHROME + " Edg/126.0.0.0", "Edge on Linux"),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:127.0) Gecko/20100101 Firefox/127.0", "Firefox on Windows"),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
            "Version/17.5 Mobile/15E148 Safari/604.1",
            "Safari on iPhone",
        ),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) AppleWebKit/605.1.15 Safari/605.1.15", "Safari on macOS"),
        ("feedparser/6.0.11", "feedparser/6.0.11"),
        ("", "Some browser"),
    ],
)
def test_a_browser_s_name(user_agent: str, name: str) -> None:
    assert browser_named(user_agent) == name


@pytest.mark.parametrize(("user_agent", "shown"), [(CHROME, "Chrome on Linux"), ("<script>", "&lt;script&gt;")])
def test_the_page_shows_it_escaped(client: Client, alice: User, user_agent: str, shown: str) -> None:
    client.force_login(alice)
    key = client.session.session_key
    UserSession.objects.update_or_create(
        session_key=key, defaults={"user": alice, "ip": "127.0.0.1", "user_agent": user_agent}
    )
    assert shown in client.get("/accounts/sessions/").content.decode()
