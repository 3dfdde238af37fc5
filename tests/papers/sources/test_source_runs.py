"""A source is run by one process at a time, goes on where it was killed, and says what is wrong with it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client as Browser
from django.utils import timezone
from pytest_django import Settings

from papers import tasks
from papers.fetching import Client
from papers.models import Merge, Paper, RequestTurn, SetAside, Source, SourceRun, Topic
from papers.set_aside import StillRefused, take_mended
from papers.source_runs import AlreadyRunning, run_source, staleness
from papers.sources.announcement_days import holidays
from tests.factories import make_paper, make_reader
from tests.papers.sources import documents
from tests.papers.sources.documents import Fact
from tests.papers.sources.local_server import Answer, Request, serving

pytestmark = pytest.mark.django_db
JUNE_4 = datetime(2024, 6, 4, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _quick_and_local(settings: Settings, time_machine: Any) -> None:
    settings.FETCH_ALLOW_PRIVATE = True
    settings.FETCH_INTERVAL_SECONDS = 0.0
    time_machine.move_to(JUNE_4, tick=False)


def no_waiting(seconds: float) -> None:
    RequestTurn.objects.update(free_at=timezone.now())


def make_source(url: str, kind: str = "arxiv-api", **fields: Any) -> Source:
    return Source.objects.create(**({"name": "source", "kind": kind, "url": url, "query": "cs.LG"} | fields))


def run(source: Source, **options: Any) -> SourceRun:
    source.refresh_from_db()
    return run_source(source, client=Client(pause=no_waiting), **options)


def api(*facts: Fact, page: int = 2) -> Callable[[Request], Answer]:
    def answer(request: Request) -> Answer:
        start = int(request.query["start"])
        return Answer(documents.arxiv_api(facts[start : start + page], len(facts), start))

    return answer


FACTS = [Fact(f"2406.0000{number}", f"On engine {number}") for number in range(1, 6)]
BAD = Fact("not-an-id", "On engine 6")


def test_a_run_takes_every_page_and_notes_what_it_did() -> None:
    with serving(api(*FACTS)) as web:
        source = make_source(web.url, every_minutes=60)
        source.topics.add(Topic.objects.create(slug="engines", name="Engines"))
        done = run(source)
        again = run(source)
    assert (done.state, done.added, done.n_requests) == (SourceRun.State.DONE, 5, 3)
    assert (again.added, again.unchanged) == (0, 5)
    source.refresh_from_db()
    assert source.next_run_at == JUNE_4 + timedelta(minutes=60)
    assert source.complete_until == source.last_success_at == JUNE_4
    assert (source.health().colour, source.is_running, source.resume) == ("green", False, {})
    assert {topic.name for topic in Paper.objects.first().topics.all()} == {"Machine Learning", "Engines"}


def test_a_run_looks_again_at_the_week_before() -> None:
    with serving(api(*FACTS)) as web:
        source = make_source(web.url, complete_until=JUNE_4 - timedelta(days=20))
        assert run(source).since == JUNE_4 - timedelta(days=27)


def test_a_source_is_run_once_at_a_time(time_machine: Any) -> None:
    with serving(api(*FACTS)) as web:
        source = make_source(web.url)
        assert Source.objects.claim(source.pk, "another", timezone.now() + timedelta(minutes=5))
        with pytest.raises(AlreadyRunning):
            run(source)
        assert list(Source.objects.due()) == []
        time_machine.move_to(JUNE_4 + timedelta(minutes=6), tick=False)
        assert run(source).added == 5
    assert len(web.requests) == 3


def test_a_run_that_was_overtaken_leaves_the_rest_to_the_other(time_machine: Any) -> None:
    with serving(api(*FACTS)) as web:
        source = make_source(web.url)

        def lose_the_lease(row: SourceRun) -> None:
            Source.objects.filter(pk=source.pk).update(lease_token="another")

        lost = run(source, on_page=lose_the_lease)
    assert (lost.state, lost.error, lost.added) == (SourceRun.State.FAILED, "it was overtaken by another run", 2)
    source.refresh_from_db()
    assert source.lease_token == "another"
    assert source.is_running


def test_a_killed_run_goes_on_after_its_last_page() -> None:
    class Killed(BaseException):
        pass

    def die(row: SourceRun) -> None:
        raise Killed

    with serving(api(*FACTS)) as web:
        source = make_source(web.url)
        with pytest.raises(Killed):
            run(source, on_page=die)
        assert Paper.objects.count() == 2
        done = run(source)
    assert (done.added, Paper.objects.count()) == (3, 5)
    assert [request.query["start"] for request in web.requests] == ["0", "2", "4"]
    assert source.runs.last().state == SourceRun.State.LOST


def test_a_run_that_fails_keeps_what_it_has_and_its_place_and_says_since_when(time_machine: Any) -> None:
    down = True

    def answer(request: Request) -> Answer:
        return Answer(status=500) if down and request.query["start"] == "2" else api(*FACTS)(request)

    with serving(answer) as web:
        source = make_source(web.url)
        failed = run(source)
        assert (failed.state, failed.added) == (SourceRun.State.FAILED, 2)
        time_machine.move_to(JUNE_4 + timedelta(hours=3), tick=False)
        run(source)
        source.refresh_from_db()
        assert (source.health().colour, source.health().since) == ("red", JUNE_4)
        assert "answered 500 (tried 4 times)" in source.last_error
        assert source.complete_until is None
        down = False
        assert run(source).added == 3
    source.refresh_from_db()
    assert (source.health().colour, source.health().since) == ("green", JUNE_4 + timedelta(hours=3))
    assert source.last_error == ""


def test_a_long_retry_after_postpones_the_next_run() -> None:
    with serving(lambda request: Answer(status=429, headers={"Retry-After": "86400"})) as web:
        source = make_source(web.url)
        run(source)
    source.refresh_from_db()
    assert source.next_run_at == JUNE_4 + timedelta(days=1)


def test_a_dry_run_says_what_would_be_and_keeps_nothing() -> None:
    with serving(api(*FACTS, BAD)) as web:
        source = make_source(web.url)
        told = run(source, dry_run=True)
    assert (told.added, told.set_aside) == (5, 1)
    assert (Paper.objects.count(), SetAside.objects.count(), SourceRun.objects.count()) == (0, 0, 0)
    source.refresh_from_db()
    assert (source.is_running, source.complete_until) == (False, None)


def test_a_bad_entry_is_kept_aside_once_mended_and_taken() -> None:
    with serving(api(*FACTS, BAD)) as web:
        source = make_source(web.url)
        assert run(source).set_aside == 1
        run(source)
        (kept,) = SetAside.objects.all()
        assert "is not an arXiv id" in kept.reason
        assert "On engine 6" in kept.entry
        with pytest.raises(StillRefused, match="no record yet"):
            take_mended(kept)
        kept.record = {"id": "2406.00006"}
        with pytest.raises(StillRefused, match="title is missing"):
            take_mended(kept)
        kept.record = {"id": "2406.00006", "title": "On engine 6", "published_at": "2024-06-04"}
        take_mended(kept)
        run(source)
    assert Paper.objects.count() == 6
    assert SetAside.objects.get().state == SetAside.State.TAKEN


@pytest.mark.parametrize(
    ("at", "newest", "expects", "error"),
    [
        ("2024-06-04T14:00", "2024-06-04", "weekdays", ""),
        ("2024-06-04T14:00", "2024-06-03", "weekdays",
         "no new id since Monday, 3 June, where Tuesday, 4 June was expected"),
        ("2024-06-04T09:00", "2024-06-03", "weekdays", ""),  # before eight in the morning in New York
        ("2024-06-08T14:00", "2024-06-07", "weekdays", ""),  # Saturday
        ("2024-06-09T14:00", "2024-06-07", "weekdays", ""),
        ("2024-06-10T14:00", "2024-06-07", "weekdays",
         "no new id since Friday, 7 June, where Monday, 10 June was expected"),
        ("2024-05-27T14:00", "2024-05-24", "weekdays", ""),  # Memorial Day
        ("2024-12-25T14:00", "2024-12-23", "weekdays", ""),
        ("2024-06-05T14:00", "2024-06-04", "weekdays", ""),  # a quiet day of the source's own
        ("2024-06-08T14:00", "2024-06-07", "daily",
         "no new id since Friday, 7 June, where Saturday, 8 June was expected"),
        ("2024-06-08T14:00", "2020-01-01", "any time", ""),
        ("2024-06-04T14:00", "", "weekdays", "no new id at all"),
        ("2024-06-08T14:00", "", "weekdays", ""),
    ],
)  # fmt: skip
def test_a_stale_source_is_told_and_quiet_days_are_known(at: str, newest: str, expects: str, error: str) -> None:
    newest_at = datetime.fromisoformat(newest).replace(tzinfo=UTC) if newest else None
    source = Source(expects=expects, newest_at=newest_at, quiet_days=["2024-06-05"])
    assert staleness(source, datetime.fromisoformat(at).replace(tzinfo=UTC)) == error


# --- the command and the tasks ----------------------------------------------------------------------------------------


def test_the_command_fetches_and_says_what_it_did(capsys: pytest.CaptureFixture[str]) -> None:
    with serving(api(*FACTS, BAD, page=9)) as web:
        make_source(web.url)
        call_command("fetch_papers", "source", "--since", "2024-06-01", "--until", "2024-06-04", "--dry-run")
        call_command("fetch_papers", "source")
    assert capsys.readouterr().out.splitlines() == [
        "source: added 5, updated 0, unchanged 0, set aside 1, requests 1 (dry run: nothing kept)",
        "source: added 5, updated 0, unchanged 0, set aside 1, requests 1",
    ]
    assert "submittedDate:[202405180000 TO 202406050000]" in web.requests[0].query["search_query"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "There is no source nowhere"),
        ([], "No source is enabled"),
        (["arxiv", "--since", "yesterday"], "--since yesterday is not a day"),
        (["arxiv", "--since", "2024-13-01"], "--since 2024-13-01 is not a day"),
        (["arxiv", "--since", "2024-06-03", "--until", "2024-06-01"], "--since must be before --until"),
        (["arxiv", "--since", "2030-01-01"], "before now"),
    ],
)
def test_what_the_command_cannot_do_is_one_line_and_status_two(arguments: list[str], message: str) -> None:
    Source.objects.update_or_create(name="arxiv", defaults={"kind": "arxiv", "enabled": False})
    with pytest.raises(CommandError, match=message) as error:
        call_command("fetch_papers", *arguments)
    assert error.value.returncode == 2


def test_a_source_that_fails_sets_the_exit_status_and_the_others_run(capsys: pytest.CaptureFixture[str]) -> None:
    with serving(lambda request: Answer(status=404)) as broken, serving(api(*FACTS, page=9)) as web:
        make_source(broken.url, name="broken")
        make_source(web.url, name="well")
        with pytest.raises(CommandError) as error:
            call_command("fetch_papers", "broken", "well")
    assert error.value.returncode == 1
    out = capsys.readouterr().out
    assert "; failed: http://127.0.0.1" in out
    assert "well: added 5" in out


def test_the_schedule_asks_for_what_is_due_and_then_for_what_follows(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(tasks.fetch_source, "delay", asked.append)
    monkeypatch.setattr(tasks.current_app, "send_task", asked.append)
    with serving(api(*FACTS, page=9)) as web:
        source = make_source(web.url)
        make_source(web.url, name="off", enabled=False)
        make_source(web.url, name="later", next_run_at=JUNE_4 + timedelta(minutes=1))
        tasks.fetch_due()
        assert asked == [source.pk]
        tasks.fetch_source(source.pk)
        tasks.fetch_source(source.pk)  # nothing has come: nothing follows
        tasks.fetch_source(0)
    assert asked == [source.pk, "recommender.tasks.embed_new_papers"]
    assert Paper.objects.count() == 5


def test_likely_doubles_of_what_has_come_are_put_before_an_editor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks.current_app, "send_task", lambda name: None)
    make_paper("On the engine", authors=["Ada Lovelace"], published_at=datetime(2024, 5, 1, tzinfo=UTC))
    facts = [Fact("2406.00001", "On the engines", authors=(("Ada", "Lovelace"),))]
    with serving(api(*facts)) as web:
        tasks.fetch_source(make_source(web.url).pk)
    assert Merge.objects.get().state == Merge.State.PROPOSED


# --- the page of all sources ------------------------------------------------------------------------------------------


def test_one_page_shows_every_source_green_or_red_and_since_when(client: Browser) -> None:
    client.force_login(make_reader("editor@example.org", is_staff=True, is_superuser=True))
    since = JUNE_4 - timedelta(days=1)
    make_source("", name="good", last_success_at=JUNE_4, well_since=since)
    make_source("", name="bad", failing_since=since, last_error="no new id since Monday")
    make_source("", name="late", last_success_at=JUNE_4 - timedelta(days=3), every_minutes=60)
    page = client.get("/admin/papers/source/").content.decode()
    for words in ("good", "well", "bad", "failing", "no new id since Monday", "late", "not run", "2024-06-03 12:00"):
        assert words in page


def test_an_editor_mends_and_an_editor_decides(client: Browser) -> None:
    client.force_login(make_reader("editor@example.org", is_staff=True, is_superuser=True))
    kept = SetAside.objects.create(place="x", reason="title is missing", entry="<entry/>", digest="1")
    record = json.dumps({"id": "2406.00001", "title": "Mended", "published_at": "2024-06-04"})
    client.post(f"/admin/papers/setaside/{kept.pk}/change/", {"record": record})
    assert Paper.objects.get().title == "Mended"
    kept.refresh_from_db()
    assert kept.state == SetAside.State.TAKEN
    one, other = make_paper(), make_paper()
    pair = Merge.objects.create(kept=one, absorbed=other, reason="alike")
    for action, state in (("merge_them", "done"), ("undo", "undone")):
        client.post("/admin/papers/merge/", {"action": action, "_selected_action": [pair.pk]})
        pair.refresh_from_db()
        assert pair.state == state
    for name in ("setaside", "merge", "source", "sourcerun"):
        assert client.get(f"/admin/papers/{name}/").status_code == 200
    assert client.get(f"/admin/papers/merge/{pair.pk}/change/").status_code == 200
    assert client.get("/admin/papers/source/add/").status_code == 200


def test_a_feed_without_an_address_is_refused_where_it_is_typed(client: Browser) -> None:
    client.force_login(make_reader("editor@example.org", is_staff=True, is_superuser=True))
    form = {"name": "blog", "kind": "feed", "expects": "any time", "every_minutes": "60", "quiet_days": "[]"}
    assert "needs an address" in client.post("/admin/papers/source/add/", form).content.decode()
    client.post("/admin/papers/source/add/", form | {"url": "https://blog.example.org/feed"})
    assert Source.objects.get(name="blog").kind == "feed"


def test_the_day_of_a_holiday_that_moves() -> None:
    assert {date(2024, 1, 15), date(2024, 5, 27), date(2024, 9, 2), date(2024, 11, 28)} <= holidays(2024)
    assert {date(2023, 5, 29), date(2023, 9, 4), date(2023, 11, 23)} <= holidays(2023)
