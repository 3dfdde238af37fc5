"""Interleaving, crediting, and the rule by which an experiment ends."""

from __future__ import annotations

import random
from collections import Counter
from datetime import date, timedelta

import numpy as np
import pytest
import time_machine
from django.contrib.admin.models import LogEntry
from django.db import IntegrityError
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from newsletter import digest, interleaved
from newsletter.editions import edition_for
from newsletter.experiments import judge, start, stop, stop_when_complete
from newsletter.interleaving import team_draft
from newsletter.models import Click, Digest, Experiment
from recommender.interactions import record
from recommender.models import RankerVersion
from recommender.ranking import EXPLORED, RankedPaper
from tests.factories import make_reader
from tests.newsletter.conftest import MORNING, make_due_reader

RANKINGS = st.lists(st.integers(0, 40), unique=True, max_size=30)


# --- the draft --------------------------------------------------------------------------------------------------------


def test_two_teams_take_turns_and_nobody_takes_a_paper_twice():
    # The coin says a: a takes 1, b takes 2 (its best), then the coin says b or a again.
    for seed in range(20):
        drafted = team_draft([1, 2, 3, 4], [2, 1, 4, 3], 4, random.Random(seed))
        arms = [arm for _, arm in drafted]
        assert {paper for paper, _ in drafted} == {1, 2, 3, 4}
        assert sorted(arms[:2]) == sorted(arms[2:]) == ["a", "b"]


def test_both_orders_come_equally_often():
    firsts = Counter(team_draft([1, 2], [2, 1], 2, random.Random(seed))[0] for seed in range(2000))
    assert set(firsts) == {(1, "a"), (2, "b")}
    assert abs(firsts[(1, "a")] - 1000) < 130  # six standard deviations


@given(RANKINGS, RANKINGS, st.integers(0, 35), st.integers())
def test_every_paper_comes_once_from_a_team_that_ranked_it(first, second, k, seed):
    drafted = team_draft(first, second, k, random.Random(seed))
    papers = [paper for paper, _ in drafted]
    assert len(papers) == len(set(papers)) == min(k, len(set(first) | set(second)))
    for paper, arm in drafted:
        assert paper in (first if arm == "a" else second)


@given(RANKINGS, st.integers(0, 30), st.integers())
def test_two_equal_rankings_keep_their_order_and_share_fairly(ranking, k, seed):
    drafted = team_draft(ranking, ranking, k, random.Random(seed))
    assert [paper for paper, _ in drafted] == ranking[:k]
    sizes = Counter(arm for _, arm in drafted)
    assert abs(sizes["a"] - sizes["b"]) <= 1


def test_when_one_ranking_ends_the_other_goes_on():
    assert [paper for paper, _ in team_draft([1], [2, 3, 4], 4, random.Random(1))][-2:] == [3, 4]
    assert team_draft([], [], 3, random.Random(1)) == []


# --- an experiment ----------------------------------------------------------------------------------------------------


@pytest.fixture
def experiment(db):
    versions = [RankerVersion.objects.create(name=name) for name in ("one", "two")]
    return Experiment.objects.create(
        name="One or two", ranker_a=versions[0], ranker_b=versions[1], readers_wanted=8, last_day=date(2025, 6, 30)
    )


def versioned_rank(user_ids, paper_ids, k, *, exclude=None, at=None, version=""):
    """Ranker one puts the oldest first, ranker two the newest."""
    ordered = sorted(paper_ids, reverse=version == "two")
    return {user_id: [RankedPaper(paper_id, 1.0, {"kind": "new"}) for paper_id in ordered][:k] for user_id in user_ids}


def test_a_digest_is_drafted_from_both_and_says_whose_each_item_is(experiment, new_papers, monkeypatch):
    monkeypatch.setattr(interleaved, "rank", versioned_rank)
    with time_machine.travel(MORNING, tick=False):
        start(experiment)
        digest.compose([make_due_reader().pk])
    made = Digest.objects.get()
    assert made.experiment == experiment
    arms = Counter(item["arm"] for item in made.items)
    assert arms == {"a": 5, "b": 5}
    ids = sorted(paper.pk for paper in new_papers)
    assert {item["paper"] for item in made.items if item["arm"] == "a"} == set(ids[:5])
    assert {item["paper"] for item in made.items if item["arm"] == "b"} == set(ids[-5:])


def test_a_ranker_that_cannot_be_read_ends_no_morning(experiment, new_papers):
    with time_machine.travel(MORNING, tick=False):
        start(experiment)  # no such artifacts exist
        digest.compose([make_due_reader().pk])
    made = Digest.objects.get()
    assert made.state == "composed"
    assert made.experiment is None
    assert {item["arm"] for item in made.items} <= {"", EXPLORED}


def test_one_experiment_runs_at_a_time(experiment):
    start(experiment)
    experiment.pk, experiment.state = None, "draft"
    experiment.save()
    with pytest.raises(IntegrityError):
        start(experiment)


def sent_digest(experiment: Experiment, papers: list, arms: str) -> Digest:
    reader = make_due_reader()
    return Digest.objects.create(
        subscription=reader,
        edition=edition_for(date(2025, 5, 5)),
        period=date(2025, 5, 5),
        state="sent",
        sent_at=MORNING,
        experiment=experiment,
        message_id=f"<{reader.pk}@x>",
        items=[
            {"paper": paper.pk, "score": 1.0, "reason": {"kind": "new"}, "arm": arm}
            for paper, arm in zip(papers, arms, strict=False)
        ],
    )


