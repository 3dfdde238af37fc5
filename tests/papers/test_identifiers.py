"""One name, one paper, however people write the name."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from papers.identifiers import ARXIV, DOI, OTHER, VALUES_A_QUERY, Identified, find_papers, parse_identifier
from papers.models import Identifier
from tests.factories import make_paper


@pytest.mark.parametrize(
    ("text", "value", "version"),
    [
        ("2301.00001", "2301.00001", None),
        ("arXiv:2301.00001", "2301.00001", None),
        ("ARXIV: 2301.00001v12", "2301.00001", 12),
        ("arXiv:2401.00001 [cs.LG]", "2401.00001", None),
        ("arXiv:2401.00001v2 [cs.LG, stat.ML]", "2401.00001", 2),
        ("  0704.0001v1\n", "0704.0001", 1),
        ("hep-th/9901001", "hep-th/9901001", None),
        ("HEP-TH/9901001v3", "hep-th/9901001", 3),
        ("math.GT/0309136", "math/0309136", None),
        ("arXiv:math.GT/0309136v1", "math/0309136", 1),
        ("cond-mat.mes-hall/0309136", "cond-mat/0309136", None),
        ("https://arxiv.org/abs/2301.00001v2", "2301.00001", 2),
        ("http://www.arxiv.org/pdf/2301.00001v2.pdf", "2301.00001", 2),
        ("https://arxiv.org/pdf/hep-th/9901001", "hep-th/9901001", None),
        ("https://export.arxiv.org/abs/math.GT/0309136?context=math", "math/0309136", None),
        ("arxiv.org/html/2301.00001v1/#S2", "2301.00001", 1),
        ("oai:arXiv.org:2301.00001", "2301.00001", None),
        ("10.48550/arXiv.2301.00001", "2301.00001", None),
        ("https://doi.org/10.48550/ARXIV.2301.00001v2", "2301.00001", 2),
        ("doi:10.48550/arxiv.hep-th/9901001", "hep-th/9901001", None),
        ("\ufeff2301.\u00ad00001\x00", "2301.00001", None),
    ],
)
def test_arxiv_ids_lose_their_dress_and_keep_their_version_beside(text: str, value: str, version: int | None) -> None:
    assert parse_identifier(text) == Identified(ARXIV, value, version)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("10.1000/Ab.C(1)", "10.1000/ab.c(1)"),
        ("doi:10.1000/XYZ", "10.1000/xyz"),
        ("DOI 10.1000/xyz", "10.1000/xyz"),
        ("https://doi.org/10.1000/xyz", "10.1000/xyz"),
        ("http://dx.doi.org/10.1000/xyz?nosfx=y", "10.1000/xyz"),
        ("doi: https://doi.org/10.1000/xyz", "10.1000/xyz"),
        ("https://doi.org/10.1002/%28SICI%291097%3C1%3E3.0.CO%3B2-%23", "10.1002/(sici)1097<1>3.0.co;2-#"),
        ("https://doi.org/10.1000/%58yz", "10.1000/xyz"),
        ("10.1002/(SICI)1097<1>3.0.CO;2-#", "10.1002/(sici)1097<1>3.0.co;2-#"),
        ("10.48550/arXiv.2313.00001", "10.48550/arxiv.2313.00001"),
    ],
)
def test_dois_are_lower_case_without_resolver(text: str, value: str) -> None:
    assert parse_identifier(text) == Identified(DOI, value)


@pytest.mark.parametrize(
    "text",
    [
        "2313.00001",  # month 13
        "2300.00001",
        "arXiv:2301.0001",  # five digits since 2015
        "1412.00001",  # four until then
        "0703.0001",  # the old style ended that month
        "hep-th/9913001",
        "hep-th/0704001",
        "cogprints/0309136",  # another archive
        "2301.00001v0",
        "２３０１.００００１",
        "12301.00001",
        "10.1000/",
        "10.1000/a b",
        "https://doi.org/10.1000/a%20b",
        "citeulike:42",
        "Some Title: 2301.00001",
        "",
    ],
)
def test_anything_else_stands_as_it_is(text: str) -> None:
    assert parse_identifier(text) == Identified(OTHER, text)


ARXIV_IDS = st.builds(
    lambda year, month, number: f"{year:02}{month:02}.{number:0{4 if year < 15 else 5}}",
    st.integers(8, 99),
    st.integers(1, 12),
    st.integers(1, 9999),
) | st.builds(
    lambda archive, year, month, number: f"{archive}/{year:02}{month:02}{number:03}",
    st.sampled_from(["hep-th", "math", "cs", "cond-mat", "q-bio"]),
    st.sampled_from([*range(92, 100), *range(7)]),
    st.integers(1, 12),
    st.integers(1, 999),
)


@given(
    ARXIV_IDS,
    st.none() | st.integers(1, 999),
    st.sampled_from(["", "arXiv:", "https://arxiv.org/abs/", "10.48550/arXiv.", "https://doi.org/10.48550/arXiv."]),
)
def test_every_arxiv_id_is_found_in_every_dress(value: str, version: int | None, dress: str) -> None:
    text = f"{dress}{value}" + (f"v{version}" if version else "")

    assert parse_identifier(text) == Identified(ARXIV, value, version)


@given(st.text() | st.from_regex(r"(doi:|https://doi\.org/|)10\.[0-9]{4}/[!-~\x00-\x20é%]{1,20}", fullmatch=True))
def test_what_was_parsed_parses_to_itself(text: str) -> None:
    identified = parse_identifier(text)

    assert parse_identifier(identified.value).key == identified.key


@pytest.mark.parametrize(
    "part", ["doi", "doi ", "doi:", "1.", "a.", "a-", "arxiv:", "arxiv.org/abs/", "https://", "[", "10.1/"]
)
def test_no_text_keeps_the_parser_busy(part: str) -> None:
    """A pattern that tries every way to split this would not end in the lifetime of the machine."""
    assert parse_identifier(part * 10_000).scheme is OTHER


def test_identifiers_lead_to_pages() -> None:
    assert parse_identifier("arXiv:2301.00001v2").url == "https://arxiv.org/abs/2301.00001"
    assert parse_identifier("arXiv:2301.00001v2").pdf_url == "https://arxiv.org/pdf/2301.00001"
    assert parse_identifier("10.1002/a<1>#").url == "https://doi.org/10.1002/a%3C1%3E%23"
    assert parse_identifier("10.1002/a").pdf_url == ""
    assert parse_identifier("citeulike:42").url == ""


@pytest.mark.parametrize(
    ("text", "month"),
    [("2301.00001", (2023, 1)), ("0704.0001", (2007, 4)), ("hep-th/9901001", (1999, 1)), ("math/0309136", (2003, 9))],
)
def test_arxiv_ids_tell_their_month(text: str, month: tuple[int, int]) -> None:
    assert parse_identifier(text).month == datetime(*month, 1, tzinfo=UTC)


def test_papers_are_found_by_any_way_to_write_their_name(db: None) -> None:
    paper, other = make_paper(), make_paper()
    Identifier.objects.create(paper=paper, scheme=ARXIV, value="2301.00001", version=3)
    Identifier.objects.create(paper=paper, scheme=DOI, value="10.1000/xyz")
    Identifier.objects.create(paper=other, scheme=OTHER, value="citeulike:42")

    found = find_papers(["arXiv:2301.00001v1", "https://doi.org/10.1000/XYZ", "citeulike:42", "citeulike:43", "\x00"])

    assert found == {"arXiv:2301.00001v1": paper, "https://doi.org/10.1000/XYZ": paper, "citeulike:42": other}


def test_looking_up_thousands_takes_a_handful_of_queries(
    db: None, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    paper = make_paper()
    Identifier.objects.create(paper=paper, scheme=OTHER, value="citeulike:3000")

    with django_assert_num_queries(-(-4000 // VALUES_A_QUERY) + 1):  # and one for the papers
        assert find_papers(f"citeulike:{number}" for number in range(4000)) == {"citeulike:3000": paper}
