"""What a reader would get now and why: the parts shown add up, two versions side by side."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.urls import reverse

from newsletter.editions import edition_for
from newsletter.models import Experiment, Pick, Subscription
from newsletter.preview import new_reader
from newsletter.why import list_of, side_by_side
from papers.models import Author
from recommender.interactions import record
from recommender.models import Interest
from recommender.ranking import rank
from recommender.training import train
from tests.factories import make_paper, make_reader, make_topic
from tests.newsletter.conftest import MORNING, make_due_reader

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def morning(settings):
    settings.EXPLORATION = 0.0
    with time_machine.travel(MORNING, tick=False) as clock:
        yield clock


@pytest.fixture
def reader(new_papers) -> Subscription:
    """Who reads, follows, refuses, and keeps an interest apart."""
    subscription = make_due_reader("alice@example.org", threshold="low")
    for number in range(4):
        old = make_paper(
            f"Speech recognition, chapter {number}",
            abstract="We recognise speech.",
            published_at=MORNING - timedelta(60),
        )
        record(subscription.user, old, "save")
    record(subscription.user, make_paper("Cups that break", published_at=MORNING - timedelta(50)), "less")
    make_paper("Whales that sing", topics=["Whales"], published_at=MORNING - timedelta(hours=3))
    interest = Interest.objects.create(user=subscription.user)
    interest.authors.add(Author.objects.create(name="Emmy Noether"))
    Interest.objects.create(user=subscription.user, name="The sea").topics.add(make_topic("Whales"))
    return subscription


@pytest.fixture
def two_versions(reader, morning, settings, tmp_path) -> list[str]:
    settings.ARTIFACTS_DIR = tmp_path
    names = []
    for _ in range(2):
        names.append(train().version.name)
        morning.shift(1)  # a version is named after its second
    return names


@pytest.fixture
def desk(client):
    client.force_login(make_reader("editor@example.org", is_staff=True, is_superuser=True))
    return client


def test_the_parts_shown_add_up_to_the_score_shown_and_that_is_the_rankers(reader, two_versions, new_papers):
    for version in ["", *two_versions]:
        found = list_of(reader, version, MORNING)
        assert len(found.rows) >= 5
        ranked = {
            item.paper_id: item.score
            for item in rank([reader.user_id], [p.pk for p in new_papers] + [row.paper.pk for row in found.rows], 30,
                             at=MORNING, version=version)[reader.user_id]
        }  # fmt: skip
        for row in found.rows:
            assert round(sum(row.parts), 6) == pytest.approx(row.scored.score, abs=1e-9)
            assert row.scored.lift == pytest.approx(ranked[row.paper.pk], rel=2e-3)
        assert "The sea" in " ".join(row.why for row in found.rows)


def test_picks_stand_first_and_are_marked(reader, new_papers):
    Pick.objects.create(edition=edition_for(MORNING.date()), paper=new_papers[9])
    first = list_of(reader, "", MORNING).rows[0]
    assert (first.paper, first.is_pick) == (new_papers[9], True)


def test_two_versions_side_by_side_say_where_the_other_has_a_paper(reader, two_versions):
    one, other = side_by_side(reader, two_versions, MORNING)
    assert [row.paper.pk for row in one.rows] == [row.paper.pk for row in other.rows]  # learnt from the same
    assert [row.elsewhere for row in one.rows] == list(range(1, len(one.rows) + 1))


def test_a_running_experiment_mixes_nothing_in(reader, two_versions):
    from recommender.models import RankerVersion

    a, b = RankerVersion.objects.all()[:2]
    Experiment.objects.create(name="Two", ranker_a=a, ranker_b=b, last_day=MORNING.date(), state="running")
    assert list_of(reader, two_versions[0], MORNING).rows


def test_a_new_reader_gets_a_list_too(new_papers):
    found = list_of(new_reader(), "", MORNING)
    assert found.rows or found.reason


def test_the_page_shows_both_and_tells_of_a_version_that_is_gone(desk, reader, two_versions, settings):
    url = reverse("admin:newsletter_subscription_why")
    asked = {"email": "Alice@example.org", "version": two_versions[0], "beside": two_versions[1]}
    page = desk.get(url, asked).content.decode()
    assert page.count("Times likelier") == 2
    assert "In the other" in page
    assert "meaning" in page
    assert "No reader with a subscription" in desk.get(url, {"email": "nobody@example.org"}).content.decode()
    from recommender.models import RankerVersion

    RankerVersion.objects.create(name="gone")
    gone = desk.get(url, {"email": "alice@example.org", "version": "gone"})
    assert gone.status_code == 200
    assert "Times likelier" not in gone.content.decode()


def test_it_takes_the_rights_of_an_editor(client, reader):
    client.force_login(make_reader("helper@example.org", is_staff=True))
    assert client.get(reverse("admin:newsletter_subscription_why")).status_code == 403
