"""Two editors with one page open: the second to save is told, and loses nothing of what they wrote."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from papers.models import Source, Topic
from tests.factories import make_paper, make_reader, make_topic

pytestmark = pytest.mark.django_db


def desk_of(email: str) -> Client:
    client = Client()
    client.force_login(make_reader(email, is_staff=True, is_superuser=True))
    return client


def fields_of(client: Client, url: str) -> dict[str, str]:
    """What the browser would post from the page as it is now."""
    response = client.get(url)
    form = response.context["adminform"].form
    posted = {"mark": response.context["mark"]}
    for formset in [form, *(one.formset for one in response.context["inline_admin_formsets"])]:
        page = str(formset.management_form) if hasattr(formset, "management_form") else ""
        posted |= dict(re.findall(r'name="([^"]+)" value="([^"]*)"', page))
        for one in getattr(formset, "initial_forms", [form]):
            for name in one.fields:
                value = one[name].value()
                if value not in (None, "", False):
                    posted[one.add_prefix(name)] = value
    return posted


def test_the_second_to_save_a_topic_is_told_who_was_first_and_keeps_their_text() -> None:
    topic = make_topic("Speech")
    url = reverse("admin:papers_topic_change", args=[topic.pk])
    alice, bob = desk_of("alice@example.org"), desk_of("bob@example.org")
    alices, bobs = fields_of(alice, url), fields_of(bob, url)
    assert alice.post(url, alices | {"name": "Speech and hearing"}).status_code == 302
    response = bob.post(url, bobs | {"name": "Voices"})
    page = response.content.decode()
    assert "alice@example.org changed this at" in page
    assert 'value="Voices"' in page
    assert Topic.objects.get(pk=topic.pk).name == "Speech and hearing"


def test_knowing_it_they_may_save_again() -> None:
    topic = make_topic("Speech")
    url = reverse("admin:papers_topic_change", args=[topic.pk])
    bob = desk_of("bob@example.org")
    bobs = fields_of(bob, url)
    Topic.objects.filter(pk=topic.pk).update(name="Speech and hearing")
    told = bob.post(url, bobs | {"name": "Voices"})
    assert "changed after you opened it" in told.content.decode()
    assert bob.post(url, bobs | {"name": "Voices", "mark": told.context["mark"]}).status_code == 302
    assert Topic.objects.get(pk=topic.pk).name == "Voices"


def test_a_row_of_an_inline_is_part_of_the_page() -> None:
    paper = make_paper("Whales that sing", authors=["Ada Lovelace", "Grace Hopper"], topics=["Whales", "Sound"])
    url = reverse("admin:papers_paper_change", args=[paper.pk])
    bob = desk_of("bob@example.org")
    bobs = fields_of(bob, url)
    paper.identifiers.update(value="test:other")
    response = bob.post(url, bobs)
    assert response.status_code == 200
    assert "changed after you opened it" in response.content.decode()


def test_what_the_software_writes_by_itself_is_nobodys_change() -> None:
    source = Source.objects.first()
    assert source is not None
    url = reverse("admin:papers_source_change", args=[source.pk])
    bob = desk_of("bob@example.org")
    before = fields_of(bob, url)["mark"]
    Source.objects.filter(pk=source.pk).update(last_error="no answer")
    assert fields_of(bob, url)["mark"] == before
    Source.objects.filter(pk=source.pk).update(every_minutes=7)
    assert fields_of(bob, url)["mark"] != before


def test_rights_too() -> None:
    reader: User = make_reader("carol@example.org")
    url = reverse("admin:accounts_user_change", args=[reader.pk])
    bob = desk_of("bob@example.org")
    bobs = fields_of(bob, url)
    User.objects.filter(pk=reader.pk).update(is_active=False)
    assert "changed after you opened it" in bob.post(url, bobs).content.decode()
    assert not User.objects.get(pk=reader.pk).is_active
