"""A reader's library: looking through it, tags and notes, taking it along."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from accounts import privacy
from accounts.models import User
from papers.models import Paper
from recommender.interactions import record
from recommender.library import annotate, find, parse_tags, shelf
from recommender.library_import import preview
from recommender.models import Note, Tag
from tests.factories import make_paper, make_reader

pytestmark = pytest.mark.django_db


@pytest.fixture
def signed_in(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


def keep(user: User, title: str, kind: str = "save", tags: str = "", note: str = "", **fields: object) -> Paper:
    paper = make_paper(title, **fields)  # type: ignore[arg-type]
    record(user, paper, kind)
    annotate(user, paper, parse_tags(tags), note)
    return paper


def exported(client: Client, query: str) -> str:
    response = client.get(f"/library/export.{query}")
    assert response.status_code == 200
    return b"".join(response).decode()  # type: ignore[arg-type]


def titles(client: Client, query: str) -> set[str]:
    return {entry["title"] for entry in json.loads(exported(client, f"json?{query}"))}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("listening", {"Listening to birds"}),
        ("LISTENING birds", {"Listening to birds"}),
        ("lovelace", {"Listening to birds"}),
        ("abstract-word", {"Grasping cups"}),
        ("thesis", {"Grasping cups"}),
        ("reread", {"Listening to birds"}),
        ("lovelace cups", set()),
        ("2505.00001", {"Grasping cups"}),
        ("https://arxiv.org/abs/2505.00001v2", {"Grasping cups"}),
        ("%", set()),
        ("_", set()),
        ("%00", {"Listening to birds", "Grasping cups"}),
    ],
)
def test_every_word_is_looked_for_in_text_authors_tags_and_notes(
    signed_in: Client, alice: User, bob: User, query: str, expected: set[str]
) -> None:
    keep(alice, "Listening to birds", tags="reread", authors=["Ada Lovelace"])
    cups = keep(alice, "Grasping cups", note="For the thesis", abstract="An abstract-word.")
    cups.identifiers.create(scheme="arxiv", value="2505.00001")
    annotate(bob, cups, ["lovelace"], "reread")
    keep(bob, "Listening, lovelace, abstract-word, thesis, reread")
    assert titles(signed_in, f"q={query}") == expected


def test_an_identifier_finds_only_what_is_in_the_library(signed_in: Client, alice: User) -> None:
    make_paper("Elsewhere").identifiers.create(scheme="arxiv", value="2505.00001")
    keep(alice, "Kept")
    assert titles(signed_in, "q=2505.00001") == set()


def test_tags_gather_papers_from_every_shelf(signed_in: Client, alice: User) -> None:
    keep(alice, "Saved", tags="maths")
    keep(alice, "Read", "read", tags="maths, to read")
    keep(alice, "Untagged")
    html = signed_in.get("/library/").content.decode()
    assert "/library/?shelf=all&amp;tag=to%20read" in html
    assert titles(signed_in, "shelf=all&tag=maths") == {"Saved", "Read"}
    assert titles(signed_in, "shelf=all&tag=math") == set()


def test_a_paper_that_is_let_go_but_has_a_note_stays_under_everything(signed_in: Client, alice: User) -> None:
    paper = keep(alice, "Let go", note="But remember this.")
    alice.interactions.all().delete()
    assert list(shelf(alice, "saved")) == []
    assert list(shelf(alice, "all")) == [paper]


def test_tags_and_notes_are_written_changed_and_taken_away(signed_in: Client, alice: User) -> None:
    paper = keep(alice, "Kept")
    url = reverse("library_annotate", args=[paper.pk])
    signed_in.post(url, {"tags": "To Read,  maths, MATHS,,", "note": " Look at <b>lemma 2</b>. "})
    assert list(Tag.objects.values_list("name", flat=True)) == ["maths", "to read"]
    html = signed_in.get("/library/").content.decode()
    assert "Look at &lt;b&gt;lemma 2&lt;/b&gt;." in html
    signed_in.post(url, {"tags": "maths"})
    assert list(Tag.objects.values_list("name", flat=True)) == ["maths"]
    assert not Note.objects.exists()


@pytest.mark.parametrize(
    "data",
    [{"tags": "x" * 41}, {"tags": ",".join(f"tag {n}" for n in range(21))}, {"note": "x" * 10_001}],
)
def test_too_much_is_refused_with_the_reason_and_nothing_is_lost(
    signed_in: Client, alice: User, data: dict[str, str]
) -> None:
    paper = keep(alice, "Kept", tags="mine", note="Mine")
    response = signed_in.post(reverse("library_annotate", args=[paper.pk]), data, follow=True)
    assert "at most" in response.content.decode()
    assert (Tag.objects.get().name, Note.objects.get().text) == ("mine", "Mine")


def test_only_what_is_in_the_library_takes_a_note(signed_in: Client, bob: User) -> None:
    for paper in (make_paper(), keep(bob, "Bob's"), make_paper(status="hidden")):
        assert signed_in.post(reverse("library_annotate", args=[paper.pk]), {"note": "x"}).status_code == 404
    assert not Note.objects.exists()


@pytest.mark.parametrize("back", ["https://evil.example.org/", "//evil.example.org", ""])
def test_nobody_is_sent_elsewhere_after_a_note(signed_in: Client, alice: User, back: str) -> None:
    url = reverse("library_annotate", args=[keep(alice, "Kept").pk])
    assert signed_in.post(url, {"next": back})["Location"] == "/library/"
    assert signed_in.post(url, {"next": "/library/?page=2"})["Location"] == "/library/?page=2"


# --- taking it along -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["bib", "ris", "json", "csv"])
def test_what_is_taken_along_can_be_brought_back(signed_in: Client, alice: User, form: str) -> None:
    """Each format is read again by the site's own import."""
    for number in range(3):
        paper = keep(
            alice,
            f"Speech in noise, part {number}",
            authors=["Ada Lovelace", "Ludwig van Beethoven"],
            tags="maths, to read",
            note="50% of this & that",
            abstract="x < y & z, 10% of {sets}.",
        )
        paper.identifiers.create(scheme="doi", value=f"10.1234/x.{number}")
    found = preview(exported(signed_in, f"{form}?shelf=saved"))
    assert found.refused == []
    assert {paper.title for paper in found.matched} == {f"Speech in noise, part {n}" for n in range(3)}


