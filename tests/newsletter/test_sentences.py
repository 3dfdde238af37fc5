"""The one sentence of an abstract that a mail shows."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine

from newsletter import digest
from newsletter.message import build, load_contents
from newsletter.models import Digest
from papers.sentences import split_sentences
from recommender.embedding import embed_papers
from recommender.interactions import record
from tests.factories import make_paper
from tests.newsletter.conftest import MORNING, make_due_reader


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("", []),
        ("One sentence", ["One sentence"]),
        ("First. Second! Third?", ["First.", "Second!", "Third?"]),
        (
            "See Fig. 3, e.g. by Smith et al. 2020. Next.",
            ["See Fig. 3, e.g. by Smith et al. 2020.", "Next."],
        ),
        ("It gains 4.5 points. 12 of them matter.", ["It gains 4.5 points.", "12 of them matter."]),
        ("By J. Smith and A. B. Jones. Then more.", ["By J. Smith and A. B. Jones.", "Then more."]),
        ("第一句。第二句。", ["第一句。", "第二句。"]),
        ("over\nseveral\n  lines. Yes.", ["over several lines.", "Yes."]),
    ],
)
def test_sentences_end_where_they_end(text, sentences):
    assert split_sentences(text) == sentences


@pytest.mark.encoder
@pytest.mark.django_db
def test_each_reader_sees_the_sentence_nearest_to_what_they_read():
    speech = make_paper("Speech recognition of children", abstract="We transcribe the speech of young children.")
    robots = make_paper("Robot arms that grasp", abstract="A robot arm learns to grasp cups in kitchens.")
    both = make_paper(
        "A method with two uses",
        abstract="We present a general method. It lowers the word error rate of speech recognisers. "
        "It lets robot arms grasp fragile cups.",
        published_at=MORNING - timedelta(hours=3),
    )
    for number in range(3):
        make_paper(f"Filler on galaxies {number}", published_at=MORNING - timedelta(hours=4 + number))
    with time_machine.travel(MORNING, tick=False):
        embed_papers()
        alice, bob, charlie = (make_due_reader(f"{name}@example.org", threshold="low") for name in "abc")
        record(alice.user, speech, "read")
        record(bob.user, robots, "read")
        digest.compose([alice.pk, bob.pk, charlie.pk])
    shown = {}
    for row in Digest.objects.select_related("subscription__user", "edition"):
        [item] = [item for item in row.items if item["paper"] == both.pk]
        shown[row.subscription.user.email[0]] = item.get("sentence", 0)
        text = build(row, load_contents([row]), set(row.paper_ids)).message.body
        assert split_sentences(both.abstract)[shown[row.subscription.user.email[0]]] in text
    assert shown == {"a": 1, "b": 2, "c": 0}
