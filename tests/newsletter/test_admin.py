"""The editors' desk: every page opens, picks are kept, a reader's digest is seen before it goes out."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
import time_machine
from django.urls import reverse

from newsletter import digest
from newsletter.clicks import note_click
from newsletter.editions import edition_for
from newsletter.models import Digest, Pick, Suppression
from newsletter.suppression import suppress, suppression_of
from tests.factories import make_reader
from tests.newsletter.conftest import MORNING, make_due_reader

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk(client):
    with time_machine.travel(MORNING, tick=True):
        editor = make_reader("editor@example.org", is_staff=True, is_superuser=True)
        client.force_login(editor)
        yield client


@pytest.fixture
def some_of_all(desk, new_papers):
    digest.compose([make_due_reader("alice@example.org").pk])
    row = Digest.objects.get()
    note_click(row, new_papers[0], "page", "Mozilla/5.0")
    suppress("gone@example.org", "bounce", "5.1.1")
    return row


@pytest.mark.parametrize("model", ["edition", "subscription", "digest", "suppression", "click"])
def test_lists_searches_and_rows_open(desk, some_of_all, model):
    from django.apps import apps

    listing = reverse(f"admin:newsletter_{model}_changelist")
    assert desk.get(listing).status_code == 200
    assert desk.get(listing, {"q": "alice@example.org"}).status_code == 200
    row = apps.get_model("newsletter", model).objects.first()
    assert desk.get(reverse(f"admin:newsletter_{model}_change", args=[row.pk])).status_code == 200


def test_an_editor_adds_a_pick_with_a_note_and_is_named(desk, new_papers):
    edition = edition_for(MORNING.date())
    response = desk.post(
        reverse("admin:newsletter_edition_change", args=[edition.pk]),
        {
            "note": "Good morning",
            "window_start_0": "2025-04-29",
            "window_start_1": "00:00:00",
            "window_end_0": "2025-05-06",
            "window_end_1": "00:00:00",
            "picks-TOTAL_FORMS": "1",
            "picks-INITIAL_FORMS": "0",
            "picks-0-paper": new_papers[2].pk,
            "picks-0-note": "Read this",
            "picks-0-position": "0",
        },
    )
    assert response.status_code == 302, response.context["errors"]
    pick = Pick.objects.get()
    assert (pick.paper, pick.note, pick.editor.email) == (new_papers[2], "Read this", "editor@example.org")


def start_tags(page: str) -> list[dict[str, str | None]]:
    found: list[dict[str, str | None]] = []

    class Parser(HTMLParser):
        def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
            found.append({"tag": tag, **dict(attributes)})

    Parser().feed(page)
    return found


def test_the_editor_sees_a_readers_digest_before_it_goes_out(desk, new_papers):
    make_due_reader("alice@example.org")
    edition = edition_for(MORNING.date())
    Pick.objects.create(edition=edition, paper=new_papers[2], note="Read <this>")
    url = reverse("admin:newsletter_edition_preview_as_reader", args=[edition.pk])
    page = desk.get(url, {"email": "Alice@example.org"}).content.decode()
    [frame] = [tag for tag in start_tags(page) if tag["tag"] == "iframe"]
    assert frame["sandbox"] is None  # the strictest: no script, no form, no other frame
    assert frame["srcdoc"].startswith("<!DOCTYPE html>")
    assert frame["srcdoc"].rstrip().endswith("</html>")
    assert "Read &lt;this&gt;" in frame["srcdoc"]
    assert "You get this because" in page
    assert not Digest.objects.exists()
    assert "No reader with a subscription" in desk.get(url, {"email": "nobody@example.org"}).content.decode()


def test_a_digest_is_found_by_address_and_cannot_be_changed(desk, some_of_all):
    listing = reverse("admin:newsletter_digest_changelist")
    assert some_of_all.subject in desk.get(listing, {"q": "alice@example.org"}).content.decode()
    assert some_of_all.subject not in desk.get(listing, {"q": "bob@example.org"}).content.decode()
    change = reverse("admin:newsletter_digest_change", args=[some_of_all.pk])
    page = desk.get(change).content.decode()
    assert some_of_all.get_absolute_url() in page
    assert desk.post(change, {"state": "sent"}).status_code == 403


def test_an_uncertain_digest_can_be_sent_again_from_the_list(desk, some_of_all):
    Digest.objects.update(state="uncertain")
    desk.post(
        reverse("admin:newsletter_digest_changelist"), {"action": "send_again", "_selected_action": [some_of_all.pk]}
    )
    assert Digest.objects.get().state == "composed"


def test_an_address_is_suppressed_and_lifted(desk):
    desk.post(
        reverse("admin:newsletter_suppression_add"),
        {"address": "Angry@Example.org", "reason": "complaint", "note": "by telephone"},
    )
    row = suppression_of("angry@example.org")
    assert row.reason == "complaint"
    desk.post(reverse("admin:newsletter_suppression_delete", args=[row.pk]), {"post": "yes"})
    assert suppression_of("angry@example.org") is None


def test_an_erased_address_is_found_by_whoever_knows_it(desk):
    suppress("erased@example.org", "erased")
    listing = reverse("admin:newsletter_suppression_changelist")
    row = Suppression.objects.get()
    assert str(row) in desk.get(listing, {"q": "erased@example.org"}).content.decode()


@pytest.mark.parametrize("model", ["edition", "subscription", "digest"])
def test_queries_do_not_grow_with_the_rows(desk, new_papers, model, django_assert_max_num_queries):
    listing = reverse(f"admin:newsletter_{model}_changelist")
    digest.compose([make_due_reader().pk])
    desk.get(listing)  # what is looked up once a process
    with django_assert_max_num_queries(40) as for_one:
        desk.get(listing)
    digest.compose([make_due_reader().pk for _ in range(19)])
    with django_assert_max_num_queries(40) as for_twenty:
        desk.get(listing)
    assert len(for_twenty) <= len(for_one)
