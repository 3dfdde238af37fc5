"""due -> compose -> store: what is in a digest, and that there is one a reader and date."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
import time_machine
from django.db import connection

from newsletter import digest
from newsletter.editions import edition_for
from newsletter.models import Digest, Pick, Subscription
from papers.models import Paper
from recommender.interactions import record
from recommender.models import Interaction
from recommender.ranking import RankedPaper
from tests.factories import make_paper
from tests.newsletter.conftest import MORNING, make_due_reader

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _morning():
    with time_machine.travel(MORNING, tick=False):
        yield


def compose_for(*subscriptions: Subscription) -> list[Digest]:
    digest.compose([subscription.pk for subscription in subscriptions])
    return list(Digest.objects.order_by("subscription"))


def test_a_due_reader_gets_the_days_papers_and_is_due_again_tomorrow(new_papers):
    alice = make_due_reader("alice@example.org")
    assert digest.due() == [alice.pk]
    [made] = compose_for(alice)
    assert made.state == "composed"
    assert made.period == date(2025, 5, 5)
    assert len(made.items) == 10
    assert {item["paper"] for item in made.items} <= {paper.pk for paper in new_papers}
    alice.refresh_from_db()
    assert alice.next_digest_at == MORNING.replace(minute=0) + timedelta(days=1)
    assert digest.due() == []


def test_nothing_read_sent_hidden_embargoed_or_withdrawn_is_in_it(new_papers):
    read, saved, hidden, embargoed, withdrawn, sent, *_ = new_papers
    alice = make_due_reader("alice@example.org", n_papers=30)
    record(alice.user, read, Interaction.Kind.READ)
    record(alice.user, saved, Interaction.Kind.SAVE)
    Paper.objects.filter(pk=hidden.pk).update(status="hidden")
    Paper.objects.filter(pk=embargoed.pk).update(status="embargoed", embargoed_until=MORNING + timedelta(minutes=1))
    Paper.objects.filter(pk=withdrawn.pk).update(status="withdrawn")
    Digest.objects.create(
        subscription=alice,
        edition=edition_for(date(2025, 5, 4)),
        period=date(2025, 5, 4),
        state="sent",
        message_id="<yesterday@localhost>",
        items=[{"paper": sent.pk, "score": 1.0, "reason": {"kind": "new"}, "arm": ""}],
    )
    today = next(row for row in compose_for(alice) if row.period == date(2025, 5, 5))
    left_out = {paper.pk for paper in (read, saved, hidden, embargoed, withdrawn, sent)}
    assert set(today.paper_ids) == {paper.pk for paper in new_papers} - left_out


def test_old_papers_and_papers_of_the_future_are_no_candidates(new_papers):
    make_paper("Old", published_at=MORNING - timedelta(days=9))
    make_paper("Not announced yet", published_at=MORNING + timedelta(hours=1))
    [made] = compose_for(make_due_reader(n_papers=30))
    assert set(made.paper_ids) == {paper.pk for paper in new_papers}


def test_the_editors_picks_stand_on_top_in_their_order_once(new_papers):
    edition = edition_for(date(2025, 5, 5))
    old = make_paper("An old classic", published_at=MORNING - timedelta(days=4000))
    Pick.objects.create(edition=edition, paper=old, position=1)
    Pick.objects.create(edition=edition, paper=new_papers[3], position=0)
    [made] = compose_for(make_due_reader())
    assert made.paper_ids[:2] == [new_papers[3].pk, old.pk]
    assert len(made.paper_ids) == len(set(made.paper_ids)) == 12
    assert made.subject == "Speech recognition with less of everything, part 3"


def test_a_pick_the_reader_knows_is_left_out(new_papers):
    alice = make_due_reader()
    old = make_paper("An old classic", published_at=MORNING - timedelta(days=4000))
    Pick.objects.create(edition=edition_for(date(2025, 5, 5)), paper=old)
    record(alice.user, old, Interaction.Kind.READ)
    [made] = compose_for(alice)
    assert old.pk not in made.paper_ids


def scored(scores: list[float]):
    """A ranker of known scores, for the candidates in the order they come in."""

    def rank(user_ids, paper_ids, k, **_choice):
        papers = [
            RankedPaper(paper_id, score, {"kind": "new"}) for paper_id, score in zip(paper_ids, scores, strict=False)
        ]
        return dict.fromkeys(user_ids, papers[:k])

    return rank


def test_better_six_good_papers_than_ten(new_papers, monkeypatch):
    monkeypatch.setattr(digest, "rank", scored([9.0, 8.0, 5.0, 3.0, 2.0, 0.6, 0.4, 0.3, 0.2, 0.1]))
    readers = {threshold: make_due_reader(threshold=threshold) for threshold in ("low", "usual", "high")}
    made = {row.subscription_id: row for row in compose_for(*readers.values())}
    counts = {threshold: len(made[reader.pk].items) for threshold, reader in readers.items()}
    assert counts == {"low": 10, "usual": 6, "high": 3}


def test_below_the_threshold_of_a_reader_there_is_no_digest_and_the_row_counts_them(new_papers, monkeypatch):
    monkeypatch.setattr(digest, "rank", scored([9.0, 8.0, 0.4, 0.3]))
    [made] = compose_for(make_due_reader())
    assert (made.state, made.state_reason) == ("skipped", "only 2 papers passed your threshold")


def test_each_reader_gets_as_many_as_they_asked_for_also_in_one_chunk(db):
    for number in range(32):
        make_paper(published_at=MORNING - timedelta(hours=1, minutes=number))
    readers = {n_papers: make_due_reader(n_papers=n_papers, threshold="low") for n_papers in (3, 7, 30)}
    made = {row.subscription_id: row for row in compose_for(*readers.values())}
    assert {n_papers: len(made[reader.pk].items) for n_papers, reader in readers.items()} == {3: 3, 7: 7, 30: 30}


def test_who_is_due_is_found_by_an_index():
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")  # it would read so small a table whole
    index = next(index.name for index in Subscription._meta.indexes if index.fields == ["next_digest_at"])
    assert index in Subscription.objects.due().explain()


def test_too_few_papers_are_no_digest_and_the_row_says_why():
    make_paper("One", published_at=MORNING - timedelta(hours=3))
    make_paper("Two", published_at=MORNING - timedelta(hours=4))
    alice = make_due_reader()
    [made] = compose_for(alice)
    assert (made.state, made.items) == ("skipped", [])
    assert "only 2 papers" in made.state_reason
    alice.refresh_from_db()
    assert alice.next_digest_at > MORNING


def test_composing_twice_makes_one_digest_and_repeats_its_id(new_papers):
    alice = make_due_reader()
    first = digest.compose([alice.pk])
    Subscription.objects.update(next_digest_at=MORNING)  # as a dispatcher that read it earlier saw it
    assert digest.compose([alice.pk]) == first
    assert Digest.objects.count() == 1


def test_who_leaves_while_the_digest_is_composed_gets_none(new_papers):
    alice = make_due_reader()
    drafts = digest.draft(edition_for(date(2025, 5, 5)), [alice], MORNING)
    Subscription.objects.update(unsubscribed_at=MORNING, next_digest_at=None)
    assert digest.store(drafts, MORNING) == []
    assert not Digest.objects.exists()
    alice.refresh_from_db()
    assert alice.next_digest_at is None


def test_a_weekly_reader_gets_the_whole_week(db):
    week_old = [make_paper(published_at=MORNING - timedelta(days=6, hours=20 + n)) for n in range(3)]
    weekly = make_due_reader(cadence="weekly", weekday=0)
    last_week = date(2025, 4, 28)
    Digest.objects.create(
        subscription=weekly, edition=edition_for(last_week), period=last_week, state="sent", message_id="<a@b>"
    )
    made = next(row for row in compose_for(weekly) if row.period == date(2025, 5, 5))
    assert set(made.paper_ids) == {paper.pk for paper in week_old}


def test_after_a_holiday_one_digest_with_the_best_of_the_time_away(db, settings):
    three_weeks_old = [make_paper(published_at=MORNING - timedelta(days=21, hours=n)) for n in range(3)]
    before_bound = make_paper(published_at=MORNING - timedelta(days=45))
    alice = make_due_reader()
    left_on = date(2025, 3, 1)
    Digest.objects.create(
        subscription=alice, edition=edition_for(left_on), period=left_on, state="sent", message_id="<a@b>"
    )
    made = next(row for row in compose_for(alice) if row.period == date(2025, 5, 5))
    assert set(made.paper_ids) == {paper.pk for paper in three_weeks_old}
    assert before_bound.pk not in made.paper_ids


def test_a_catalogue_that_ended_gives_its_newest_papers(settings, new_papers):
    settings.CANDIDATE_WINDOW_ANCHOR = "newest"
    with time_machine.travel(MORNING + timedelta(days=400), tick=False):
        [made] = compose_for(make_due_reader())
        assert set(made.paper_ids) <= {paper.pk for paper in new_papers}
        assert len(made.paper_ids) == 10


def test_queries_do_not_grow_with_the_readers(new_papers, django_assert_max_num_queries):
    edition_for(date(2025, 5, 5))
    one = [make_due_reader()]
    with django_assert_max_num_queries(40) as for_one:
        digest.compose([subscription.pk for subscription in one])
    twenty = [make_due_reader() for _ in range(20)]
    with django_assert_max_num_queries(40) as for_twenty:
        digest.compose([subscription.pk for subscription in twenty])
    assert len(for_twenty) <= len(for_one)


def test_a_rehearsal_keeps_nothing(new_papers):
    alice = make_due_reader()
    [made] = digest.rehearse([alice.pk], MORNING)
    assert len(made.items) == 10
    assert not Digest.objects.exists()
    alice.refresh_from_db()
    assert alice.next_digest_at == MORNING.replace(minute=0)


def test_the_sweep_asks_again_for_what_was_composed_and_forgotten_but_not_all_the_time(new_papers):
    ready = digest.compose([make_due_reader().pk])
    assert digest.sweep().to_send == []  # a worker was asked just now
    with time_machine.travel(MORNING + timedelta(minutes=6), tick=False):
        assert digest.sweep().to_send == ready
        assert digest.sweep().to_send == []
    with time_machine.travel(MORNING + timedelta(minutes=12), tick=False):
        assert digest.sweep().to_send == ready
