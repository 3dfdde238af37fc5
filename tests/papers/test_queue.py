"""The editors' queue: what arXiv and Crossref say, merging into what is there, two editors, who did what."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse, reverse_lazy
from pytest_django import Settings

from accounts.models import User
from papers import submission_lookup
from papers.fetching import Client as WebClient
from papers.likely_duplicates import likely_duplicates
from papers.merging import take_apart
from papers.models import Author, Authorship, Merge, Paper, Source, Submission
from papers.submission_lookup import look_up_waiting
from papers.submissions import decide, submit
from tests.factories import make_paper, make_reader
from tests.papers.sources import documents
from tests.papers.sources.local_server import Answer, LocalServer, Request, serving

pytestmark = pytest.mark.django_db

ARXIV = """<?xml version="1.0" encoding="UTF-8"?>
<feed xmlns="http://www.w3.org/2005/Atom" xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/">
<opensearch:totalResults>1</opensearch:totalResults>
<entry><id>http://arxiv.org/abs/2505.00001v1</id><published>2025-05-01T10:00:00Z</published>
<title>Birds and their songs, at last</title><summary>We listen.</summary>
<author><name>Ada Lovelace</name></author><category term="cs.SD"/></entry></feed>"""


@pytest.fixture(autouse=True)
def _quick_and_local(settings: Settings) -> None:
    settings.FETCH_ALLOW_PRIVATE = True
    settings.FETCH_INTERVAL_SECONDS = 0.0


def desk_of(email: str) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser(email))
    return client


@pytest.fixture
def desk() -> Client:
    return desk_of("editor@example.org")


def page_of(submission: Submission) -> str:
    return reverse("admin:papers_submission_change", args=[submission.pk])


def look_up(monkeypatch: pytest.MonkeyPatch, answer: Callable[[Request], Answer]) -> LocalServer:
    with serving(answer) as web:
        for scheme in ("arxiv", "doi"):
            monkeypatch.setitem(submission_lookup.SERVICES, scheme, web.url)
        look_up_waiting(WebClient(pause=lambda seconds: None))
    return web


# --- looked up -------------------------------------------------------------------------------------------------------


def test_arxiv_fills_the_pending_paper_which_stays_the_editors_to_decide(
    alice: User, desk: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    submission = submit(alice, "2505.00001", "birds!")
    web = look_up(monkeypatch, lambda request: Answer(ARXIV))
    assert [request.query["id_list"] for request in web.requests] == ["2505.00001"]
    paper = Paper.objects.get()
    assert (paper.title, paper.abstract, paper.status) == ("Birds and their songs, at last", "We listen.", "pending")
    page = desk.get(page_of(submission)).content.decode()
    assert "Ada Lovelace" in page
    assert "We listen." in page
    look_up(monkeypatch, lambda request: Answer(status=500))  # nobody is asked twice
    assert Submission.objects.get().lookup_error == ""


def test_crossref_is_asked_about_a_doi(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    work = documents.crossref_work(1)
    submit(alice, work["DOI"], "assays")
    body = json.dumps({"status": "ok", "message": work})
    web = look_up(monkeypatch, lambda request: Answer(body, content_type="application/json"))
    assert web.requests[0].path.startswith("/works/10.")
    assert Paper.objects.get().title == "Scaling in vitro assays & more"
    assert Paper.objects.get().status == "pending"


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (Answer(ARXIV.replace("Birds and their songs, at last", "Error")), "arXiv knows no 2505.00001"),
        (Answer(status=404), "answered 404"),
        (Answer("<html>busy</html>", content_type="text/html"), "arXiv knows no"),
    ],
)
def test_what_was_not_found_is_told_with_why(
    alice: User, desk: Client, monkeypatch: pytest.MonkeyPatch, answer: Answer, told: str
) -> None:
    submission = submit(alice, "2505.00001", "Birds")
    look_up(monkeypatch, lambda request: answer)
    assert told in desk.get(page_of(submission)).content.decode()
    assert Paper.objects.get().title == "Birds"


def test_an_editor_has_it_looked_up_again(alice: User, desk: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    submission = submit(alice, "https://lab.example.org/p", "Birds")
    look_up(monkeypatch, lambda request: Answer(status=404))
    submission.refresh_from_db()
    assert "Only arXiv ids and DOIs" in submission.lookup_error
    listing = reverse("admin:papers_submission_changelist")
    desk.post(listing, {"action": "look_up_again", "_selected_action": [submission.pk]})
    submission.refresh_from_db()
    assert (submission.looked_up_at, submission.lookup_error) == (None, "")


def test_the_page_says_in_words_where_it_stands(alice: User, desk: Client) -> None:
    submission = submit(alice, "2505.00001", "Birds")
    page = desk.get(page_of(submission)).content.decode()
    assert "waiting for the editors" in page
    assert "(&#x27;waiting" not in page


# --- merged ----------------------------------------------------------------------------------------------------------


def test_a_submission_is_merged_into_the_paper_that_it_is_and_taken_apart_again(
    alice: User, bob: User, desk: Client
) -> None:
    there = make_paper("Listening to birds with very few labels", authors=["Ada Lovelace"])
    submission = submit(alice, "2505.00001", "Listening to birds with few labels")
    submit(bob, "2505.00001", "Listening to birds with few labels")
    pending = submission.paper
    page = desk.get(page_of(submission))
    assert f'value="merge:{there.pk}"' in page.content.decode()
    decision = {"decision": f"merge:{there.pk}", "word": "We have it."}
    desk.post(page_of(submission), decision | {"mark": page.context["mark"]})
    assert set(Submission.objects.values_list("paper", "state", "word")) == {(there.pk, "approved", "We have it.")}
    pending.refresh_from_db()
    assert (pending.merged_into, pending.status) == (there, "hidden")
    assert [entry.user.email for entry in LogEntry.objects.all()] == ["editor@example.org"]
    take_apart(Merge.objects.get())
    pending.refresh_from_db()
    assert (pending.merged_into, pending.status) == (None, "pending")


def test_what_is_no_choice_any_more_merges_nothing(alice: User, desk: Client) -> None:
    other = make_paper("Grasping cups")
    submission = submit(alice, "2505.00001", "Listening to birds with few labels")
    answer = desk.post(page_of(submission), {"decision": f"merge:{other.pk}", "word": ""})
    assert "Select a valid choice" in answer.content.decode()
    assert not Merge.objects.exists()


def test_merging_takes_the_right_to_merge(alice: User) -> None:
    there = make_paper("Listening to birds with very few labels")
    submission = submit(alice, "2505.00001", "Listening to birds with few labels")
    helper = make_reader("helper@example.org", is_staff=True)
    helper.user_permissions.set(helper_rights())
    client = Client()
    client.force_login(helper)
    assert f"merge:{there.pk}" not in client.get(page_of(submission)).content.decode()


def helper_rights() -> list[object]:
    from django.contrib.auth.models import Permission

    return list(Permission.objects.filter(codename__in=["view_submission", "change_submission"]))


# --- likely duplicates in the list -----------------------------------------------------------------------------------

LIST = reverse_lazy("admin:papers_submission_changelist")


def listed(desk: Client, submission: Submission) -> str:
    """The row of the list, without its tags."""
    rows = re.findall(r"<tr.*?</tr>", desk.get(LIST).content.decode(), re.DOTALL)
    (row,) = [row for row in rows if f"/submission/{submission.pk}/" in row]
    return " ".join(re.sub(r"<[^>]+>", " ", row).split())


@pytest.mark.parametrize(
    ("there", "n_found"),
    [
        ("Listening to birds with few labels", 1),  # the same title
        ("Listening to birds with very few labels", 1),  # a word, and titles alike
        ("Listening to whales", 0),  # a word only
    ],
)
def test_the_list_names_the_duplicates_that_the_page_names(alice: User, desk: Client, there: str, n_found: int) -> None:
    make_paper(there)
    make_paper("Grasping cups with few labels")
    submission = submit(alice, "2505.00001", "Listening to birds with few labels")
    assert [paper.title for paper, _reason in likely_duplicates(submission.paper)] == [there] * n_found
    row = listed(desk, submission)
    assert row.count(f"“{there}”") == n_found
    assert ("nothing found" in row) is (n_found == 0)
    assert "Grasping cups" not in row


def test_what_only_the_first_author_leads_to_is_named_too(alice: User, desk: Client) -> None:
    """One title shares no long word with the other: the list of the author's papers alone has it."""
    make_paper("Labelings of birds by ear, with few of them", authors=["Ada Lovelace"])
    submission = submit(alice, "2505.00001", "Labellings of birds by ear, with few of them")
    assert "nothing found" in listed(desk, submission)  # without authors there is nothing to go by
    make_paper_of(submission, "Ada Lovelace")
    assert "Labelings of birds by ear" in listed(desk, submission)


