"""Records become papers: once each, changed where they changed, whole batches or none, and never against an editor."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from papers import ingest
from papers.importing import Report
from papers.ingest import take_lines
from papers.jsonlines import Line, Place
from papers.models import Author, Identifier, Paper, Topic

pytestmark = pytest.mark.django_db

RECORD: dict[str, Any] = {
    "id": "arXiv:2301.00001v1",
    "title": "Speech from {N}oise",
    "abstract": "We make $n$ sounds.",
    "authors": ["Ada Lovelace", "Charles Babbage"],
    "topics": ["cs.SD", "cs.LG"],
    "published_at": "2023-01-02",
    "code_url": "https://github.com/example/speech",
    "upvotes": 3,
    "an_unknown_field": [1, 2],
}


def lines(*records: dict[str, Any], path: str = "papers.jsonl") -> Iterator[Line]:
    return (Line(Place(Path(path), number), record) for number, record in enumerate(records, start=1))


def take(*records: dict[str, Any], path: str = "papers.jsonl") -> tuple[int, int, int, list[str]]:
    report = Report()
    take_lines(lines(*records, path=path), report)
    return report.added, report.updated, report.unchanged, [str(rejection) for rejection in report.rejections]


def test_record_becomes_a_paper_with_all_around_it() -> None:
    assert take(RECORD) == (1, 0, 0, [])

    paper = Paper.objects.get()
    assert (paper.title, paper.raw_title) == ("Speech from Noise", "")
    assert (paper.abstract, paper.raw_abstract) == ("We make n sounds.", "We make $n$ sounds.")
    assert (paper.published_at, paper.published_precision) == (datetime(2023, 1, 2, tzinfo=UTC), "day")
    assert (paper.status, paper.announcement) == ("published", "seen")
    assert paper.author_names == ["Ada Lovelace", "Charles Babbage"]
    assert {topic.slug: topic.name for topic in paper.topics.all()} == {
        "sound": "Sound",
        "machine-learning": "Machine Learning",
    }
    assert (paper.url, paper.pdf_url) == ("https://arxiv.org/abs/2301.00001", "https://arxiv.org/pdf/2301.00001")
    assert (paper.code_url, paper.upvotes) == ("https://github.com/example/speech", 3)
    assert paper.title_key
    row = paper.identifiers.get()
    assert (row.scheme, row.value, row.version) == ("arxiv", "2301.00001", 1)


def test_id_and_title_are_enough() -> None:
    assert take({"id": "x:1", "title": "A title"}) == (1, 0, 0, [])

    paper = Paper.objects.get()
    assert (paper.text, paper.url, paper.author_names) == ("A title", "", [])
    assert not Paper.objects.candidates_between(datetime(1990, 1, 1, tzinfo=UTC), datetime(2990, 1, 1, tzinfo=UTC))


def test_taking_the_same_again_changes_nothing() -> None:
    take(RECORD)
    before = Paper.objects.values().get(), list(Author.objects.values()), list(Identifier.objects.values())

    assert take(RECORD) == (0, 0, 1, [])

    assert (Paper.objects.values().get(), list(Author.objects.values()), list(Identifier.objects.values())) == before


@pytest.mark.parametrize(
    ("change", "column", "value"),
    [
        ({"title": "Speech from Silence"}, "title", "Speech from Silence"),
        ({"abstract": "Of $m$ sounds."}, "raw_abstract", "Of $m$ sounds."),
        ({"published_at": "2023-01-03"}, "published_at", datetime(2023, 1, 3, tzinfo=UTC)),
        ({"published_at": "2023-01"}, "published_precision", "month"),
        ({"url": "https://x.org/1"}, "url", "https://x.org/1"),
        ({"upvotes": 0}, "upvotes", 0),
        ({"authors": ["Charles Babbage", "Ada Lovelace"]}, "author_names", ["Charles Babbage", "Ada Lovelace"]),
        ({"authors": ["Grace Hopper"]}, "author_names", ["Grace Hopper"]),
    ],
)
def test_what_changed_is_updated(change: dict[str, Any], column: str, value: Any) -> None:
    take(RECORD)

    assert take(RECORD | change) == (0, 1, 0, [])
    assert getattr(Paper.objects.get(), column) == value
    assert take(RECORD | change) == (0, 0, 1, [])


def test_changed_topics_replace_the_former_ones() -> None:
    take(RECORD)

    assert take(RECORD | {"topics": ["cs.LG", "Robots"]}) == (0, 1, 0, [])
    assert {topic.slug for topic in Paper.objects.get().topics.all()} == {"machine-learning", "robots"}


def test_new_title_brings_a_new_title_key_and_a_new_update_time() -> None:
    take(RECORD)
    before = Paper.objects.get()

    take(RECORD | {"title": "Speech from Silence"})

    after = Paper.objects.get()
    assert after.title_key != before.title_key
    assert after.updated_at > before.updated_at


def test_what_is_empty_or_absent_erases_nothing() -> None:
    take(RECORD)
    before = Paper.objects.values().get()

    assert take({"id": RECORD["id"], "title": RECORD["title"]}) == (0, 0, 1, [])
    nothing = {"abstract": "", "authors": [], "topics": [], "published_at": None, "url": "", "code_url": None}
    assert take(RECORD | nothing) == (0, 0, 1, [])

    assert Paper.objects.values().get() == before
    assert Paper.objects.get().author_names == ["Ada Lovelace", "Charles Babbage"]


def test_only_changed_columns_are_written() -> None:
    take(RECORD)

    with CaptureQueriesContext(connection) as queries:
        take(RECORD | {"upvotes": 4})

    (update,) = [query["sql"] for query in queries if query["sql"].startswith("UPDATE")]
    assert '"upvotes" =' in update
    assert '"updated_at" =' in update
    assert '"title" =' not in update
    assert '"abstract" =' not in update


def test_newer_version_is_noted_and_an_older_one_is_not() -> None:
    take(RECORD)

    assert take(RECORD | {"id": "2301.00001v3"}) == (0, 1, 0, [])
    assert take(RECORD | {"id": "2301.00001v2"}) == (0, 0, 1, [])
    assert take(RECORD | {"id": "https://arxiv.org/abs/2301.00001"}) == (0, 0, 1, [])
    assert Identifier.objects.get().version == 3


def test_further_identifiers_join_the_paper() -> None:
    take(RECORD)

    assert take({"identifiers": ["arXiv:2301.00001", "10.1000/X"], "title": RECORD["title"]}) == (0, 1, 0, [])
    assert [str(row) for row in Paper.objects.get().identifiers.all()] == ["arxiv:2301.00001", "doi:10.1000/x"]


def test_second_line_about_a_paper_is_rejected_with_the_first_ones_number() -> None:
    assert take(RECORD, {"id": "x:1", "title": "Other"}, RECORD | {"id": "2301.00001v2", "title": "Again"}) == (
        2,
        0,
        0,
        ["papers.jsonl, line 3: id 2301.00001 stands on line 1 already"],
    )
    assert set(Paper.objects.values_list("title", flat=True)) == {"Speech from Noise", "Other"}


def test_second_line_about_a_paper_under_another_of_its_ids_is_rejected_too() -> None:
    take({"identifiers": ["arXiv:2301.00001", "10.1000/x"], "title": "A title"})

    assert take({"id": "2301.00001", "title": "B"}, {"id": "10.1000/x", "title": "C"}) == (
        0,
        1,
        0,
        ["papers.jsonl, line 2: the same paper as line 1 under another id"],
    )


def test_another_file_may_say_something_newer() -> None:
    report = Report()
    newer = RECORD | {"upvotes": 9}

    take_lines([*lines(RECORD, path="one.jsonl"), *lines(newer, path="two.jsonl")], report)

    assert (report.added, report.updated, report.rejected) == (1, 1, 0)
    assert Paper.objects.get().upvotes == 9


@pytest.mark.parametrize("status", [Paper.Status.HIDDEN, Paper.Status.WITHDRAWN])
def test_what_an_editor_took_away_stays_away(status: str) -> None:
    take(RECORD)
    Paper.objects.update(status=status, status_reason="by an editor")

    take(RECORD | {"upvotes": 9, "status": "published"})
    take(RECORD | {"status": "withdrawn"})

    paper = Paper.objects.get()
    assert (paper.status, paper.status_reason, paper.upvotes) == (status, "by an editor", 3)


def test_source_may_take_a_paper_away_without_its_title() -> None:
    take(RECORD)
    gone = {"identifiers": ["2301.00001"], "status": "withdrawn", "status_reason": "by its authors"}

    assert take(gone) == (0, 1, 0, [])
    assert take(gone | {"identifiers": ["2301.99999"]}) == (0, 0, 1, [])

    paper = Paper.objects.get()
    assert (paper.title, paper.status, paper.status_reason) == ("Speech from Noise", "withdrawn", "by its authors")


def test_later_sighting_makes_no_old_paper_new() -> None:
    take(RECORD | {"announcement": "seen"})

    take(RECORD | {"announcement": "seen", "published_at": "2023-02-01"})
    take(RECORD | {"announcement": "unknown", "published_at": "2023"})
    assert Paper.objects.get().published_at == datetime(2023, 1, 2, tzinfo=UTC)

    take(RECORD | {"announcement": "seen", "published_at": "2023-01-01"})
    assert Paper.objects.get().published_at == datetime(2023, 1, 1, tzinfo=UTC)


def test_topic_keeps_the_name_an_editor_gave_it() -> None:
    Topic.objects.create(slug="machine-learning", name="Learning machines")

    take(RECORD)

    assert Topic.objects.get(slug="machine-learning").name == "Learning machines"
    assert Topic.objects.count() == 2


def test_authors_are_shared_between_papers() -> None:
    take(RECORD, {"id": "x:1", "title": "Other", "authors": ["Ada Lovelace"]})

    assert Author.objects.get(name="Ada Lovelace").papers.count() == 2


def records(n: int, **fields: Any) -> list[dict[str, Any]]:
    return [RECORD | {"id": f"x:{number}", "title": f"Title {number}"} | fields for number in range(n)]


def test_batch_of_hundred_costs_the_queries_of_one() -> None:
    def n_queries(given: list[dict[str, Any]]) -> int:
        with CaptureQueriesContext(connection) as queries:
            take(*given)
        return len(queries)

    take({"id": "y:1", "title": "Y"})
    adding, adding_many = n_queries(records(101)[100:]), n_queries(records(100))
    changing, changing_many = n_queries(records(1, upvotes=5)), n_queries(records(100, upvotes=6))
    nothing, nothing_many = n_queries(records(1, upvotes=6)), n_queries(records(100, upvotes=6))

    assert adding_many <= adding + 2  # topics and authors were there already; rows beyond SQLite's 999 parameters
    assert changing_many == changing
    assert nothing_many == nothing


def test_broken_off_import_leaves_whole_batches_and_goes_on_when_run_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest, "BATCH_LINES", 10)

    def broken_off() -> Iterator[Line]:
        for line in lines(*records(40)):
            if line.place.number == 36:
                raise KeyboardInterrupt
            yield line

    with pytest.raises(KeyboardInterrupt):
        take_lines(broken_off(), Report())
    assert Paper.objects.count() == 30
    assert Paper.objects.filter(authorships=None).count() == 0

    assert take(*records(40)) == (10, 0, 30, [])


def test_batch_that_fails_half_way_leaves_nothing_of_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(taken: Any) -> None:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(ingest, "save_topics", fail)

    with pytest.raises(RuntimeError):
        take(RECORD)

    assert not Paper.objects.exists()
    assert not Author.objects.exists()
    assert not Identifier.objects.exists()


def test_paper_that_another_import_added_meanwhile_is_updated(monkeypatch: pytest.MonkeyPatch) -> None:
    find_rows = ingest.find_rows
    misses = iter([True])

    def find_too_early(identified: Any) -> Any:
        return {} if next(misses, False) else find_rows(identified)

    take(RECORD)
    monkeypatch.setattr(ingest, "find_rows", find_too_early)

    assert take(RECORD | {"upvotes": 9}) == (0, 1, 0, [])
    assert Paper.objects.get().upvotes == 9
