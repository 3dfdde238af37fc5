"""Submitting a paper: the reader's page, the editors' queue, limits."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import privacy
from accounts.models import User
from papers.importing import Report
from papers.ingest import FROM_A_LIBRARY, take_lines
from papers.jsonlines import Line, Place
from papers.likely_duplicates import likely_duplicates
from papers.models import Paper, Submission
from papers.submissions import A_DAY, WAITING, decide, submit
from tests.factories import make_paper, make_reader

pytestmark = pytest.mark.django_db


@pytest.fixture
def signed_in(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


@pytest.fixture
def desk(db: None) -> Client:
    desk = Client()
    desk.force_login(User.objects.create_superuser("editor@example.org"))
    return desk


def post(client: Client, identifier: str, title: str = "Birds and their songs", **more: str) -> str:
    response = client.post("/submit/", {"identifier": identifier, "title": title, **more}, follow=True)
    assert response.status_code == 200
    return response.content.decode()


def waiting(user: User, **fields: Any) -> Submission:
    return Submission.objects.create(paper=make_paper(status="pending", **fields), submitter=user)


@pytest.mark.parametrize(
    ("text", "scheme", "value", "url"),
    [
        ("arXiv:2505.00001v2", "arxiv", "2505.00001", "https://arxiv.org/abs/2505.00001"),
        ("https://arxiv.org/pdf/2505.00001", "arxiv", "2505.00001", "https://arxiv.org/abs/2505.00001"),
        ("https://doi.org/10.1234/ABC", "doi", "10.1234/abc", "https://doi.org/10.1234/abc"),
        ("https://lab.example.org/p?id=1", "other", "https://lab.example.org/p?id=1", "https://lab.example.org/p?id=1"),
    ],
)
def test_an_id_or_address_becomes_a_pending_paper_in_the_queue(
    signed_in: Client, alice: User, text: str, scheme: str, value: str, url: str
) -> None:
    html = post(signed_in, text, r"Birds \& their {S}ongs", reason="For the method.")
    assert "waiting for the editors" in html
    submission = Submission.objects.get()
    paper = submission.paper
    assert (submission.submitter, submission.reason, paper.title) == (alice, "For the method.", "Birds & their Songs")
    assert (paper.status, paper.announcement, paper.url) == ("pending", "unknown", url)
    assert list(paper.identifiers.values_list("scheme", "value")) == [(scheme, value)]


@pytest.mark.parametrize(
    ("text", "title"),
    [("", "A title"), ("2505.00001", ""), ("2505.00001", "{}"), ("a paper I saw", "A title"), ("http://", "A title"),
     ("javascript:alert(1)", "A title"), ("https://localhost/x", "A title"), ("https://x.org/" + "x" * 400, "A title"),
     ("http://[", "A title"), ("10.1234", "A title")],
)  # fmt: skip
def test_what_names_no_paper_is_refused_with_what_to_do(signed_in: Client, text: str, title: str) -> None:
    assert "errorlist" in post(signed_in, text, title)
    assert not Paper.objects.exists()


def test_what_is_here_already_is_shown_instead(signed_in: Client) -> None:
    paper = make_paper("Birds")
    paper.identifiers.create(scheme="arxiv", value="2505.00001")
    assert f'href="{paper.get_absolute_url()}"' in post(signed_in, "2505.00001")
    assert not Submission.objects.exists()


def test_what_the_editors_took_out_stays_out(signed_in: Client) -> None:
    for status in ("hidden", "withdrawn"):
        paper = make_paper("Birds", status=status, status_reason="An error.")
        paper.identifiers.create(scheme="arxiv", value="2505.00001")
        assert "do not list it" in post(signed_in, "2505.00001")
        paper.delete()


def test_what_came_with_a_library_can_be_submitted(signed_in: Client) -> None:
    paper = make_paper("Birds", status="hidden", status_reason=FROM_A_LIBRARY)
    paper.identifiers.create(scheme="arxiv", value="2505.00001")
    post(signed_in, "2505.00001")
    paper.refresh_from_db()
    assert paper.status == "pending"
    assert Paper.objects.count() == 1


def test_two_readers_wait_for_one_answer(alice: User, bob: User) -> None:
    first, second = submit(alice, "2505.00001", "Birds"), submit(bob, "arXiv:2505.00001", "Birds!")
    assert first.paper == second.paper
    assert decide(first, "approved", "Fine.") == 2
    assert set(Submission.objects.values_list("state", "word")) == {("approved", "Fine.")}


def test_one_reader_submits_a_paper_once(signed_in: Client) -> None:
    post(signed_in, "2505.00001")
    assert "submitted this paper already" in post(signed_in, "2505.00001")
    assert Submission.objects.count() == 1


def test_a_reader_submits_so_many_a_day(signed_in: Client, alice: User) -> None:
    for number in range(A_DAY):
        submit(alice, f"2505.0000{number}", "Birds")
    assert "Come back tomorrow" in post(signed_in, "2505.00099")
    Submission.objects.update(submitted_at=timezone.now() - timedelta(days=1, minutes=1))
    assert "waiting for the editors" in post(signed_in, "2505.00099")


def test_a_reader_has_so_many_waiting(signed_in: Client, alice: User) -> None:
    for _ in range(WAITING):
        waiting(alice)
    Submission.objects.update(submitted_at=timezone.now() - timedelta(days=9))
    assert "catch up" in post(signed_in, "2505.00099")


def test_nobody_sees_a_pending_paper_nor_anothers_submissions(client: Client, alice: User, bob: User) -> None:
    paper = submit(alice, "2505.00001", "Alice's find").paper
    client.force_login(bob)
    assert client.get(paper.get_absolute_url()).status_code == 404
    for url in ("/", "/submit/", "/search/?q=find"):
        assert b"Alice" not in client.get(url).content


# --- the queue -------------------------------------------------------------------------------------------------------


def decided(desk: Client, submission: Submission, **data: str) -> str:
    url = reverse("admin:papers_submission_change", args=[submission.pk])
    return desk.post(url, data, follow=True).content.decode()


@pytest.mark.parametrize(("decision", "status"), [("approved", "published"), ("declined", "hidden")])
def test_an_editor_decides_with_a_word(desk: Client, alice: User, decision: str, status: str) -> None:
    submission = waiting(alice)
    decided(desk, submission, decision=decision, word="Thank you.")
    submission.refresh_from_db()
    assert (submission.state, submission.word, submission.paper.status) == (decision, "Thank you.", status)
    assert submission.decided_at is not None


def test_a_word_without_a_decision_is_not_lost_silently(desk: Client, alice: User) -> None:
    submission = waiting(alice)
    assert "choose one" in decided(desk, submission, decision="", word="Hm.")
    submission.refresh_from_db()
    assert (submission.state, submission.word) == ("waiting", "")


def test_a_decision_stands(desk: Client, alice: User) -> None:
    submission = waiting(alice)
    decide(submission, "declined", "No.")
    decided(desk, submission, decision="approved", word="Yes.")
    submission.refresh_from_db()
    assert (submission.state, submission.word, submission.paper.status) == ("declined", "No.", "hidden")


@pytest.mark.parametrize(("action", "state"), [("approve", "approved"), ("decline", "declined")])
def test_several_are_decided_at_once(desk: Client, alice: User, action: str, state: str) -> None:
    chosen = [waiting(alice).pk for _ in range(3)]
    desk.post(reverse("admin:papers_submission_changelist"), {"action": action, "_selected_action": chosen})
    assert set(Submission.objects.values_list("state", flat=True)) == {state}


def test_deciding_needs_the_right_to(client: Client, alice: User) -> None:
    submission = waiting(alice)
    client.force_login(make_reader(is_staff=True))
    url = reverse("admin:papers_submission_change", args=[submission.pk])
    assert client.post(url, {"decision": "approved"}).status_code == 403


def test_an_editor_sees_likely_duplicates(desk: Client, alice: User) -> None:
    make_paper("Listening to birds with very few labels", authors=["Ada Lovelace"])
    make_paper("Grasping cups with very few labels")
    submission = submit(alice, "2505.00001", "Listening to birds with few labels")
    ((paper, reason),) = likely_duplicates(submission.paper)
    assert paper.title == "Listening to birds with very few labels"
    assert "titles alike" in reason
    html = desk.get(reverse("admin:papers_submission_change", args=[submission.pk])).content.decode()
    assert "Listening to birds with very few labels" in html
    assert "Grasping cups" not in html


def test_a_source_that_brings_the_paper_answers_for_the_editors(signed_in: Client, alice: User) -> None:
    paper = submit(alice, "2505.00001", "Birds").paper
    record = {"id": "2505.00001", "title": "Birds and songs", "published_at": "2025-05-02", "status": "published"}
    take_lines([Line(Place(Path("arxiv"), 1), record)], Report())
    paper.refresh_from_db()
    assert (paper.status, paper.title) == ("published", "Birds and songs")
    assert f'href="{paper.get_absolute_url()}"' in signed_in.get("/submit/").content.decode()


def test_who_submitted_is_exported_and_forgotten_with_the_reader(alice: User) -> None:
    submission = submit(alice, "2505.00001", "Birds", "Because.")
    (held,) = privacy.export(alice)["papers"]["submissions"]
    assert (held["paper__title"], held["reason"]) == ("Birds", "Because.")
    privacy.erase(alice)
    assert not Submission.objects.exists()
    assert Paper.objects.get() == submission.paper