def make_paper_of(submission: Submission, name: str) -> None:
    author, _created = Author.objects.get_or_create(name=name)
    Authorship.objects.create(paper=submission.paper, author=author, position=0)


def test_what_is_decided_names_none_and_many_cost_as_many_queries_as_one(alice: User, bob: User, desk: Client) -> None:
    there = make_paper("Listening to birds with very few labels")
    decided = submit(bob, "2505.00001", "Listening to birds with few labels")
    decide(decided, "declined")
    assert there.title not in listed(desk, decided)
    counts = []
    for numbers in (range(2, 3), range(3, 10)):
        for number in numbers:
            submit(alice, f"2505.0000{number}", "Listening to birds with few labels")
        with CaptureQueriesContext(connection) as queries:
            desk.get(LIST)
        counts.append(len(queries))
    assert counts[0] == counts[1]


# --- two editors, who did what ---------------------------------------------------------------------------------------


def test_the_second_to_decide_is_told_by_whom_and_how(alice: User, desk: Client) -> None:
    submission = submit(alice, "2505.00001", "Birds")
    second = desk_of("second@example.org")
    mark = second.get(page_of(submission)).context["mark"]
    first = {"decision": "declined", "word": "Not ours."}
    desk.post(page_of(submission), first | {"mark": desk.get(page_of(submission)).context["mark"]})
    page = second.post(page_of(submission), {"decision": "approved", "word": "Fine.", "mark": mark})
    assert "editor@example.org changed this" in page.content.decode()
    submission.refresh_from_db()
    assert (submission.state, submission.word) == ("declined", "Not ours.")