def test_entries_of_one_author_year_and_word_have_keys_of_their_own(signed_in: Client, alice: User) -> None:
    for number in range(3):
        keep(alice, f"Speech {number}", authors=["Ada Lovelace"])
    text = exported(signed_in, "bib")
    assert [line for line in text.splitlines() if line.startswith("@")] == [
        "@misc{lovelace2025speech,",
        "@misc{lovelace2025speech-2,",
        "@misc{lovelace2025speech-3,",
    ]


def test_a_spreadsheet_runs_no_title(signed_in: Client, alice: User) -> None:
    keep(alice, '=HYPERLINK("https://evil.example.org")', note="-1, he said")
    (row,) = csv.DictReader(exported(signed_in, "csv").removeprefix("\ufeff").splitlines())
    assert row["title"].startswith("'=HYPERLINK")
    assert row["note"] == "'-1, he said"


@pytest.mark.parametrize(("form", "empty"), [("json", "[]\n"), ("bib", ""), ("ris", "")])
def test_an_empty_shelf_is_an_empty_file(signed_in: Client, form: str, empty: str) -> None:
    assert exported(signed_in, form) == empty


def test_a_date_is_exported_as_precisely_as_it_is_known(signed_in: Client, alice: User) -> None:
    keep(alice, "Long ago", published_precision="year", published_at=datetime(1936, 1, 1, tzinfo=UTC))
    assert json.loads(exported(signed_in, "json"))[0]["published"] == "1936"


def test_nobody_takes_anothers_library_along(client: Client, alice: User) -> None:
    assert client.get("/library/export.json")["Location"].startswith("/accounts/login/")


def test_twenty_papers_are_exported_with_as_many_queries_as_one(signed_in: Client, alice: User) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as context:
            exported(signed_in, "json")
        return len(context)

    keep(alice, "One", tags="x", topics=["Speech"], authors=["A"])
    one = queries()
    for number in range(19):
        keep(alice, f"More {number}", tags="x", topics=["Speech"], authors=[f"B {number}"])
    assert queries() == one


# --- a reader's own ---------------------------------------------------------------------------------------------------


def test_tags_and_notes_are_exported_and_erased_with_the_reader(alice: User, bob: User) -> None:
    for reader in (alice, bob):
        keep(reader, "Kept", tags="maths", note=f"Of {reader.email}")
    held = privacy.export(alice)["recommender"]
    assert [tag["name"] for tag in held["tags"]] == ["maths"]
    assert [note["text"] for note in held["notes"]] == ["Of alice@example.org"]
    privacy.erase(alice)
    assert list(Note.objects.values_list("user", flat=True)) == [bob.pk]
    assert list(Tag.objects.values_list("user", flat=True)) == [bob.pk]


class AnyQuery(TestCase):
    @given(st.text(max_size=60), st.text(max_size=60))
    def test_any_text_is_a_query(self, query: str, tag: str) -> None:
        self.client.force_login(make_reader())
        assert self.client.get("/library/", {"q": query, "tag": tag}).status_code == 200

    @given(st.text(max_size=200))
    def test_a_word_of_a_note_finds_it(self, text: str) -> None:
        reader = make_reader()
        paper = keep(reader, "A paper", note=text.replace("\x00", " "))
        words = text.replace("\x00", " ").split()[:3]
        assert paper in find(reader, shelf(reader, "all"), " ".join(words)) or not words
