"""What a record may say, and what is told when it says something else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from papers.records import BadRecord, describe

NOW = datetime(2025, 6, 1, 12, tzinfo=UTC)


def described(**fields: Any) -> Any:
    return describe({"id": "citeulike:42", "title": "A title"} | fields, NOW)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"id": None}, "id is missing"),
        ({"id": ""}, "id is missing"),
        ({"id": " \x00 "}, "id is empty"),
        ({"id": 42}, "id 42 is not text"),
        ({"id": ["a"]}, "id ['a'] is not text"),
        ({"id": "x" * 301}, "id is longer than 300 characters"),
        ({"title": None}, "title is missing"),
        ({"title": ""}, "title is missing"),
        ({"title": "{ } <p></p>\u200b"}, "title is empty"),
        ({"title": ["A title"]}, "title is not text"),
        ({"title": "a" * 2001}, "title is longer than 2000 characters"),
        ({"abstract": 3}, "abstract is not text"),
        ({"abstract": "a" * 50_001}, "abstract is longer than 50000 characters"),
        ({"authors": {"name": "Ada"}}, "authors is not a list of names"),
        ({"authors": ["Ada", None]}, "authors is not a list of names"),
        ({"authors": ["A" * 201]}, f"an author's name is longer than 200 characters: {'A' * 40}..."),
        ({"topics": [1]}, "topics is not a list of names"),
        ({"topics": ["T" * 121]}, f"a topic is longer than 120 characters: {'T' * 40}..."),
        ({"url": "javascript:alert(1)"}, "url 'javascript:alert(1)' is not an http or https address"),
        ({"pdf_url": "ftp://x.org/a.pdf"}, "pdf_url 'ftp://x.org/a.pdf' is not an http or https address"),
        ({"code_url": "github.com/x"}, "code_url 'github.com/x' is not an http or https address"),
        ({"url": "https://x.org/" + "a" * 500}, "url is longer than 500 characters"),
        ({"upvotes": -1}, "upvotes -1 is not a whole number from 0 on"),
        ({"upvotes": 1.5}, "upvotes 1.5 is not a whole number from 0 on"),
        ({"upvotes": True}, "upvotes True is not a whole number from 0 on"),
        ({"upvotes": "12"}, "upvotes '12' is not a whole number from 0 on"),
        ({"upvotes": 10**12}, "upvotes 1000000000000 is not a whole number from 0 on"),
        ({"status": "lost"}, "status 'lost' is none of pending, published, embargoed, hidden, withdrawn"),
    ],
)
def test_wrong_field_is_named_with_what_it_should_be(fields: dict[str, Any], reason: str) -> None:
    with pytest.raises(BadRecord) as rejected:
        described(**fields)

    assert str(rejected.value) == reason


@pytest.mark.parametrize(
    ("given", "at", "precision"),
    [
        ("2020", datetime(2020, 1, 1, tzinfo=UTC), "year"),
        (2020, datetime(2020, 1, 1, tzinfo=UTC), "year"),
        ("2020-05", datetime(2020, 5, 1, tzinfo=UTC), "month"),
        ("2020-02-29", datetime(2020, 2, 29, tzinfo=UTC), "day"),
        ("2020-05-01T23:30:00-05:00", datetime(2020, 5, 2, 4, 30, tzinfo=UTC), "instant"),
        ("2020-05-01T10:00:00Z", datetime(2020, 5, 1, 10, tzinfo=UTC), "instant"),
        ("2020-05-01 10:00:00.5", datetime(2020, 5, 1, 10, 0, 0, 500_000, tzinfo=UTC), "instant"),
        ("2025-06-01", datetime(2025, 6, 1, tzinfo=UTC), "day"),
    ],
)
def test_dates_keep_their_precision_and_become_utc(given: Any, at: datetime, precision: str) -> None:
    columns = described(published_at=given).columns

    assert (columns["published_at"], columns["published_precision"]) == (at, precision)


NO_DATES = (
    "2025-02-29 2025-13 25-01-01 01/02/2020 2020-5-1 20200501 2020-W01 yesterday 0001-01-01 ２０２０ "
    "0001-01-01T00:00:00+14:00 2020-05-01T25:00:00Z 2020-05-01T10:00:00+99:00"
)


@pytest.mark.parametrize("given", [*NO_DATES.split(), True, 1.5, [2020]])
def test_what_is_no_date_is_rejected(given: Any) -> None:
    with pytest.raises(BadRecord, match="is not a date, as 2025-05-01"):
        described(published_at=given)


@pytest.mark.parametrize(
    "given", ["2025-06-02", "2025-07", "2026", "2025-06-01T12:00:01Z", "2025-06-01T11:59:00-01:00"]
)
def test_date_in_the_future_is_rejected(given: str) -> None:
    with pytest.raises(BadRecord, match="is in the future"):
        described(published_at=given)


@given(
    st.datetimes(datetime(1501, 1, 1), datetime(2024, 12, 31)), st.timedeltas(timedelta(hours=-14), timedelta(hours=14))
)
def test_every_past_instant_is_read_as_it_was_written(at: datetime, offset: timedelta) -> None:
    offset = timedelta(minutes=offset // timedelta(minutes=1))
    sign, minutes = "-" if offset < timedelta() else "+", abs(offset) // timedelta(minutes=1)

    columns = described(published_at=f"{at.isoformat()}{sign}{minutes // 60:02}:{minutes % 60:02}").columns

    assert columns["published_at"] == at.replace(tzinfo=UTC) - offset


def test_paper_without_a_date_is_known_but_not_new() -> None:
    of_arxiv = described(id="arXiv:2301.00001").for_new
    of_elsewhere = described(published_at=None).for_new

    assert of_arxiv["published_at"] == datetime(2023, 1, 1, tzinfo=UTC)
    assert (of_arxiv["published_precision"], of_arxiv["announcement"]) == ("month", "unknown")
    assert of_elsewhere["published_at"] == datetime(2025, 1, 1, tzinfo=UTC)
    assert (of_elsewhere["published_precision"], of_elsewhere["announcement"]) == ("year", "unknown")


def test_addresses_follow_from_identifiers_for_a_new_paper() -> None:
    assert described(id="2301.00001v2").for_new["url"] == "https://arxiv.org/abs/2301.00001"
    assert described(id="2301.00001v2").for_new["pdf_url"] == "https://arxiv.org/pdf/2301.00001"
    assert described(id="10.1000/X").for_new["url"] == "https://doi.org/10.1000/x"
    assert described().for_new["url"] == ""


@pytest.mark.parametrize(
    ("given", "names"),
    [
        (["Ada Lovelace", " ", "Charles  Babbage", "Ada Lovelace"], ["Ada Lovelace", "Charles Babbage"]),
        (["arita, masanori", "van der berg, j."], ["Masanori Arita", "J. van der Berg"]),
        (["o'brien, k.-h.", "d. e. knuth"], ["K.-H. O'Brien", "D. E. Knuth"]),
        ([r"k\\\"{o}tter, rolf", r"Erd\H{o}s, Paul", "{The ATLAS, CMS Collaboration}"],
         ["Rolf Kötter", "Paul Erdős", "The ATLAS, CMS Collaboration"]),
        (["['Minjoon Seo'", "'Bo Li']", "Gerard 't Hooft", "others"], ["Minjoon Seo", "Bo Li", "Gerard 't Hooft"]),
        ("Jane Doe, Rick Roe and Ann Lee", ["Jane Doe", "Rick Roe", "Ann Lee"]),
        ("Borland, Alexander", ["Alexander Borland"]),
        ("", []),
        (None, []),
    ],
)  # fmt: skip
def test_authors_stand_in_order_as_they_are_spoken(given: Any, names: list[str]) -> None:
    assert described(authors=given).authors == names


@pytest.mark.parametrize(
    ("given", "topics"),
    [
        (
            ["cs.LG", "cs.CL"],
            {"machine-learning": "Machine Learning", "computation-and-language": "Computation and Language"},
        ),
        (["stat.ML", "Machine Learning", ""], {"machine-learning": "Machine Learning"}),
        ("cs.LG; Robots", {"machine-learning": "Machine Learning", "robots": "Robots"}),
        (["C", "C++", "C#"], {"c": "C", "c-plus-plus": "C++", "c-sharp": "C#"}),
        (["量子"], {"topic-91cf-5b50": "量子"}),
        (None, {}),
    ],
)
def test_topics_get_readable_names_and_slugs(given: Any, topics: dict[str, str]) -> None:
    assert described(topics=given).topics == topics


def test_texts_are_cleaned_and_raw_ones_kept_for_mathematics() -> None:
    columns = described(title="{A} $\\lambda$-calculus", abstract="R\\&D at Erd\\H{o}s'").columns

    assert (columns["title"], columns["raw_title"]) == ("A λ-calculus", "{A} $\\lambda$-calculus")
    assert (columns["abstract"], columns["raw_abstract"]) == ("R&D at Erdős'", "")


FIELDS = "id identifiers title abstract authors topics published_at url upvotes status announcement submitter"
LISTS = st.lists(st.none() | st.text(), max_size=3)
VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | LISTS


@given(st.dictionaries(st.sampled_from(FIELDS.split()), VALUES, max_size=6), st.booleans())
def test_any_record_at_all_is_described_or_rejected_with_a_reason(record: dict[str, Any], is_named: bool) -> None:
    named = {"id": "x:1", "title": "A title"} if is_named else {}
    try:
        description = describe(named | record, NOW)
    except BadRecord as rejected:
        assert len(str(rejected).splitlines()) == 1  # noqa: PT017
    else:
        assert description.identifiers
        assert description.columns.get("title") or description.status