def test_the_second_to_decide_from_the_list_is_told_too(alice: User, desk: Client) -> None:
    submission = submit(alice, "2505.00001", "Birds")
    listing = reverse("admin:papers_submission_changelist")
    desk.post(listing, {"action": "decline", "_selected_action": [submission.pk]})
    chosen = {"action": "approve", "_selected_action": [submission.pk]}
    page = desk_of("second@example.org").post(listing, chosen, follow=True).content.decode()
    assert "decided before you, by editor@example.org: not listed" in page
    assert decide(submission, "approved") == 0


def test_the_page_shows_who_did_what(alice: User, desk: Client) -> None:
    submission = submit(alice, "2505.00001", "Birds")
    page = desk.get(page_of(submission)).content.decode()
    assert "Nobody has done anything with it yet." in page
    desk.post(page_of(submission), {"decision": "approved", "word": "Thank you."})
    page = desk.get(page_of(submission)).content.decode()
    assert "editor@example.org: Decided: listed. Thank you." in page
    assert LogEntry.objects.count() == 1  # and no second one that says that a word was changed


def test_what_is_done_with_merges_and_sources_is_in_the_log_and_the_second_is_told(desk: Client) -> None:
    kept, absorbed = make_paper("Birds"), make_paper("Birds too")
    row = Merge.objects.create(kept=kept, absorbed=absorbed, reason="Alike")
    listing = reverse("admin:papers_merge_changelist")
    for action, said in [("merge_them", "1 pair done"), ("merge_them", "it is merged"), ("undo", "1 pair done"),
                         ("they_are_two", "it is taken apart again")]:  # fmt: skip
        answer = desk.post(listing, {"action": action, "_selected_action": [row.pk]}, follow=True)
        assert said in answer.content.decode(), action
    source = Source.objects.filter(enabled=False).first() or Source.objects.first()
    assert source is not None
    Source.objects.filter(pk=source.pk).update(enabled=False)
    desk.post(reverse("admin:papers_source_changelist"), {"action": "enable", "_selected_action": [source.pk]})
    assert [entry.get_change_message() for entry in LogEntry.objects.order_by("pk")] == [
        "Merged",
        "Taken apart",
        "Enabled",
    ]
