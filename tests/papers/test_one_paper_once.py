"""The rules of docs/one-paper-once.md on pairs that are hard to tell apart, and merges that can be undone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from papers.authors import are_compatible, in_order, split_authors, surname
from papers.merging import (
    CannotMerge,
    Description,
    Same,
    are_declared_different,
    earlier_announcement,
    find_same,
    merge,
    propose_merges,
    take_apart,
    verdict,
)
from papers.models import Identifier, Merge, Paper
from papers.titles import numerals, title_key
from recommender.models import Interaction
from tests.factories import make_paper, make_reader

LOVELACE = ["Ada Lovelace", "Alan M. Turing"]


def described(title: str, authors: list[str] | None = None, year: int | None = 2024, *identifiers: str) -> Description:
    pairs = frozenset((scheme, value) for scheme, _, value in (name.partition(":") for name in identifiers))
    return Description(title, LOVELACE if authors is None else authors, year, pairs)


TITLE = "Deep networks for the analytical engine"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        # the same paper by its identifier, whatever else is said
        (described("Old title", [], 2020, "doi:10.1/x"), described("New title", None, 2024, "doi:10.1/x")),
        # a preprint and the article it became
        (described(TITLE, None, 2022, "arxiv:2201.00001"), described(TITLE, None, 2024, "doi:10.1038/s1")),
        # capitals, accents, dashes, quotes, Greek letters
        (described("The β-decay of Schrödinger’s cat"), described("The beta decay of Schrodinger's Cat")),
        # initials, and the surname first
        (described(TITLE, ["A. Lovelace", "A. M. Turing"]), described(TITLE, ["Lovelace Ada", "Turing AM"])),
        # half of the authors are named
        (described(TITLE, ["Ada Lovelace"]), described(TITLE, ["Ada Lovelace", "Alan Turing", "Grace Hopper"])),
    ],
)
def test_one_paper_under_two_descriptions(one: Description, other: Description) -> None:
    assert verdict(one, other).same is Same.YES
    assert verdict(other, one).same is Same.YES


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (described("On computable numbers, Part I"), described("On computable numbers, Part II")),
        (described("On computable numbers. 1"), described("On computable numbers. 2")),
        (described("GPT-3 writes proofs of theorems"), described("GPT-4 writes proofs of theorems")),
        (
            described("Notes on engines, first series"),
            described("Notes on engines, second series"),
        ),
        (described(TITLE), described(f"Erratum: {TITLE}")),
        (described(TITLE), described(f"Comment on “{TITLE}”")),
        (described(TITLE, ["Ada Lovelace"]), described(TITLE, ["Grace Hopper"])),
        # arXiv never gives one paper two ids, nor a publisher two DOIs
        (described(TITLE, None, 2024, "arxiv:2401.00001"), described(TITLE, None, 2024, "arxiv:2402.00001")),
        (described(TITLE, None, 2024, "doi:10.1101/1"), described(TITLE, None, 2024, "doi:10.1101/2")),
        (described("Editorial"), described("Editorial")),
        (described("Introduction to the special issue"), described("Introduction to the special issue")),
        (described("Learning in C"), described("Learning in C++")),
    ],
)
def test_two_papers_however_alike(one: Description, other: Description) -> None:
    assert verdict(one, other).same is not Same.YES
    assert verdict(other, one).same is not Same.YES


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (described(TITLE, []), described(TITLE)),
        (described(TITLE, None, 2001), described(TITLE, None, 2024)),
        (described(TITLE, None, 2024, "doi:10.1145/1"), described(TITLE, None, 2024, "doi:10.1007/1")),
        (described(TITLE), described("Deep network for the analytical engines")),
    ],
)
def test_what_only_an_editor_can_tell(one: Description, other: Description) -> None:
    assert verdict(one, other).same is Same.MAYBE
    assert verdict(other, one).same is Same.MAYBE


def test_likeness_alone_neither_merges_nor_separates() -> None:
    """Part I and Part II are 98.6 alike; what rapidfuzz says of them changes nothing."""
    assert verdict(described(f"{TITLE} I"), described(f"{TITLE} II")).same is Same.NO


@pytest.mark.parametrize(
    ("title", "numbers"),
    [
        ("Part II of IV", ["2", "4"]),
        ("3D vision", ["3"]),
        ("A second look", ["2"]),
        ("Mix and civic", []),
        ("XIX", ["19"]),
    ],
)
def test_numerals_are_read_however_they_are_written(title: str, numbers: list[str]) -> None:
    assert numerals(title) == numbers


def test_a_title_without_a_word_has_no_key() -> None:
    assert title_key("…!?") == ""
    assert title_key("C++ templates") != title_key("C templates")


@pytest.mark.parametrize(
    ("text", "authors"),
    [
        ("Borland, Alexander", ["Alexander Borland"]),
        ("Smith J, Lee K", ["Smith J", "Lee K"]),
        ("van der Berg, J.", ["J. van der Berg"]),
        ("{The X Collaboration}", ["The X Collaboration"]),
        ("{CMS and ATLAS Collaborations} and Doe, Jane", ["CMS and ATLAS Collaborations", "Jane Doe"]),
        ("Jane Doe, Rick Roe and Ann Lee", ["Jane Doe", "Rick Roe", "Ann Lee"]),
        ("Doe, Jane and Roe, Rick and others", ["Jane Doe", "Rick Roe"]),
        ("Smith, J., Lee, K.", ["J. Smith", "K. Lee"]),
        ("A. Einstein; B. Podolsky; and N. Rosen", ["A. Einstein", "B. Podolsky", "N. Rosen"]),
        ("King, Jr., Martin Luther", ["Martin Luther King Jr."]),
        ("García Márquez, Gabriel", ["Gabriel García Márquez"]),
        ("Madonna", ["Madonna"]),
        (" , ;", []),
    ],
)
def test_authors_written_as_one_string(text: str, authors: list[str]) -> None:
    assert split_authors(text) == authors


def test_surnames_of_different_spellings_agree() -> None:
    assert {surname(name) for name in ("José García", "Jose Garcia", "J. GARCÍA", "García JM")} == {"garcia"}
    assert in_order("  Lovelace ,  Ada ") == "Ada Lovelace"
    assert not are_compatible([], ["Ada Lovelace"])


# --- in the catalogue ------------------------------------------------------------------------------------------------


def known(title: str, *identifiers: str, **fields: Any) -> Paper:
    paper = make_paper(title, authors=LOVELACE, **fields)
    paper.identifiers.all().delete()
    for scheme, _, value in (name.partition(":") for name in identifiers):
        Identifier.objects.create(paper=paper, scheme=scheme, value=value)
    return paper


@pytest.mark.django_db
def test_a_paper_is_found_again_by_its_title_and_authors() -> None:
    paper = known(TITLE, "arxiv:2401.00001")
    told = [described(TITLE.upper(), None, 2025, "doi:10.1038/s1"), described(TITLE, ["Grace Hopper"]), described("…")]
    assert find_same(told) == [paper, None, None]


@pytest.mark.django_db
def test_a_merge_moves_reads_saves_and_votes_and_taking_apart_gives_all_back() -> None:
    kept = known(TITLE, "arxiv:2401.00001", topics=["Engines"], published_at=datetime(2024, 1, 3, tzinfo=UTC))
    absorbed = known(TITLE, "doi:10.1038/s1", topics=["Machines"], abstract="We show it.", upvotes=5)
    alice, bob = make_reader(), make_reader()
    for user, paper, kind in [(alice, absorbed, "read"), (alice, absorbed, "save"), (bob, kept, "save"),
                              (bob, absorbed, "save"), (bob, absorbed, "upvote")]:  # fmt: skip
        Interaction.objects.create(user=user, paper=paper, kind=kind)
    before = state_of(kept, absorbed)

    done = merge(kept, absorbed, "the same title and authors")

    kept.refresh_from_db()
    absorbed.refresh_from_db()
    assert {(row.user, row.kind) for row in kept.interactions.all()} == {
        (alice, "read"), (alice, "save"), (bob, "save"), (bob, "upvote"),
    }  # fmt: skip
    assert (kept.abstract, kept.upvotes) == ("We show it.", 5)
    assert {topic.name for topic in kept.topics.all()} == {"Engines", "Machines"}
    assert {"arxiv:2401.00001", "doi:10.1038/s1"} <= {str(found) for found in kept.identifiers.all()}
    assert (absorbed.merged_into, absorbed.is_visible()) == (kept, False)
    assert kept.published_at == datetime(2024, 1, 3, tzinfo=UTC)

    take_apart(done)

    assert state_of(kept, absorbed) == before
    assert are_declared_different(kept, absorbed)


def state_of(*papers: Paper) -> list[Any]:
    rows = []
    for paper in papers:
        paper.refresh_from_db()
        fields = {field.attname: getattr(paper, field.attname) for field in Paper._meta.concrete_fields}
        fields.pop("updated_at")
        related = [
            sorted(paper.interactions.values_list("user_id", "kind")),
            sorted(paper.identifiers.values_list("scheme", "value")),
            sorted(paper.topics.values_list("name", flat=True)),
            sorted(paper.authorships.values_list("position", "author__name")),
        ]
        rows.append((fields, related))
    return rows


@pytest.mark.django_db
def test_what_an_editor_changed_after_a_merge_survives_its_undoing() -> None:
    kept, absorbed = known(TITLE), known(TITLE, abstract="From the journal.")
    done = merge(kept, absorbed, "by hand")
    Paper.objects.filter(pk=kept.pk).update(abstract="Written by an editor.")
    take_apart(done)
    kept.refresh_from_db()
    assert kept.abstract == "Written by an editor."


@pytest.mark.django_db
def test_a_merge_is_not_done_twice_nor_with_itself_nor_undone_twice() -> None:
    kept, absorbed = known(TITLE), known(TITLE)
    done = merge(kept, absorbed, "x")
    for one, other in ((kept, absorbed), (absorbed, kept), (kept, kept)):
        with pytest.raises(CannotMerge):
            merge(one, other, "x")
    take_apart(done)
    with pytest.raises(CannotMerge):
        take_apart(done)


@pytest.mark.django_db
def test_a_merged_paper_is_as_old_as_its_first_announcement() -> None:
    kept = known(TITLE, published_at=datetime(2024, 6, 4, tzinfo=UTC))
    older = known(TITLE, published_at=datetime(2023, 6, 4, tzinfo=UTC))
    guessed = known(TITLE, published_at=datetime(2023, 6, 1, tzinfo=UTC), announcement="unknown")
    merge(kept, older, "x")
    merge(kept, guessed, "x")
    kept.refresh_from_db()
    assert (kept.published_at, kept.announcement) == (datetime(2023, 6, 4, tzinfo=UTC), "seen")


@pytest.mark.parametrize(
    ("known", "told", "right"),
    [
        (("2024-06-05", "day", "seen"), ("2024-06-04", "day", "seen"), "told"),
        (("2024-06-04", "day", "seen"), ("2024-06-05", "day", "seen"), "known"),
        (("2024-06-04", "day", "estimated"), ("2024-06-05", "day", "seen"), "told"),  # held by moderators
        (("2024-06-05", "day", "seen"), ("2024-06-04", "day", "estimated"), "known"),
        (("2024-06-05", "day", "estimated"), ("2024-06-04", "day", "estimated"), "known"),
        (("2024-06-05", "day", "seen"), ("2022-03-01", "day", "estimated"), "told"),  # the preprint, met later
        (("2024-06-05", "day", "seen"), ("2024-01-01", "year", "unknown"), "known"),
        (("2024-06-05", "day", "seen"), ("2021-01-01", "year", "unknown"), "told"),
        (("2024-01-01", "year", "unknown"), ("2024-06-05", "day", "seen"), "told"),  # imported, announced afterwards
        (("2021-01-01", "year", "unknown"), ("2024-06-05", "day", "seen"), "known"),
    ],
)
def test_the_first_announcement_counts_and_guesses_yield(
    known: tuple[str, str, str], told: tuple[str, str, str], right: str
) -> None:
    def dated(day: str, precision: str, announcement: str) -> Paper:
        at = datetime.fromisoformat(day).replace(tzinfo=UTC)
        return Paper(published_at=at, published_precision=precision, announcement=announcement)

    assert bool(earlier_announcement(dated(*known), dated(*told))) is (right == "told")


@pytest.mark.django_db
def test_likely_pairs_are_proposed_once_and_declined_for_good() -> None:
    known("Deep network for the analytical engines")
    known("Something else entirely by the same two")
    paper = known(TITLE)
    assert propose_merges(paper) == 1
    assert propose_merges(paper) == 0
    Merge.objects.update(state=Merge.State.DECLINED)
    assert propose_merges(paper) == 0
    assert Merge.objects.count() == 1


@pytest.mark.django_db
def test_papers_of_more_authors_than_sqlite_compares_at_once_are_found_again() -> None:
    names = [f"Ada Author{number}" for number in range(1100)]
    paper = make_paper("Observation of a new particle", authors=names)
    paper.identifiers.all().delete()
    assert find_same([described("Observation of a new particle", names[:3])]) == [paper]
    assert propose_merges(make_paper("Observation of a new particles", authors=names)) == 1
