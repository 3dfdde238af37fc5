"""An editor's edition: candidates, picks for everybody and for a topic, freezing, sending now, a test, a withdrawal."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from newsletter import digest
from newsletter.edition_desk import DeskError, candidates_of, freeze, pick, send_now, stop, turns_to_come
from newsletter.editions import edition_for
from newsletter.models import Digest, Edition, Pick, Subscription
from newsletter.suppression import suppress
from papers.models import Paper
from papers.visibility import VisibilityError, set_visibility
from recommender.interactions import record
from recommender.models import Interest
from recommender.search import search_papers
from tests.factories import make_paper, make_reader, make_topic
from tests.newsletter.conftest import MORNING, make_due_reader

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def morning():
    with time_machine.travel(MORNING, tick=True) as clock:
        yield clock


@pytest.fixture
def editor():
    return make_reader("editor@example.org", is_staff=True, is_superuser=True)


@pytest.fixture
def desk(client, editor):
    client.force_login(editor)
    return client


@pytest.fixture
def edition(new_papers) -> Edition:
    return edition_for(MORNING.date())


def url(name: str, *args: object) -> str:
    return reverse(f"admin:newsletter_edition_{name}", args=args)


def papers_of(email: str) -> list[int]:
    return Digest.objects.get(subscription__user__email=email).paper_ids


# --- candidates


def test_the_page_shows_each_candidate_with_what_an_editor_chooses_by(desk, edition, new_papers, alice):
    make_due_reader("carol@example.org")
    record(alice, new_papers[4], "read")
    record(alice, new_papers[4], "save")
    Paper.objects.filter(pk=new_papers[4].pk).update(upvotes=17)
    page = desk.get(url("change", edition.pk)).content.decode()
    assert page.count("part 4<") == 1
    assert "The scores are a rule of thumb" in page  # two readers teach no chances
    found = {row.paper.pk: row for row in candidates_of(edition).rows}
    assert len(found) == 12
    assert found[new_papers[4].pk].n_reads == 1  # one reader, who did two things
    assert found[new_papers[4].pk].points > found[new_papers[3].pk].points
    assert sum(row.wanted_by for row in found.values()) == 10  # carol's first ten


def test_candidates_are_ordered_searched_and_filtered(edition, new_papers):
    other = make_paper("Whales that sing", topics=["Whales"], published_at=MORNING - timedelta(hours=1), upvotes=3)
    assert [row.paper for row in candidates_of(edition, topic="whales").rows] == [other]
    assert [row.paper for row in candidates_of(edition, words="sing whales").rows] == [other]
    for sort in ("upvotes", "newest", "trending"):
        assert candidates_of(edition, sort=sort).rows[0].paper == other, sort
    assert len(candidates_of(edition, sort="wanted").rows) == len(candidates_of(edition, sort="reads").rows) == 13


# --- picks


def test_a_pick_for_everybody_and_one_for_a_topic(edition, new_papers, editor):
    speech, whales = make_topic("Speech"), make_topic("Whales")
    extra = make_paper("Whales that sing", topics=["Whales"], published_at=MORNING - timedelta(days=60))
    pick(edition, new_papers[7], editor)
    pick(edition, extra, editor, topic=whales)
    follows, does_not = make_due_reader("alice@example.org"), make_due_reader("bob@example.org")
    Interest.objects.create(user=follows.user).topics.add(whales)
    Interest.objects.create(user=does_not.user).topics.add(speech)
    digest.compose([follows.pk, does_not.pk])
    assert papers_of("alice@example.org")[:2] == [new_papers[7].pk, extra.pk]
    assert papers_of("bob@example.org")[0] == new_papers[7].pk
    assert extra.pk not in papers_of("bob@example.org")


def test_whom_a_pick_is_not_for_may_still_get_the_paper_by_rank(edition, new_papers, editor):
    pick(edition, new_papers[0], editor, topic=make_topic("Whales"))
    digest.compose([make_due_reader("bob@example.org", n_papers=30, threshold="low").pk])
    [item] = [item for item in Digest.objects.get().items if item["paper"] == new_papers[0].pk]
    assert item["reason"]["kind"] != "pick"


def test_the_pick_button_puts_it_below_the_others_and_names_the_editor(desk, edition, new_papers):
    for paper in new_papers[:2]:
        desk.post(url("do", edition.pk, "pick"), {"paper": paper.pk, "topic": ""})
    assert [(row.paper, row.position, row.editor.email) for row in Pick.objects.all()] == [
        (new_papers[0], 0, "editor@example.org"),
        (new_papers[1], 1, "editor@example.org"),
    ]


def test_two_editors_who_pick_one_paper_make_one_pick_and_the_second_is_told(desk, edition, new_papers):
    for _ in range(2):
        answer = desk.post(url("do", edition.pk, "pick"), {"paper": new_papers[0].pk}, follow=True)
    assert Pick.objects.count() == 1
    assert "picked already" in answer.content.decode()


def test_what_nobody_may_see_cannot_be_picked(edition, editor):
    hidden = make_paper(status="hidden", published_at=MORNING)
    with pytest.raises(DeskError, match="hidden"):
        pick(edition, hidden, editor)


def test_the_second_to_save_the_note_is_told(edition, new_papers, editor):
    bob = make_reader("bob@example.org", is_staff=True, is_superuser=True)
    marks = {}
    clients = {user.email: Client() for user in (editor, bob)}
    for user in (editor, bob):
        clients[user.email].force_login(user)
        marks[user.email] = clients[user.email].get(url("change", edition.pk)).context["mark"]
    form = {
        "window_start_0": "2025-04-29",
        "window_start_1": "00:00:00",
        "window_end_0": "2025-05-06",
        "window_end_1": "00:00:00",
        "picks-TOTAL_FORMS": "0",
        "picks-INITIAL_FORMS": "0",
    }
    first = {"note": "Hers", "mark": marks["editor@example.org"]}
    assert clients["editor@example.org"].post(url("change", edition.pk), form | first).status_code == 302
    page = clients["bob@example.org"].post(url("change", edition.pk), form | {"note": "His", "mark": marks[bob.email]})
    assert "editor@example.org changed this" in page.content.decode()
    assert Edition.objects.get().note == "Hers"


# --- freezing


def test_a_frozen_edition_keeps_its_note_and_picks(desk, edition, new_papers, editor):
    pick(edition, new_papers[0], editor)
    desk.post(url("do", edition.pk, "freeze"))
    with pytest.raises(DeskError, match="frozen"):
        pick(edition, new_papers[1], editor)
    page = desk.get(url("change", edition.pk))
    assert 'name="note"' not in page.content.decode()
    posted = {"note": "Too late", "picks-TOTAL_FORMS": "0", "picks-INITIAL_FORMS": "0"}
    desk.post(url("change", edition.pk), posted)
    assert Edition.objects.get().note == ""
    desk.post(url("do", edition.pk, "thaw"))
    pick(edition, new_papers[1], editor)
    assert Pick.objects.count() == 2


def test_the_second_to_freeze_is_told_and_the_first_is_in_the_log(desk, edition):
    assert "Frozen" in desk.post(url("do", edition.pk, "freeze"), follow=True).content.decode()
    assert "frozen already" in desk.post(url("do", edition.pk, "freeze"), follow=True).content.decode()
    assert LogEntry.objects.get().get_change_message().startswith("Frozen")


def test_nothing_is_done_by_a_link(desk, edition):
    for what in ("freeze", "stop", "pick"):
        assert desk.get(url("do", edition.pk, what)).status_code == 405
    assert desk.post(url("do", edition.pk, "delete")).status_code == 404


# --- sending now


def test_send_now_brings_forward_the_turns_of_this_day_and_no_others(edition, new_papers):
    later = make_due_reader("later@example.org", hour=20)
    weekly = make_due_reader("friday@example.org", cadence="weekly", weekday=4)
    auckland = make_due_reader("auckland@example.org", time_zone="Pacific/Auckland", hour=20)
    honolulu = make_due_reader("honolulu@example.org", time_zone="Pacific/Honolulu", hour=7)
    paused = make_due_reader("paused@example.org", cadence="paused")
    turns = {
        later: datetime(2025, 5, 5, 20, tzinfo=UTC),
        weekly: datetime(2025, 5, 9, 7, tzinfo=UTC),
        auckland: datetime(2025, 5, 5, 8, tzinfo=UTC),  # 20:00 there on the 5th
        honolulu: datetime(2025, 5, 5, 17, tzinfo=UTC),  # 7:00 there on the 5th, but now it is the 4th there
        paused: None,
    }
    for subscription, at in turns.items():
        Subscription.objects.filter(pk=subscription.pk).update(next_digest_at=at)
    assert turns_to_come(edition) == 2
    assert send_now(edition) == 2
    assert edition_for(MORNING.date()).frozen_at is not None
    assert set(digest.due()) == {later.pk, auckland.pk}
    ready = digest.compose(digest.due())
    assert len(ready) == 2
    assert {row.period for row in Digest.objects.all()} == {date(2025, 5, 5)}
    later.refresh_from_db()
    assert later.next_digest_at == datetime(2025, 5, 6, 20, tzinfo=UTC)  # tomorrow: today's turn is used up
    with pytest.raises(DeskError, match="Nobody"):
        send_now(edition)


def test_a_stopped_edition_is_not_sent_now(edition):
    make_due_reader("later@example.org", hour=20)
    Subscription.objects.update(next_digest_at=datetime(2025, 5, 5, 20, tzinfo=UTC))
    stop(edition)
    with pytest.raises(DeskError, match="resume it first"):
        send_now(edition)


def test_the_page_says_how_many_it_would_mail_and_the_button_sends(desk, edition):
    make_due_reader("later@example.org")
    Subscription.objects.update(next_digest_at=datetime(2025, 5, 5, 20, tzinfo=UTC))
    assert "1 reader's turn" in desk.get(url("send", edition.pk)).content.decode()
    assert digest.due() == []
    desk.post(url("send", edition.pk))
    assert len(digest.due()) == 1


# --- previews and tests


def test_a_new_readers_digest_is_seen_without_an_address(desk, edition, new_papers):
    page = desk.get(url("preview_as_reader", edition.pk), {"email": ""}).content.decode()
    assert "You get this because" in page
    assert Subscription.objects.count() == 0


def test_a_test_goes_to_the_editor_and_its_links_do_nothing_for_the_reader(
    desk, edition, new_papers, mail_server, client
):
    subscription = make_due_reader("alice@example.org")
    digest.compose([subscription.pk])
    answer = desk.post(url("test", edition.pk), {"email": "alice@example.org", "width": "800"}, follow=True)
    assert "A test is on its way to editor@example.org" in answer.content.decode()
    [mail] = mail_server.messages
    assert mail_server.recipients == ["editor@example.org"]
    assert mail["Subject"].startswith("Test: ")
    assert Digest.objects.get().state == "composed"
    assert mail["Message-ID"] != Digest.objects.get().message_id
    assert "alice@example.org" not in mail.as_string()
    path = mail["List-Unsubscribe"].strip("<>").removeprefix("http://localhost:8000")
    assert Client().post(path).status_code == 200
    subscription.refresh_from_db()
    assert subscription.unsubscribed_at is None


def test_no_test_goes_to_a_suppressed_address(desk, edition, mail_server):
    suppress("editor@example.org", "bounce")
    answer = desk.post(url("test", edition.pk), {"email": ""}, follow=True)
    assert "suppressed" in answer.content.decode()
    assert mail_server.taken == []


def test_a_mail_server_that_is_away_is_told(desk, edition, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    answer = desk.post(url("test", edition.pk), {"email": ""}, follow=True)
    assert "the mail server does not answer" in answer.content.decode()


# --- hiding


def test_a_withdrawn_paper_is_gone_at_once_from_pages_searches_and_unsent_digests(
    desk, edition, new_papers, mail_server
):
    ready = digest.compose([make_due_reader("alice@example.org").pk])
    paper = Paper.objects.get(pk=papers_of("alice@example.org")[0])
    page = url("paper", edition.pk, paper.pk)
    assert "1 digest of this edition is waiting" in desk.get(page).content.decode()
    desk.post(page, {"seen_as": "published", "status": "withdrawn", "reason": "The authors took it back."})
    paper.refresh_from_db()
    assert (paper.status, paper.status_reason) == ("withdrawn", "The authors took it back.")
    assert paper not in search_papers(paper.title, 20)
    assert paper.pk not in [row.paper.pk for row in candidates_of(edition).rows]
    digest.deliver(ready)
    [mail] = mail_server.messages
    assert paper.title not in mail.get_body(("plain",)).get_content()
    entry = LogEntry.objects.get(object_id=str(paper.pk))
    assert "The authors took it back." in entry.change_message


def test_hiding_needs_a_reason_and_an_embargo_an_instant_to_come(desk, edition, new_papers):
    page = url("paper", edition.pk, new_papers[0].pk)
    desk.post(page, {"seen_as": "published", "status": "hidden", "reason": " "})
    desk.post(page, {"seen_as": "published", "status": "embargoed", "until_0": "2025-05-04", "until_1": "08:00"})
    assert Paper.objects.get(pk=new_papers[0].pk).status == "published"
    desk.post(page, {"seen_as": "published", "status": "embargoed", "until_0": "2025-05-06", "until_1": "08:00"})
    paper = Paper.objects.get(pk=new_papers[0].pk)
    assert not paper.is_visible()
    assert paper.is_visible(datetime(2025, 5, 6, 8, tzinfo=UTC))


def test_the_second_to_decide_about_a_paper_is_told(new_papers, editor):
    paper = new_papers[0]
    set_visibility(paper, "hidden", seen_as="published", editor_id=editor.pk, reason="A duplicate")
    with pytest.raises(VisibilityError, match="it is hidden"):
        set_visibility(paper, "withdrawn", seen_as="published", editor_id=editor.pk, reason="Fraud")
    assert Paper.objects.get(pk=paper.pk).status_reason == "A duplicate"


def test_freezing_twice_at_once_is_told(edition):
    freeze(edition)
    with pytest.raises(DeskError, match="already"):
        freeze(edition)
