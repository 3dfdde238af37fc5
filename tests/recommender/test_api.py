"""The API, as a program asks it, and against its own description."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import schemathesis
import time_machine
from django.core.cache import cache
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance

from accounts.models import User
from accounts.tokens import make_token
from config.wsgi import application
from recommender.interactions import record
from recommender.library import annotate
from recommender.models import Interaction
from tests.factories import make_paper

pytestmark = pytest.mark.django_db

MAY_DAY = datetime(2025, 5, 1, tzinfo=UTC)


class Program(Client):
    """A client with a token."""

    def ask(self, path: str, status: int = 200, **data: Any) -> Any:
        response = self.get(f"/api/v1/{path}", data)
        assert response.status_code == status, response.content
        return response.json()

    def say(self, status: int = 200, **said: Any) -> Any:
        response = self.post("/api/v1/interactions", said, content_type="application/json")
        assert response.status_code == status, response.content
        return response.json()


@pytest.fixture
def anybody() -> Program:
    return Program()


@pytest.fixture
def program(alice: User) -> Program:
    return Program(headers={"Authorization": f"Bearer {make_token(alice, 'test')}"})


def titles(answer: dict[str, Any]) -> list[str]:
    return [paper["title"] for paper in answer["papers"]]


# --- for everybody ---------------------------------------------------------------------------------------------------


def test_a_paper_is_told_as_the_catalogue_has_it(anybody: Program, settings: Settings) -> None:
    settings.BASE_URL = "https://broadsheet.example.org"
    paper = make_paper(
        "x<y & z", abstract="An abstract.", topics=["Speech"], authors=["Ada Lovelace", "Grace Hopper"],
        published_precision="month", pdf_url="https://papers.example.org/1.pdf", url="https://papers.example.org/1",
    )  # fmt: skip
    paper.identifiers.all().delete()
    paper.identifiers.create(scheme="arxiv", value="2505.00001", version=2)
    assert anybody.ask(f"papers/{paper.pk}") == {
        "id": paper.pk,
        "title": "x<y & z",
        "abstract": "An abstract.",
        "authors": ["Ada Lovelace", "Grace Hopper"],
        "topics": [{"slug": "speech", "name": "Speech"}],
        "identifiers": [{"scheme": "arxiv", "value": "2505.00001", "version": 2}],
        "published": "2025-05",
        "page": f"https://broadsheet.example.org/paper/{paper.pk}/",
        "url": "https://papers.example.org/1",
        "pdf_url": "https://papers.example.org/1.pdf",
        "code_url": "",
    }


def test_papers_come_newest_first_page_by_page(anybody: Program) -> None:
    for day in range(1, 6):
        make_paper(f"Day {day}", published_at=datetime(2025, 5, day, tzinfo=UTC))
    first = anybody.ask("papers", per_page=2)
    assert (titles(first), first["count"], first["next_page"]) == (["Day 5", "Day 4"], 5, 2)
    last = anybody.ask("papers", per_page=2, page=3)
    assert (titles(last), last["next_page"]) == (["Day 1"], None)
    assert anybody.ask("papers", page=1_000_000)["papers"] == []


def test_papers_and_search_take_the_same_filters(anybody: Program) -> None:
    for day, topic in ((1, "Speech"), (2, "Speech"), (3, "Speech"), (2, "Robots")):
        make_paper(f"Listening {topic} {day}", topics=[topic], published_at=datetime(2025, 5, day, 13, tzinfo=UTC))
    filters = {"topic": "speech", "since": "2025-05-02", "until": "2025-05-02"}
    assert titles(anybody.ask("papers", **filters)) == ["Listening Speech 2"]
    assert titles(anybody.ask("search", q="listening", **filters)) == ["Listening Speech 2"]


def test_search_keeps_the_best_match_first(anybody: Program) -> None:
    make_paper("On cups", abstract="Birds are mentioned.")
    make_paper("Birds, birds, birds")
    assert titles(anybody.ask("search", q="birds")) == ["Birds, birds, birds", "On cups"]
    assert anybody.ask("search")["papers"] == []


@pytest.mark.parametrize("status", ["hidden", "pending", "withdrawn", "embargoed"])
def test_what_readers_may_not_see_is_not_there(program: Program, alice: User, status: str) -> None:
    paper = make_paper("Secret", status=status)
    program.ask(f"papers/{paper.pk}", 404)
    assert program.ask("papers")["count"] == 0
    assert program.ask("search", q="secret")["papers"] == []
    program.say(404, paper=paper.pk, kind="save")
    assert not Interaction.objects.exists()


@pytest.mark.parametrize(
    "path",
    ["papers?page=0", "papers?page=x", "papers?since=yesterday", "papers?topic=a%00b", "papers/0", "papers/x",
     "search?k=101", "papers/99999999999999999999"],
)  # fmt: skip
def test_nonsense_is_refused_with_what_is_wrong_and_where(anybody: Program, path: str) -> None:
    (detail,) = anybody.ask(path, 422)["detail"]
    assert detail["msg"]


# --- a reader's own --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer x"}, {"Authorization": "Basic x"}])
def test_a_reader_s_own_asks_for_a_token(alice: User, headers: dict[str, str]) -> None:
    stranger = Program(headers=headers)
    stranger.force_login(alice)  # a browser's cookie is none
    for path in ("recommendations", "export"):
        stranger.ask(path, 401)
    stranger.say(401, paper=make_paper().pk, kind="save")
    assert not Interaction.objects.exists()


@time_machine.travel(MAY_DAY + timedelta(hours=9))
def test_recommendations_come_with_why(program: Program, alice: User, artifacts: Path) -> None:
    record(alice, make_paper("Birds sing", topics=["Birds"], published_at=MAY_DAY - timedelta(days=40)), "save")
    for number in range(3):
        make_paper(f"Birds sing again {number}", topics=["Birds"], published_at=MAY_DAY)
    found = program.ask("recommendations", k=2)["recommended"]
    assert len(found) == 2
    assert all(item["paper"]["title"].startswith("Birds sing again") and item["why"] for item in found)


def test_an_interaction_is_recorded_and_taken_back(program: Program, alice: User) -> None:
    paper = make_paper()
    paper.identifiers.create(scheme="arxiv", value="2505.00001")
    for name in (paper.pk, "arXiv:2505.00001v3", "https://arxiv.org/abs/2505.00001"):
        assert program.say(paper=name, kind="save") == {"paper": paper.pk, "kinds": ["save"]}
    interaction = Interaction.objects.get()
    assert (interaction.user, interaction.source) == (alice, "api")
    response = program.delete(f"/api/v1/interactions/{paper.pk}/save")
    assert response.json() == {"paper": paper.pk, "kinds": []}
    assert not Interaction.objects.exists()


@pytest.mark.parametrize("said", [{}, {"paper": 1}, {"paper": 1, "kind": "import"}, {"paper": None, "kind": "save"}])
def test_only_what_a_reader_can_say_is_taken(program: Program, said: dict[str, Any]) -> None:
    program.say(422, **said)


@pytest.mark.parametrize("name", [0, -1, 10**30, "", "x", "\x00", "\ud800", "10.1/x", "2505.00001"])
def test_a_paper_that_is_not_here_is_not_found(program: Program, name: Any) -> None:
    program.say(404, paper=name, kind="save")


def test_the_library_is_exported_in_four_formats(program: Program, alice: User, bob: User) -> None:
    paper = make_paper("Mine", authors=["Ada Lovelace"])
    record(alice, paper, "save")
    annotate(alice, paper, ["maths"], "A note.")
    record(bob, make_paper("Bob's"), "save")
    for form, start in (("json", "["), ("bib", "@misc{"), ("ris", "TY  - "), ("csv", "\ufefftitle,")):
        response = program.get("/api/v1/export", {"format": form})
        text = b"".join(response).decode()  # type: ignore[arg-type]
        assert text.startswith(start)
        assert "maths" in text
        assert "Bob's" not in text
    assert b"".join(program.get("/api/v1/export", {"shelf": "read"})) == b"[]\n"  # type: ignore[arg-type]


# --- limits and description ------------------------------------------------------------------------------------------


def test_requests_are_limited_by_reader_and_by_network(
    program: Program, anybody: Program, bob: User, settings: Settings
) -> None:
    settings.API_REQUESTS_OF_A_NETWORK, settings.API_REQUESTS_OF_A_READER = 2, 3
    for client, path, n_allowed in ((anybody, "papers", 2), (program, "export", 3)):
        statuses = [client.get(f"/api/v1/{path}").status_code for _ in range(n_allowed + 1)]
        assert statuses == [200] * n_allowed + [429]
    other = Program(headers={"Authorization": f"Bearer {make_token(bob, 'test')}"})
    assert other.get("/api/v1/export").status_code == 200


def test_the_reference_names_every_operation(anybody: Program) -> None:
    html = anybody.get("/api/v1/").content.decode()
    described = anybody.ask("openapi.json")
    operations = [(method, path) for path, methods in described["paths"].items() for method in methods]
    assert len(operations) == 7
    for method, path in operations:
        assert f"<code>{method.upper()} {path}</code>" in html
    assert "script-src 'self'" in anybody.get("/api/v1/")["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["papers", "search?q=birds", "export"])
def test_twenty_papers_cost_as_many_queries_as_one(program: Program, alice: User, path: str) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as context:
            list(program.get(f"/api/v1/{path}"))
        return len(context)

    def add(number: int) -> None:
        record(alice, make_paper(f"Birds {number}", topics=["Speech"], authors=[f"A {number}"]), "save")

    add(0)
    queries()  # the first also notes the token's use
    one = queries()
    for number in range(1, 20):
        add(number)
    queries()  # the first also reads the words of papers that the ranker has not seen, once
    assert queries() == one


# --- whatever is asked -----------------------------------------------------------------------------------------------


@pytest.fixture
def open_database() -> Iterator[None]:
    """Django closes its connections around a request of a real server, and would this test's transaction."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


description = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", application)


@description.parametrize()
@hypothesis.settings(max_examples=40, suppress_health_check=list(hypothesis.HealthCheck), derandomize=True)
@pytest.mark.usefixtures("open_database", "artifacts")
def test_whatever_is_asked_is_answered_as_described(case: schemathesis.Case, alice: User) -> None:
    cache.clear()  # of the limits
    if not alice.interactions.exists():
        record(alice, make_paper("Birds sing", topics=["Birds"], authors=["Ada Lovelace"]), "save")
    case.call_and_validate(
        headers={"Authorization": f"Bearer {make_token(alice, 'test')}"},
        checks=[not_a_server_error, response_schema_conformance],
    )
