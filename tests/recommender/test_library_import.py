"""A reader brings a library along: what was understood is shown first, then counts as interactions."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.models import User
from papers.importing import Report
from papers.ingest import take_lines
from papers.jsonlines import Line, Place
from papers.merging import merge
from papers.models import Paper
from recommender.library import shelf
from recommender.library_import import MAX_ENTRIES, CannotImport, Refused, apply, preview
from recommender.models import Interaction
from tests.factories import make_paper

pytestmark = pytest.mark.django_db

BIBTEX = """
@article{a, title={Deep networks for the analytical engine}, author={Lovelace, Ada}, year=2024, eprint={2401.00001}}
@article{b, title={A note on sorting by engines}, author={Hopper, Grace and Turing, Alan}, year=2020}
@article{c, title={Unheard of in the catalogue}, author={Noether, Emmy}, year=1921, doi={10.1234/unheard}}
@article{d, title={never closed}
@article{e, title={Deep networks for the analytical engine}, author={Lovelace, Ada}, year=2024, eprint={2401.00001v2}}
"""


@pytest.fixture
def known() -> list[Paper]:
    engine = make_paper("Deep networks for the analytical engine")
    engine.identifiers.create(scheme="arxiv", value="2401.00001")
    published_at = datetime(2019, 1, 1, tzinfo=UTC)
    sorting = make_paper("A Note on Sorting by Engines", authors=["G. Hopper", "A. Turing"], published_at=published_at)
    sorting.identifiers.all().delete()
    return [engine, sorting]


def test_a_preview_says_what_was_understood_and_changes_nothing(known: list[Paper]) -> None:
    found = preview(BIBTEX)
    assert found.kind == "BibTeX"
    assert found.matched == known
    assert [record["title"] for record in found.to_add] == ["Unheard of in the catalogue"]
    assert found.refused == [Refused("@article{d, title={never closed}", "the entry never ends")]
    assert Paper.objects.count() == 2


def test_bare_ids_of_unknown_papers_are_named(known: list[Paper]) -> None:
    found = preview("https://arxiv.org/abs/2401.00001\n10.1234/x\nhello")
    assert (found.matched, found.not_found) == (known[:1], ["10.1234/x"])
    assert [refused.entry for refused in found.refused] == ["hello"]


def test_what_was_understood_counts_once_as_imported(alice: User, known: list[Paper]) -> None:
    assert apply(alice, preview(BIBTEX)) == 3
    assert apply(alice, preview(BIBTEX)) == 0
    rows = Interaction.objects.filter(user=alice)
    assert {(row.kind, row.source, row.at_is_known) for row in rows} == {("import", "import", False)}
    assert {row.paper.title for row in rows} == {*(paper.title for paper in known), "Unheard of in the catalogue"}


def test_a_paper_that_only_a_library_names_is_known_to_its_reader_and_never_new(alice: User) -> None:
    apply(alice, preview(BIBTEX))
    paper = Paper.objects.get(identifiers__value="10.1234/unheard")
    assert (paper.announcement, paper.is_visible(), paper.published_at.year) == ("unknown", False, 1921)
    assert paper in shelf(alice, "imported")


def test_a_library_rewrites_nothing_in_the_catalogue(alice: User, known: list[Paper]) -> None:
    apply(alice, preview("@misc{x, title={Spam}, abstract={Buy now}, eprint={2401.00001}}"))
    known[0].refresh_from_db()
    assert (known[0].title, known[0].abstract) == ("Deep networks for the analytical engine", "")


def test_a_source_that_tells_of_it_later_shows_it_to_everybody(alice: User) -> None:
    apply(alice, preview(BIBTEX))
    record = {"identifiers": ["10.1234/unheard"], "title": "Unheard of, in print", "published_at": "1921-05-01",
              "announcement": "seen", "status": "published"}  # fmt: skip
    take_lines([Line(Place(Path("source"), 1), record)], Report())
    paper = Paper.objects.get(identifiers__value="10.1234/unheard")
    assert (paper.title, paper.is_visible()) == ("Unheard of, in print", True)


@pytest.mark.parametrize("content", ["", "Dear reader", b"\x00\xff", "x" * 3_000_000])
def test_what_is_no_library_is_told_in_one_line(content: str | bytes) -> None:
    with pytest.raises(CannotImport) as error:
        preview(content)
    assert str(error.value).endswith(".")


def test_a_library_of_any_length_is_taken_in_parts() -> None:
    with pytest.raises(CannotImport, match="in parts"):
        preview("\n".join(f"10.1234/{number}" for number in range(MAX_ENTRIES + 1)))


def test_the_page_shows_the_preview_and_then_takes_it(client: Client, alice: User, known: list[Paper]) -> None:
    client.force_login(alice)
    assert "BibTeX" in client.get("/library/import/").content.decode()
    shown = client.post("/library/import/", {"text": BIBTEX}).content.decode()
    assert "A Note on Sorting by Engines" in shown
    assert "Unheard of in the catalogue" in shown
    assert "the entry never ends" in shown
    assert Interaction.objects.count() == 0
    answer = client.post("/library/import/", {"text": BIBTEX, "apply": "1"})
    assert answer.headers["Location"] == "/library/?shelf=imported"
    assert Interaction.objects.filter(user=alice).count() == 3
    unheard = Paper.objects.get(identifiers__value="10.1234/unheard")
    assert client.get(unheard.get_absolute_url()).status_code == 200


def test_others_do_not_see_what_a_reader_uploaded(client: Client, alice: User, bob: User) -> None:
    apply(alice, preview(BIBTEX))
    client.force_login(bob)
    paper = Paper.objects.get(identifiers__value="10.1234/unheard")
    assert client.get(paper.get_absolute_url()).status_code == 404


def test_a_file_is_read_like_pasted_text_and_a_bad_one_is_told(client: Client, alice: User) -> None:
    client.force_login(alice)
    upload = SimpleUploadedFile("library.ris", "TY  - JOUR\nTI  - Čapek’s engines\nER  - ".encode("utf-16"))
    assert "Čapek’s engines" in client.post("/library/import/", {"file": upload}).content.decode()
    assert "could not be read" in client.post("/library/import/", {"text": "Dear reader"}).content.decode()
    assert "Paste something" in client.post("/library/import/", {}).content.decode()


def test_a_merged_paper_leads_to_the_one_it_became(client: Client) -> None:
    kept, absorbed = make_paper(), make_paper()
    merge(kept, absorbed, "one paper")
    assert client.get(absorbed.get_absolute_url()).headers["Location"] == kept.get_absolute_url()
