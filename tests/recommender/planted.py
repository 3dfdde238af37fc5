"""A site with a known answer: papers of fields that share no words, readers who keep to theirs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np

from accounts.models import User
from papers.models import Paper
from recommender.embedding import paper_vectors
from recommender.models import Interaction

START = datetime(2025, 1, 1, tzinfo=UTC)
NOW = datetime(2025, 6, 1, 9, tzinfo=UTC)
DAY = timedelta(days=1)
FIELDS = ("speech", "robots", "proteins", "galaxies")


def plant_papers(count: int, *, start: datetime = START, seed: int = 0) -> list[Paper]:
    """One a day, of the fields in turn. Each title tells its field; the other words are the field's own as well."""
    rng = np.random.default_rng(seed)
    papers = []
    for number in range(count):
        field = FIELDS[number % len(FIELDS)]
        words = " ".join(f"{field}word{word}" for word in rng.integers(0, 25, 10))
        published_at = start + number * DAY
        papers.append(Paper(title=f"{field} {words}", published_at=published_at, url=f"https://p.example/{number}"))
    return Paper.objects.bulk_create(papers)


def plant_readers(count: int, *, prefix: str = "planted") -> list[User]:
    return User.objects.bulk_create([User(email=f"{prefix}{number}@example.org") for number in range(count)])


def plant_reads(
    readers: Sequence[User], papers: Sequence[Paper], *, each: int = 8, kind: str = "save", seed: int = 0
) -> None:
    """Reader `number` saves `each` papers of field number % 4, a day after they came out."""
    rng = np.random.default_rng(seed)
    by_field = [[paper for paper in papers if field_of(paper) == field] for field in FIELDS]
    Interaction.objects.bulk_create(
        Interaction(user=reader, paper=own[column], kind=kind, at=own[column].published_at + DAY)
        for number, reader in enumerate(readers)
        for own in [by_field[number % len(FIELDS)]]
        for column in sorted(rng.permutation(len(own))[:each])
    )


def plant_vectors(papers: Sequence[Paper], dim: int = 8) -> None:
    """As an encoder would have them: papers of one field near each other."""
    rng = np.random.default_rng(1)
    places = np.eye(len(FIELDS), dim)[[FIELDS.index(field_of(paper)) for paper in papers]]
    vectors = places + rng.normal(0, 0.2, places.shape)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    paper_vectors().append([p.pk for p in papers], [p.text_hash for p in papers], vectors.astype(np.float32))


def field_of(paper: Paper | int) -> str:
    if isinstance(paper, int):
        paper = Paper.objects.get(pk=paper)
    return paper.title.split()[0]
