"""A paper that no source gave a topic gets the one whose papers are nearest by text."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pytest_django import Settings

from papers.models import Paper
from recommender.embedding import paper_vectors
from recommender.nearest_topic import MIN_PAPERS, give_topics
from tests.factories import make_paper

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_vectors(settings: Settings, tmp_path: Path) -> None:
    settings.ARTIFACTS_DIR = tmp_path


def place(paper: Paper, *vector: float) -> Paper:
    """Stands for encoding its text."""
    unit = np.array([vector], np.float32) / np.linalg.norm(vector)
    paper_vectors().append([paper.pk], [paper.text_hash], unit.astype(np.float32))
    return paper


def topic_of(paper: Paper) -> list[str]:
    return [topic.name for topic in paper.topics.all()]


def test_a_paper_without_a_topic_gets_the_nearest_and_only_once() -> None:
    for number in range(MIN_PAPERS):
        place(make_paper(topics=["Speech"]), 1, number / 10, 0, 0)
        place(make_paper(topics=["Robots"]), 0, 0, 1, number / 10)
    near, far, unplaced = place(make_paper(), 0.1, 0, 1, 0), place(make_paper(), -1, -1, -1, -1), make_paper()
    assert give_topics() == 1
    assert give_topics() == 0
    assert (topic_of(near), topic_of(far), topic_of(unplaced)) == (["Robots"], [], [])


def test_a_topic_of_a_few_papers_attracts_nothing() -> None:
    place(make_paper(topics=["Speech"]), 1, 0)
    place(make_paper(), 1, 0)
    assert give_topics() == 0
