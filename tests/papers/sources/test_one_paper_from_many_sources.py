"""The same paper from arXiv, a publisher, daily papers and a file: one row, with the text of who brought it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from papers.importing import Report
from papers.ingest import take_lines
from papers.jsonlines import Line, Place
from papers.models import Merge, Paper

pytestmark = pytest.mark.django_db

TITLE = "Deep networks for the analytical engine"
ARXIV: dict[str, Any] = {
    "identifiers": ["arXiv:2401.00001v1"],
    "title": TITLE,
    "abstract": "The abstract of the preprint.",
    "authors": ["Ada Lovelace", "Alan M. Turing"],
    "topics": ["Machine Learning"],
    "published_at": "2024-01-03",
    "announcement": "seen",
}
JOURNAL: dict[str, Any] = {
    "identifiers": ["10.1038/s1"],
    "title": TITLE.upper(),
    "abstract": "The abstract in print.",
    "authors": ["A. Lovelace", "A. Turing"],
    "topics": ["Engines"],
    "published_at": "2024-11-05",
    "announcement": "seen",
}


def take(*records: dict[str, Any], source: str = "https://source.example.org") -> Report:
    report = Report()
    take_lines([Line(Place(Path(source), number), record) for number, record in enumerate(records)], report)
    return report


def test_the_article_joins_its_preprint_and_leaves_its_text_as_it_was() -> None:
    take(ARXIV)
    report = take(JOURNAL, source="https://publisher.example.org")
    assert (report.added, report.updated) == (0, 1)
    paper = Paper.objects.get()
    assert {str(found) for found in paper.identifiers.all()} == {"arxiv:2401.00001", "doi:10.1038/s1"}
    assert (paper.title, paper.abstract) == (TITLE, "The abstract of the preprint.")
    assert paper.author_names == ["Ada Lovelace", "Alan M. Turing"]
    assert {topic.name for topic in paper.topics.all()} == {"Machine Learning", "Engines"}
    assert paper.published_at == datetime(2024, 1, 3, tzinfo=UTC)
    assert take(JOURNAL).unchanged == 1


def test_the_preprint_met_after_its_article_makes_it_older() -> None:
    take(JOURNAL)
    take(ARXIV)
    assert Paper.objects.get().published_at == datetime(2024, 1, 3, tzinfo=UTC)


def test_a_source_fills_what_another_left_empty() -> None:
    take(
        {**ARXIV, "abstract": "", "authors": [], "topics": []}, {**JOURNAL, "identifiers": ["2401.00001", "10.1038/s1"]}
    )
    take({**JOURNAL, "identifiers": ["10.1038/s1", "2401.00001"]})
    paper = Paper.objects.get()
    assert paper.abstract == "The abstract in print."
    assert paper.author_names == ["A. Lovelace", "A. Turing"]


def test_both_in_one_answer_are_one_paper() -> None:
    report = take(ARXIV, JOURNAL)
    assert (report.added, report.updated, report.rejections) == (1, 1, [])
    assert Paper.objects.count() == 1


def test_two_versions_in_one_answer_are_one_paper_with_the_newer_one_noted() -> None:
    report = take(ARXIV, {**ARXIV, "identifiers": ["arXiv:2401.00001v2"], "title": "A better title"})
    assert (report.added, report.updated, report.rejections) == (1, 1, [])
    paper = Paper.objects.get()
    assert (paper.title, paper.identifiers.get().version) == ("A better title", 2)


def test_rows_that_a_source_names_together_become_one() -> None:
    take(ARXIV)
    take({**JOURNAL, "title": "Engines, deep and analytical"})
    assert Paper.objects.count() == 2
    take({**JOURNAL, "title": "Engines, deep and analytical", "identifiers": ["10.1038/s1", "arXiv:2401.00001"]})
    merge = Merge.objects.get()
    assert merge.state == Merge.State.DONE
    assert Paper.objects.filter(merged_into=None).count() == 1
    assert merge.reason.startswith("named together by https:/source.example.org")


def test_rows_named_together_by_mistake_are_put_before_an_editor() -> None:
    take({**ARXIV, "title": f"{TITLE}, Part I"}, {**JOURNAL, "title": f"{TITLE}, Part II"})
    both = {**JOURNAL, "title": f"{TITLE}, Part II", "identifiers": ["10.1038/s1", "arXiv:2401.00001"]}
    take(both)
    take(both)
    merge = Merge.objects.get()
    assert merge.state == Merge.State.PROPOSED
    assert merge.reason.endswith("but the titles number different parts")
    assert Paper.objects.filter(merged_into=None).count() == 2


def test_a_withdrawn_paper_leaves_and_a_deleted_one_is_hidden() -> None:
    take(ARXIV, JOURNAL | {"title": "Something else"})
    take(
        {**ARXIV, "status": "withdrawn"},
        {"identifiers": ["10.1038/s1"], "status": "hidden", "status_reason": "deleted"},
    )
    assert [paper.status for paper in Paper.objects.order_by("id")] == ["withdrawn", "hidden"]
    assert list(Paper.objects.published()) == []


def test_what_was_only_known_becomes_news_when_it_is_announced(time_machine: Any) -> None:
    """A reader imports today's paper before the listing is read."""
    now = datetime(2024, 1, 3, 9, tzinfo=UTC)
    time_machine.move_to(now)
    take({"identifiers": ["2401.00001"], "title": TITLE, "published_at": "", "announcement": "unknown"})
    start = datetime(2024, 1, 1, tzinfo=UTC)
    assert list(Paper.objects.candidates_between(start, now)) == []
    take(ARXIV)
    assert list(Paper.objects.candidates_between(start, now)) == [Paper.objects.get()]
