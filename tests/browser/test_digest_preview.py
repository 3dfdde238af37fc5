"""The editor's preview of a digest, in its frame under the site's own policy: wide, narrow, dark."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from newsletter.editions import edition_for
from tests.browser.conftest import Open
from tests.factories import make_paper, make_reader, make_subscription

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize(
    ("width", "scheme", "sheet"), [(800, "light", "rgb(255, 254, 251)"), (360, "dark", "rgb(30, 28, 25)")]
)
def test_the_digest_is_seen_in_its_frame(open_page: Open, width: int, scheme: str, sheet: str) -> None:
    now = timezone.now()
    for number in range(4):
        make_paper(f"Birds, part {number}", abstract="It names a bird.", published_at=now - timedelta(minutes=number))
    make_subscription(make_reader("alice@example.org"), threshold="low")
    editor = make_reader("editor@example.org", is_staff=True, is_superuser=True)
    address = reverse("admin:newsletter_edition_preview_as_reader", args=[edition_for(now.date()).pk])
    # "null": what the browser is told to emulate would go before what the frame asks for.
    page = open_page(f"{address}?email=alice@example.org&width={width}&scheme={scheme}", editor, scheme="null")
    frame = page.locator("iframe")
    box = frame.bounding_box()
    assert box is not None
    assert (box["width"], box["height"]) == (width, 900)
    digest = frame.content_frame
    assert digest.get_by_role("heading", name="Birds, part 0").is_visible()
    assert digest.locator(".sheet").evaluate("sheet => getComputedStyle(sheet).backgroundColor") == sheet
