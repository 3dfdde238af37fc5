"""What a reader did is told once, whoever tells it and however often."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest
from django.db import connection
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from recommender.interactions import kinds_by_paper, record, undo
from recommender.models import Interaction
from tests.factories import make_paper, make_reader

MONDAY = datetime(2025, 5, 5, 8, tzinfo=UTC)
TUESDAY = datetime(2025, 5, 6, 8, tzinfo=UTC)


def kinds(user: User) -> set[str]:
    return set(Interaction.objects.filter(user=user).values_list("kind", flat=True))


def test_a_repeated_event_moves_its_instant_and_stays_one_row(alice: User) -> None:
    paper = make_paper()
    record(alice, paper, "read", at=MONDAY)
    record(alice, paper, "read", "email", at=TUESDAY)
    row = Interaction.objects.get(user=alice)
    assert (row.at, row.source) == (TUESDAY, "email")


def test_an_event_told_late_does_not_move_the_instant_back(alice: User) -> None:
    paper = make_paper()
    record(alice, paper, "read", at=TUESDAY)
    record(alice, paper, "read", "import", at=MONDAY)
    row = Interaction.objects.get(user=alice)
    assert (row.at, row.source) == (TUESDAY, "web")


def test_a_known_instant_replaces_an_unknown_one(alice: User) -> None:
    paper = make_paper()
    Interaction.objects.create(user=alice, paper=paper, kind="save", at=TUESDAY, at_is_known=False)
    record(alice, paper, "save", at=MONDAY)
    row = Interaction.objects.get(user=alice)
    assert (row.at, row.at_is_known) == (MONDAY, True)


@pytest.mark.parametrize("negative", ["less", "dismiss"])
@pytest.mark.parametrize("positive", ["more", "save", "upvote"])
def test_wanting_a_paper_takes_back_having_refused_it(alice: User, negative: str, positive: str) -> None:
    paper = make_paper()
    record(alice, paper, negative)
    record(alice, paper, positive)
    assert kinds(alice) == {positive}


def test_less_takes_back_more_and_leaves_the_saved_paper_saved(alice: User) -> None:
    paper = make_paper()
    for kind in ("read", "save", "more", "less"):
        record(alice, paper, kind)
    assert kinds(alice) == {"read", "save", "less"}


def test_undo_removes_one_kind_of_one_reader_on_one_paper(alice: User, bob: User) -> None:
    paper, other = make_paper(), make_paper()
    for user, what in ((alice, paper), (alice, other), (bob, paper)):
        record(user, what, "save")
    record(alice, paper, "read")
    undo(alice, paper, "save")
    assert set(Interaction.objects.values_list("user", "paper", "kind")) == {
        (alice.pk, paper.pk, "read"),
        (alice.pk, other.pk, "save"),
        (bob.pk, paper.pk, "save"),
    }


def test_a_page_of_papers_asks_once_what_the_reader_did(
    alice: User, bob: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    papers = [make_paper() for _ in range(20)]
    record(alice, papers[0], "save")
    record(alice, papers[0], "read")
    record(bob, papers[1], "read")
    with django_assert_num_queries(1):
        assert dict(kinds_by_paper(alice, papers)) == {papers[0].pk: {"save", "read"}}


@pytest.mark.django_db(transaction=True)
def test_eight_at_once_leave_one_row() -> None:
    user, paper = make_reader(), make_paper()
    start = threading.Barrier(8)
    failures: list[BaseException] = []

    def tell() -> None:
        try:
            start.wait()
            record(user, paper, "upvote")
        except BaseException as error:
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=tell) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert Interaction.objects.filter(user=user).count() == 1
