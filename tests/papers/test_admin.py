"""The catalogue on the editors' desk: every page opens at a steady cost, and what editors decide is kept and signed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import User
from papers.models import Author, Identifier, Paper, Topic
from tests.factories import make_paper, make_reader, make_topic

pytestmark = pytest.mark.django_db


@pytest.fixture
def editor() -> User:
    return make_reader("editor@example.org", is_staff=True, is_superuser=True)


@pytest.fixture
def desk(client: Client, editor: User) -> Client:
    client.force_login(editor)
    return client


def address(model: str, page: str, *args: Any) -> str:
    return reverse(f"admin:papers_{model}_{page}", args=args)


def shown(desk: Client, **query: str) -> list[str]:
    response = desk.get(address("paper", "changelist"), query)
    assert response.status_code == 200
    return [paper.title for paper in response.context["cl"].result_list]


@pytest.mark.parametrize("model", [Paper, Topic, Author])
def test_every_list_row_and_empty_form_opens(desk: Client, model: type[Any]) -> None:
    make_paper("Speech from noise", topics=["Speech"], authors=["Ada Lovelace"], abstract="Of sounds.")
    name = model._meta.model_name

    for page in (
        address(name, "changelist"),
        address(name, "changelist") + "?q=speech",
        address(name, "add"),
        address(name, "change", model.objects.get().pk),
        address(name, "history", model.objects.get().pk),
        address(name, "delete", model.objects.get().pk),
    ):
        assert desk.get(page).status_code == 200


@pytest.mark.parametrize("model", ["paper", "topic", "author"])
def test_a_list_of_twenty_costs_the_queries_of_a_list_of_one(desk: Client, model: str) -> None:
    def n_queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert desk.get(address(model, "changelist")).status_code == 200
        return len(queries)

    make_paper(topics=["Topic 0"], authors=["Author 0"])
    n_queries()  # content types are looked up once
    for_one = n_queries()
    for number in range(1, 20):
        make_paper(topics=[f"Topic {number}", "Topic 0"], authors=[f"Author {number}", "Author 0"])

    assert n_queries() == for_one


def test_papers_are_found_by_words_and_by_identifiers_in_any_dress(desk: Client) -> None:
    paper = make_paper("Speech from noise")
    Identifier.objects.create(paper=paper, scheme="arxiv", value="2301.00001", version=2)
    Identifier.objects.create(paper=paper, scheme="doi", value="10.1000/xyz")
    make_paper("Robots that walk")

    for query in ("noise", "2301.00001", "arXiv:2301.00001v9", "https://doi.org/10.1000/XYZ", "10.1000/x"):
        assert shown(desk, q=query) == ["Speech from noise"]
    assert shown(desk, q="2301.99999") == []


def test_papers_are_filtered_by_status_topic_and_date(desk: Client) -> None:
    make_paper("New", topics=["Speech"], published_at=datetime(2025, 5, 1, tzinfo=UTC))
    make_paper("Old", status=Paper.Status.HIDDEN, published_at=datetime(2020, 5, 1, tzinfo=UTC))

    assert shown(desk, status__exact="hidden") == ["Old"]
    assert shown(desk, topics__id__exact=str(make_topic("Speech").pk)) == ["New"]
    assert shown(desk, published_at__year="2025", published_at__month="5") == ["New"]
    assert shown(desk, published_at__gte="2024-01-01 00:00:00+00:00") == ["New"]


def test_dates_are_shown_as_precisely_as_they_are_known(desk: Client) -> None:
    make_paper(published_at=datetime(2020, 1, 1, tzinfo=UTC), published_precision=Paper.Precision.YEAR)

    page = desk.get(address("paper", "changelist")).content.decode()

    assert "2020" in page
    assert "2020-01" not in page


@pytest.mark.parametrize(
    ("action", "before", "after"),
    [
        ("hide", Paper.Status.PUBLISHED, Paper.Status.HIDDEN),
        ("withdraw", Paper.Status.PUBLISHED, Paper.Status.WITHDRAWN),
        ("publish", Paper.Status.EMBARGOED, Paper.Status.PUBLISHED),
    ],
)
def test_editors_change_the_status_of_many_and_the_log_says_who(
    desk: Client, editor: User, action: str, before: str, after: str
) -> None:
    papers = [make_paper(status=before, status_reason="until May") for _ in range(3)]
    untouched = make_paper(status=before)

    desk.post(address("paper", "changelist"), {"action": action, "_selected_action": [paper.pk for paper in papers]})

    for paper in papers:
        paper.refresh_from_db()
        assert (paper.status, paper.status_reason, paper.embargoed_until) == (after, "", None)
        entry = LogEntry.objects.get(object_id=str(paper.pk))
        assert entry.user_id == editor.pk
        assert after in entry.get_change_message()
    untouched.refresh_from_db()
    assert untouched.status == before
    assert LogEntry.objects.count() == 3


def test_a_merged_paper_stays_hidden(desk: Client) -> None:
    kept = make_paper()
    absorbed = make_paper(status=Paper.Status.HIDDEN, merged_into=kept)

    response = desk.post(
        address("paper", "changelist"), {"action": "publish", "_selected_action": [absorbed.pk]}, follow=True
    )

    absorbed.refresh_from_db()
    assert absorbed.status == Paper.Status.HIDDEN
    assert "take their merge apart" in response.content.decode()


def paper_form(**changed: str) -> dict[str, str]:
    return {
        "title": "Speech from noise",
        "status": "published",
        "published_at_0": "2025-05-01",
        "published_at_1": "00:00:00",
        "published_precision": "day",
        "announcement": "seen",
        "upvotes": "0",
        "authorships-TOTAL_FORMS": "0",
        "authorships-INITIAL_FORMS": "0",
        "identifiers-TOTAL_FORMS": "1",
        "identifiers-INITIAL_FORMS": "0",
        "identifiers-0-scheme": "arxiv",
        "identifiers-0-value": "https://arxiv.org/abs/math.GT/0309136v2",
    } | changed


def test_an_editor_adds_a_paper_with_an_identifier_as_copied(desk: Client) -> None:
    response = desk.post(address("paper", "add"), paper_form())

    assert response.status_code == 302, response.context["errors"]
    row = Identifier.objects.get()
    assert (row.scheme, row.value, row.version) == ("arxiv", "math/0309136", 2)
    assert row.paper.title == "Speech from noise"


def test_what_an_editor_rewrites_takes_the_place_of_the_sources_mathematics(desk: Client) -> None:
    paper = make_paper("O(n) sounds", raw_title="$O(n)$ sounds", abstract="of n", raw_abstract="of $n$")
    form = paper_form(title=" Linear\r\nsounds ", abstract="of n", **{"identifiers-TOTAL_FORMS": "0"})

    response = desk.post(address("paper", "change", paper.pk), form)

    assert response.status_code == 302, response.context["errors"]
    paper.refresh_from_db()
    assert (paper.title, paper.raw_title) == ("Linear sounds", "")
    assert (paper.abstract, paper.raw_abstract) == ("of n", "of $n$")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"identifiers-0-value": "2313.00001"}, "not written as an identifier of that scheme"),
        ({"status": "embargoed"}, "needs the instant"),
        ({"title": ""}, "This field is required"),
        ({"url": "javascript:alert(1)"}, "Enter a valid URL"),
    ],
)
def test_what_cannot_be_is_told_at_its_field(desk: Client, changed: dict[str, str], message: str) -> None:
    response = desk.post(address("paper", "add"), paper_form(**changed))

    assert response.status_code == 200
    assert message in response.content.decode()
    assert not Paper.objects.exists()


def test_readers_stay_outside(client: Client, alice: User) -> None:
    client.force_login(alice)

    assert client.get(address("paper", "changelist")).status_code == 302
