"""A reason is one true sentence."""

from __future__ import annotations

import pytest
from pytest_django import DjangoAssertNumQueries

from papers.models import Author, Paper
from recommender.reasons import describe
from tests.factories import make_paper, make_topic

pytestmark = pytest.mark.django_db


def test_every_kind_has_its_sentence_in_the_order_given() -> None:
    paper = make_paper("Learning from 10% of labels & more", authors=["Ada Lovelace"])
    topic = make_topic("Speech & audio")
    author = Author.objects.get()
    assert describe(
        [
            {"kind": "trending"},
            {"kind": "read", "paper": paper.pk},
            {"kind": "topic", "topic": topic.pk},
            {"kind": "author", "author": author.pk},
            {"kind": "interest", "text": "speech for\nsmall languages"},
            {"kind": "pick"},
            {"kind": "new"},
        ]
    ) == [
        "trending",
        "because you read “Learning from 10% of labels & more”",
        "in your topic Speech & audio",
        "by Ada Lovelace, whom you follow",
        "close to what you wrote: “speech for small languages”",
        "picked by the editors",
        "new",
    ]


def test_what_has_gone_is_told_without_its_name() -> None:
    hidden = make_paper("A title nobody may see", status=Paper.Status.HIDDEN)
    assert describe(
        [
            {"kind": "read", "paper": hidden.pk},
            {"kind": "read", "paper": 99_999},
            {"kind": "topic", "topic": 99_999},
            {"kind": "author", "author": 99_999},
        ]
    ) == ["because of what you read", "because of what you read", "in a topic you follow", "by an author you follow"]


@pytest.mark.parametrize("reason", [{}, {"kind": "stars"}, {"kind": None}])
def test_an_unknown_kind_says_nothing(reason: dict[str, object]) -> None:
    assert describe([reason]) == [""]


def test_a_long_title_is_cut_to_a_line() -> None:
    paper = make_paper("word " * 200)
    (sentence,) = describe([{"kind": "read", "paper": paper.pk}])
    assert len(sentence) < 120
    assert sentence.endswith("…”")


def test_two_hundred_reasons_cost_as_many_queries_as_one(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    papers, topics = [make_paper(authors=[f"Author {n}"]) for n in range(20)], [make_topic(f"T{n}") for n in range(20)]
    reasons: list[dict[str, object]] = [
        reason
        for paper, topic, author in zip(papers, topics, Author.objects.all(), strict=True)
        for reason in (
            {"kind": "read", "paper": paper.pk},
            {"kind": "topic", "topic": topic.pk},
            {"kind": "author", "author": author.pk},
        )
    ]
    with django_assert_num_queries(3):
        assert all(describe(reasons * 10))
    with django_assert_num_queries(0):
        assert describe([{"kind": "pick"}, {"kind": "new"}]) == ["picked by the editors", "new"]