@pytest.fixture
def judged(experiment, new_papers):
    """Seven readers click a's papers, one clicks b's, one both, one nothing, one's scanner clicks b's."""
    with time_machine.travel(MORNING, tick=False):
        start(experiment)
        experiment.refresh_from_db()
        rows = [sent_digest(experiment, new_papers, "ab") for _ in range(11)]
        clicks = [*((row, 0) for row in rows[:7]), (rows[7], 1), (rows[8], 0), (rows[8], 1)]
        for row, number in clicks:
            Click.objects.create(digest=row, edition=row.edition, paper=new_papers[number])
        Click.objects.create(digest=rows[9], edition=rows[9].edition, paper=new_papers[1], scanner="known agent")
        yield experiment


def test_readers_are_counted_not_clicks(judged, new_papers):
    row = Click.objects.earliest("pk").digest
    Click.objects.create(digest=row, edition=row.edition, paper=new_papers[0], link="pdf")
    found = judge(judged)
    assert (found.n_readers, found.wins, found.losses, found.ties) == (11, 7, 1, 1)


def test_the_sign_test_and_its_interval_are_the_known_ones(judged):
    found = judge(judged)
    # Eight decided, one against: 2 * (C(8, 0) + C(8, 1)) / 2^8 = 18 / 256.
    assert found.p_value == pytest.approx(18 / 256)
    assert found.share == 7 / 8
    # Clopper and Pearson, from tables of the binomial.
    assert (found.low, found.high) == (pytest.approx(0.4735, abs=1e-4), pytest.approx(0.9968, abs=1e-4))
    assert found.verdict == "no difference shown"


def test_a_saved_paper_counts_for_its_arm_if_saved_since_the_start(judged, new_papers):
    tied = Digest.objects.filter(clicks__paper=new_papers[0]).filter(clicks__paper=new_papers[1]).get()
    record(tied.subscription.user, new_papers[1], "save")
    found = judge(judged)
    assert (found.losses, found.ties) == (2, 0)
    early = Digest.objects.exclude(pk=tied.pk).first().subscription.user
    record(early, new_papers[1], "save", at=MORNING - timedelta(days=1))
    assert judge(judged).losses == 2


def test_before_the_rule_is_fulfilled_nothing_is_decided_and_then_it_stops(judged):
    Experiment.objects.update(readers_wanted=9)
    judged.refresh_from_db()
    assert judge(judged).verdict == "not yet"
    stop_when_complete()
    judged.refresh_from_db()
    assert judged.state == "running"
    with time_machine.travel(MORNING + timedelta(days=57), tick=False):  # the last day is over
        stop_when_complete()
    judged.refresh_from_db()
    assert judged.state == "stopped"


def test_the_decided_readers_may_end_it_too(judged):
    stop_when_complete()
    judged.refresh_from_db()
    assert judged.state == "stopped"


def test_without_a_click_nothing_is_claimed(experiment):
    with time_machine.travel(MORNING, tick=False):
        start(experiment)
        experiment.refresh_from_db()
        found = judge(experiment)
    assert (found.p_value, found.low, found.high, found.verdict) == (1.0, 0.0, 1.0, "not yet")


def test_the_better_of_two_simulated_rankers_wins():
    """Readers who click what is relevant, a that ranks it higher: the draft must tell, and not more often than 5% of
    the time when both are the same."""
    rng = np.random.default_rng(0)
    wins = losses = 0
    for reader in range(300):
        relevance = rng.random(40)
        better = np.argsort(-(relevance + rng.normal(0, 0.2, 40))).tolist()
        worse = np.argsort(-(relevance + rng.normal(0, 0.8, 40))).tolist()
        credit = Counter(
            arm
            for paper, arm in team_draft(better, worse, 10, random.Random(reader))
            if rng.random() < relevance[paper] / 2
        )
        wins += credit["a"] > credit["b"]
        losses += credit["a"] < credit["b"]
    assert wins > losses + 3 * (wins + losses) ** 0.5


# --- the editors' desk ------------------------------------------------------------------------------------------------


def test_starting_asks_first_and_the_page_shows_the_counts(judged, client):
    Experiment.objects.update(state="draft", started_at=None)
    client.force_login(make_reader("editor@example.org", is_staff=True, is_superuser=True))
    start_url = reverse("admin:newsletter_experiment_start", args=[judged.pk])
    assert b'<form method="post">' in client.get(start_url, follow=True).content
    judged.refresh_from_db()
    assert judged.state == "draft"
    client.post(start_url)
    judged.refresh_from_db()
    assert judged.state == "running"
    assert "It is running already." in client.post(start_url, follow=True).content.decode()  # to the second
    assert [entry.get_change_message() for entry in LogEntry.objects.all()] == ["It is running now."]
    page = client.get(f"/admin/newsletter/experiment/{judged.pk}/change/").content.decode()
    assert "p = 0.070" in page
    assert "0.88 (0.47 to 1.00)" in page
    stop(judged)
    judged.refresh_from_db()
    assert judged.state == "stopped"
