"""The operations page, with a real broker and a real worker, and with none of them."""

from __future__ import annotations

import threading
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path
from typing import Any

import dns.resolver
import pytest
import redis
from celery import current_app
from celery.contrib.testing.worker import start_worker
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from config import operations, task_runs
from config.embedded.valkey import embedded_broker
from config.models import TaskRun
from newsletter import tasks
from papers.models import Source
from recommender.models import RankerVersion
from tests.factories import make_reader

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_name_server")]


@pytest.fixture
def desk(client: Client) -> Client:
    client.force_login(make_reader("root@example.org", is_staff=True, is_superuser=True))
    return client


@pytest.fixture
def silent(settings: Any) -> None:
    """A broker at which nobody listens."""
    settings.REDBEAT_REDIS_URL = "redis://127.0.0.1:1/0"


def page_of(desk: Client, method: str = "get") -> str:
    response = getattr(desk, method)(reverse("desk_operations"))
    assert response.status_code == 200
    return str(response.content.decode())


@pytest.mark.parametrize(("group", "status"), [("Editors", 403), ("Operators", 200), ("Moderators", 403)])
def test_it_is_the_operators(client: Client, silent: None, group: str, status: int) -> None:
    member = make_reader("member@example.org", is_staff=True)
    member.groups.add(Group.objects.get(name=group))
    client.force_login(member)
    for method in (client.get, client.post):
        assert method(reverse("desk_operations")).status_code == status
    assert (reverse("desk_operations") in client.get("/admin/").content.decode()) == (status == 200)


@pytest.fixture
def no_name_server(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(*_: Any, **__: Any) -> None:
        raise dns.resolver.NoNameservers

    monkeypatch.setattr(dns.resolver, "resolve", nobody)


def test_a_broker_that_does_not_answer_is_told_and_the_rest_is_shown(desk: Client, silent: None) -> None:
    page = page_of(desk)
    assert "The broker does not answer" in page
    assert "Scheduled tasks" in page
    assert operations.broker().error


@pytest.mark.journey
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("own_connections")
def test_queues_workers_and_runs_of_a_real_worker(desk: Client, settings: Any) -> None:
    with nullcontext() if settings.REDIS_URL else embedded_broker(settings.EMBEDDED_BROKER_SOCKET):
        current_app.control.purge()
        assert operations.workers() == []
        assert "No worker answered" in page_of(desk)
        for _ in range(3):
            tasks.sweep.delay()
        assert dict(operations.broker().queues)["celery"] == 3
        with redis.Redis.from_url(settings.REDBEAT_REDIS_URL) as client:
            assert operations.broker().has_beat is False
            client.set("redbeat::lock", "1", ex=5)
        assert operations.broker().has_beat is True
        with start_worker(current_app, pool="solo", perform_ping_check=False, shutdown_timeout=20):
            waited = threading.Event()
            for _ in range(100):
                run = TaskRun.objects.filter(task="newsletter.tasks.sweep", ended_at__isnull=False).first()
                if run and dict(operations.broker().queues)["celery"] == 0:
                    break
                waited.wait(0.1)
            (worker,) = operations.workers()
            assert worker.queues == ["celery", "embedding"]
            assert worker.name in page_of(desk)
        assert run is not None
        assert run.error == ""


def test_how_a_scheduled_task_ended_is_kept_and_others_are_not() -> None:
    tasks.sweep.apply()
    run = TaskRun.objects.get()
    assert (run.task, run.error) == ("newsletter.tasks.sweep", "")
    assert run.took is not None
    tasks.deliver_digests.apply(args=[[]])
    assert TaskRun.objects.count() == 1


def test_a_task_that_fails_says_why_and_the_next_run_takes_it_back(
    monkeypatch: pytest.MonkeyPatch, desk: Client
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(tasks.digest, "sweep", lambda: 1 / 0)
        tasks.sweep.apply()
    assert TaskRun.objects.get().error == "ZeroDivisionError: division by zero"
    tasks.sweep.apply()
    assert TaskRun.objects.get().error == ""


def test_a_task_runs_also_where_its_run_cannot_be_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    from django.db import OperationalError

    def locked() -> None:
        raise OperationalError("database is locked")

    monkeypatch.setattr(task_runs, "_runs", locked)
    assert tasks.sweep.apply().successful()


def test_a_task_that_did_not_run_when_it_should_is_late() -> None:
    now = timezone.now()
    TaskRun.objects.create(task="newsletter.tasks.sweep", started_at=now - timedelta(minutes=6), ended_at=now)
    TaskRun.objects.create(task="newsletter.tasks.dispatch_due", started_at=now - timedelta(minutes=16), ended_at=now)
    late = {row.name: row.is_late for row in operations.scheduled(now)}
    assert (late["sweep"], late["who-is-due"], late["forget-old"]) == (False, True, True)


def test_sources_the_ranker_and_the_disk_are_shown(desk: Client, silent: None, settings: Any, tmp_path: Path) -> None:
    settings.ARTIFACTS_DIR = tmp_path
    for name, size in (("rankers/v1", 5000), ("rankers/v2", 2000), ("vectors", 9000)):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "a.array").write_bytes(b"x" * size)
    assert "No ranker is published" in page_of(desk)
    version = RankerVersion.objects.create(name="v1", state="published", published_at=timezone.now())
    Source.objects.create(name="broken", kind="feed", last_error="404 Not Found", failing_since=timezone.now())
    page = page_of(desk)
    assert "404 Not Found" in page
    assert [(folder.name, folder.size, folder.is_published) for folder in operations.artifacts("v1")] == [
        ("vectors", 9000, False),
        ("rankers/v1", 5000, True),
        ("rankers/v2", 2000, False),
    ]
    assert "Artifacts take 15.6" in page
    assert "Train again" not in page
    RankerVersion.objects.filter(pk=version.pk).update(created_at=timezone.now() - timedelta(days=9))
    assert "Train again" in page_of(desk)


def test_name_servers_are_asked_by_the_button_only_and_what_they_said_is_kept(
    desk: Client, silent: None, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(operations, "look_up", lambda name, kind: asked.append(name) or ["v=spf1 mx -all"])
    assert "have not been asked" in page_of(desk)
    assert asked == []
    page = page_of(desk, "post")
    assert asked
    assert "SPF" in page
    n_asked = len(asked)
    assert "SPF" in page_of(desk)
    assert len(asked) == n_asked


def test_silent_name_servers_are_told(desk: Client, silent: None) -> None:
    assert "The name servers do not answer" in page_of(desk, "post")


def test_the_button_needs_its_token(desk: Client, silent: None) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = desk.cookies
    assert strict.post(reverse("desk_operations")).status_code == 403


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(30, "30 seconds"), (60, "1 minute"), (5400, "90 minutes"), (3600, "1 hour"), (172_800, "2 days")],
)
def test_how_often_is_said_in_words(seconds: int, words: str) -> None:
    row = operations.Scheduled("sweep", "newsletter.tasks.sweep", timedelta(seconds=seconds), None, is_late=False)
    assert row.every_in_words == words
