"""What a reference manager gets is what the catalogue has, and our own readers can take it back."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from papers.citing import bibtex, citation_key, family_and_given, ris
from papers.models import Paper
from tests.factories import make_paper

pytestmark = pytest.mark.django_db


def speech() -> Paper:
    paper = make_paper(
        "10% of labels & C_max: {Speech}",
        abstract="It costs $5.\nThen less.",
        authors=["Ludwig van Beethoven", "The ATLAS Collaboration", "Grace Hopper"],
        topics=["Speech"],
        published_at=datetime(2025, 5, 7, tzinfo=UTC),
        url="https://arxiv.org/abs/2505.00001",
    )
    paper.identifiers.create(scheme="arxiv", value="2505.00001")
    paper.identifiers.create(scheme="doi", value="10.1000/x_1")
    return paper


def test_bibtex_has_every_field_with_tex_s_characters_made_harmless() -> None:
    assert bibtex(speech()) == (
        "@misc{beethoven2025labels,\n"
        "  title = {{10\\% of labels \\& C\\_max: \\{Speech\\}}},\n"
        "  author = {van Beethoven, Ludwig and {The ATLAS Collaboration} and Hopper, Grace},\n"
        "  year = {2025},\n"
        "  month = {5},\n"
        "  url = {https://arxiv.org/abs/2505.00001},\n"
        "  abstract = {It costs \\$5. Then less.},\n"
        "  eprint = {2505.00001},\n"
        "  archiveprefix = {arXiv},\n"
        "  doi = {10.1000/x\\_1},\n"
        "}\n"
    )


def test_ris_has_a_line_a_fact() -> None:
    assert ris(speech()).split("\r\n") == [
        "TY  - GEN",
        "TI  - 10% of labels & C_max: {Speech}",
        "AU  - van Beethoven, Ludwig",
        "AU  - The ATLAS Collaboration",
        "AU  - Hopper, Grace",
        "PY  - 2025",
        "DA  - 2025/05/07",
        "AB  - It costs $5. Then less.",
        "DO  - 10.1000/x_1",
        "AN  - arXiv:2505.00001",
        "KW  - Speech",
        "UR  - https://arxiv.org/abs/2505.00001",
        "ER  - ",
        "",
    ]


def test_a_date_is_no_more_precise_than_the_catalogue() -> None:
    paper = make_paper(published_precision="year")
    assert "DA  - 2025\r\n" in ris(paper)
    assert "month" not in bibtex(paper)


def test_a_paper_without_authors_still_has_a_key() -> None:
    paper = make_paper("C++ und R")
    assert citation_key(paper) == f"2025{paper.pk}"


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("Ada Lovelace", ("Lovelace", "Ada")),
        ("Jan van der Berg", ("van der Berg", "Jan")),
        ("Martin Luther King Jr.", ("King Jr.", "Martin Luther")),
        ("Smith JA", ("Smith", "JA")),
        ("Plato", ("Plato", "")),
        ("DeepSeek Team", ("DeepSeek Team", "")),
        ("Van Morrison", ("Morrison", "Van")),
    ],
)
def test_names_are_split_as_reference_managers_sort_them(name: str, parts: tuple[str, str]) -> None:
    assert family_and_given(name) == parts


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=80))
def test_no_title_breaks_out_of_its_field(title: str) -> None:
    paper = Paper(pk=1, title=title, abstract=title, published_at=datetime(2025, 5, 7, tzinfo=UTC))
    paper._prefetched_objects_cache = {"authorships": [], "identifiers": [], "topics": []}
    entry = bibtex(paper)
    bare = entry.replace(r"\textbackslash{}", "").replace(r"\{", "").replace(r"\}", "")
    depth = 0
    for character in bare:
        depth += {"{": 1, "}": -1}.get(character, 0)
        assert depth >= 0
    assert depth == 0
    assert all(line == "" or line[2:6] == "  - " for line in ris(paper).split("\r\n"))
