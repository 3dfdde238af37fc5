"""Every page of the editors' desk opens, is searchable, and costs no more queries for more rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import User
from papers.models import Submission
from recommender import lists
from recommender.interactions import record
from recommender.models import Interaction, Interest, RankerVersion
from recommender.training import train
from tests.factories import make_paper, make_reader, make_topic

pytestmark = pytest.mark.django_db

METRICS = ["recall@10", "recall@20", "recall@100", "ndcg@10", "mrr"]
MANIFEST: dict[str, Any] = {  # as training writes it
    "data_cutoff": "2025-05-01T00:00:00+00:00",
    "counts": {"papers": 12, "interactions": 345},
    "held_out": {"papers": 5, "readers": 3},
    "metrics": {"ranker": dict.fromkeys(METRICS, 0.3123), "popularity": dict.fromkeys(METRICS, 0.0502)},
    "intervals": {"ranker": dict.fromkeys(METRICS, (0.25, 0.4)), "popularity": dict.fromkeys(METRICS, (0.03, 0.07))},
    "seconds": {"fitting": 1.5},
    "versions": {"numpy": "2.4.6"},
    "notes": ["One reader only."],
}


@pytest.fixture
def editor(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("editor@example.org"))
    return client


def make_rows(n: int) -> None:
    """`n` more of everything that this test knows how to make."""
    for _ in range(n):
        user = make_reader()
        number = user.pk
        EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
        UserSession.objects.create(user=user, ip="192.0.2.1", session_key=f"key{number}", user_agent="Firefox")
        Group.objects.create(name=f"Group {number}")
        record(user, make_paper(topics=[f"Topic {number}"], authors=[f"Author {number}"]), "save")
        Interest.objects.create(user=user, sentences=["I listen."]).topics.add(make_topic(f"Topic {number}"))
        RankerVersion.objects.create(name=f"version-{number}", manifest=MANIFEST)
        Submission.objects.create(paper=make_paper(status="pending"), submitter=user)
        shared = lists.create_list(user, f"List {number}")
        lists.put(user, shared, [make_paper()])
        lists.share(shared, "public")


def registered() -> Iterator[type[Model]]:
    yield from sorted(admin.site._registry, key=lambda model: model._meta.label)


def url(model: type[Model], page: str, *args: object) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


@pytest.mark.parametrize("model", registered(), ids=lambda model: model._meta.label)
def test_a_models_pages_open(editor: Client, model: type[Model]) -> None:
    make_rows(1)
    assert editor.get(url(model, "changelist")).status_code == 200
    model_admin = admin.site._registry[model]
    assert model_admin.search_fields, "an editor finds nothing without a search"
    assert editor.get(url(model, "changelist"), {"q": "reader 7 ' % é"}).status_code == 200
    add = editor.get(url(model, "add"))
    assert add.status_code == (200 if model_admin.has_add_permission(add.wsgi_request) else 403)
    for row in model._default_manager.all()[:1]:
        assert editor.get(url(model, "change", row.pk)).status_code == 200
        assert editor.get(url(model, "history", row.pk)).status_code == 200


@pytest.mark.parametrize("model", registered(), ids=lambda model: model._meta.label)
def test_a_list_costs_the_same_queries_for_1_and_20_rows(editor: Client, model: type[Model]) -> None:
    counts = []
    for n in (2, 18):
        make_rows(n)
        editor.get(url(model, "changelist"))
        with CaptureQueriesContext(
            connection,
        ) as queries:
            editor.get(url(model, "changelist"))
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 20


def test_interactions_are_found_by_address_and_by_title(editor: Client) -> None:
    record(make_reader("alice@example.org"), make_paper("Whales that sing"), "save")
    record(make_reader("bob@example.org"), make_paper("Robots that walk"), "read")
    for query, found, other in [("alice@", "Whales", "Robots"), ("robots", "bob@", "alice@")]:
        page = editor.get(url(Interaction, "changelist"), {"q": query}).content.decode()
        assert found in page
        assert other not in page
    page = editor.get(url(Interaction, "changelist"), {"kind__exact": "read"}).content.decode()
    assert "Robots" in page
    assert "Whales" not in page
    assert editor.post(url(Interaction, "add"), {}).status_code == 403


def test_a_version_shows_what_was_measured(editor: Client) -> None:
    version = RankerVersion.objects.create(name="v1", manifest=MANIFEST)
    page = editor.get(url(RankerVersion, "change", version.pk)).content.decode()
    for shown in (
        "0.3123 [0.2500, 0.4000]",
        "0.0502 [0.0300, 0.0700]",
        "One reader only.",
        "counts: interactions",
        "345",
    ):
        assert shown in page
    assert "0.3123" in editor.get(url(RankerVersion, "changelist")).content.decode()


def test_an_unmeasured_version_shows_that(editor: Client) -> None:
    version = RankerVersion.objects.create(name="v1")
    assert "Nothing was measured." in editor.get(url(RankerVersion, "change", version.pk)).content.decode()


def test_a_version_that_cannot_be_read_is_not_published(editor: Client) -> None:
    version = RankerVersion.objects.create(name="gone")
    response = editor.post(
        url(RankerVersion, "changelist"), {"action": "publish", "_selected_action": [version.pk]}, follow=True
    )
    assert "Nothing has changed." in response.content.decode()
    version.refresh_from_db()
    assert version.state == "trained"


def test_rolling_back_publishes_an_older_version(editor: Client) -> None:
    make_paper("Whales that sing", abstract="They do.")
    older, newer = (train().version for _ in range(2))
    newer.refresh_from_db()
    assert newer.state == "published"
    answer = editor.post(
        url(RankerVersion, "changelist"), {"action": "publish", "_selected_action": [older.pk]}, follow=True
    )
    assert "is published" in answer.content.decode()
    states = dict(RankerVersion.objects.values_list("pk", "state"))
    assert states == {older.pk: "published", newer.pk: "retired"}
    assert LogEntry.objects.get().object_id == str(older.pk)


def test_who_may_edit_readers_cannot_make_themselves_a_superuser(client: Client) -> None:
    helper = make_reader("helper@example.org", is_staff=True)
    helper.user_permissions.set(Permission.objects.filter(content_type__model="user"))
    boss = User.objects.create_superuser("boss@example.org")
    client.force_login(helper)
    for reader in (helper, make_reader()):
        client.post(
            url(User, "change", reader.pk),
            {"name": "changed", "is_active": "on", "is_superuser": "on", "is_staff": "on", "email": "taken@example.org"}
            | {f"emailaddress_set-{key}": 0 for key in ("TOTAL_FORMS", "INITIAL_FORMS")},
        )
        reader.refresh_from_db()
        assert reader.name == "changed"
        assert not reader.is_superuser
        assert reader.email != "taken@example.org"
    assert client.post(url(User, "change", boss.pk), {"name": "changed"}).status_code == 403
    assert client.post(url(User, "delete", boss.pk), {"post": "yes"}).status_code == 403
    client.post(url(User, "changelist"), {"action": "delete_selected", "_selected_action": [boss.pk], "post": "yes"})
    assert User.objects.filter(pk=boss.pk).exists()


def test_an_editor_adds_a_reader_in_the_one_spelling(editor: Client) -> None:
    inline = {f"emailaddress_set-{key}": 0 for key in ("TOTAL_FORMS", "INITIAL_FORMS")}
    editor.post(url(User, "add"), {"email": "New@Example.org", "name": "", "is_active": "on"} | inline)
    added = User.objects.get(email="new@example.org")
    assert not added.has_usable_password()
    assert "already exists" in editor.post(url(User, "add"), {"email": "NEW@example.org"} | inline).content.decode()


def test_deleting_a_reader_erases_them(editor: Client) -> None:
    readers = [make_reader() for _ in range(2)]
    for reader in readers:
        record(reader, make_paper(), "save")
    editor.post(url(User, "delete", readers[0].pk), {"post": "yes"})
    editor.post(
        url(User, "changelist"), {"action": "delete_selected", "_selected_action": [readers[1].pk], "post": "yes"}
    )
    assert not User.objects.filter(pk__in=[reader.pk for reader in readers]).exists()
    assert not Interaction.objects.exists()
