"""The groups of the desk, each walked through the whole admin: every link it is offered opens, the rest is shut."""

from __future__ import annotations

import re
from urllib.parse import urljoin

import pytest
import time_machine
from django.contrib import admin
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from accounts.models import User
from newsletter import digest
from newsletter.clicks import note_click, note_vote
from newsletter.editions import edition_for
from newsletter.models import Digest, Edition, Experiment, Pick
from newsletter.suppression import suppress
from papers.models import Merge, SetAside, Submission
from recommender import lists
from recommender.interactions import record
from recommender.models import Interest, RankerVersion, ReadingList
from tests.factories import make_paper, make_reader
from tests.newsletter.conftest import MORNING, make_due_reader, new_papers

__all__ = ["new_papers"]

pytestmark = pytest.mark.django_db

GROUPS = ["Editors", "Moderators", "Operators"]
MOST_PAGES = 400
LINK = re.compile(r'(?<!:)\b(?:href|action)="([^"#]+)["#]')
# What names readers: no editor or moderator needs it.
OF_READERS = {
    "accounts.user",
    "newsletter.subscription",
    "newsletter.digest",
    "newsletter.click",
    "newsletter.vote",
    "newsletter.bounce",
    "newsletter.suppression",
    "recommender.interaction",
    "recommender.interest",
}


@pytest.fixture
def something_of_all(new_papers):
    with time_machine.travel(MORNING, tick=True):
        reader = make_due_reader("alice@example.org")
        digest.compose([reader.pk])
        row = Digest.objects.get()
        paper = new_papers[0]
        note_click(row, paper, "page", "Mozilla/5.0")
        note_vote(row, paper, "save")
        record(reader.user, paper, "read")
        Interest.objects.create(user=reader.user)
        suppress("gone@example.org", "bounce")
        Pick.objects.create(edition=Edition.objects.get(), paper=paper)
        Merge.objects.create(kept=paper, absorbed=make_paper(), reason="Alike")
        SetAside.objects.create(place="a", reason="b", entry="c", digest="d")
        Submission.objects.create(paper=make_paper(status="pending"), submitter=reader.user)
        shared = lists.create_list(reader.user, "Birds")
        lists.put(reader.user, shared, [make_paper("Listening to birds")])
        lists.share(shared, "public")
        a, b = (RankerVersion.objects.create(name=name) for name in ("v1", "v2"))
        Experiment.objects.create(name="Two", ranker_a=a, ranker_b=b, last_day=MORNING.date())
        yield


def member_of(name: str) -> Client:
    user = make_reader(f"{name.lower()}@example.org", is_staff=True)
    user.groups.add(Group.objects.get(name=name))
    client = Client()
    client.force_login(user)
    return client


def links_of(page: str, base: str) -> set[str]:
    found = {urljoin(base, link.replace("&amp;", "&")) for link in LINK.findall(page)}
    return {link for link in found if link.startswith("/admin/") and "logout" not in link and "/jsi18n/" not in link}


@pytest.mark.parametrize("name", GROUPS)
def test_every_link_that_a_group_is_offered_opens(something_of_all, name):
    client, waiting, seen, refused = member_of(name), ["/admin/"], set(), {}
    while waiting and len(seen) < MOST_PAGES:
        link = waiting.pop(0)
        kind = re.sub(r"\d+", "1", link.partition("?")[0])  # one of a kind with its filters is enough
        if (kind, bool("?" in link)) in seen:
            continue
        seen.add((kind, bool("?" in link)))
        response = client.get(link)
        # A button's address takes no GET; a list of one topic's papers may be another's page.
        if response.status_code not in (200, 302, 405):
            refused[link] = response.status_code
        elif response.status_code == 200 and "text/html" in response["Content-Type"]:
            waiting += sorted(links_of(response.content.decode(), link))
    assert refused == {}
    assert len(seen) > 15


@pytest.mark.parametrize("name", GROUPS)
def test_what_a_group_has_no_right_to_is_shut_whatever_the_address(something_of_all, name):
    client = member_of(name)
    user = User.objects.get(email=f"{name.lower()}@example.org")
    for model in admin.site._registry:
        label, model_name = model._meta.app_label, model._meta.model_name
        for page, right in (("changelist", "view"), ("add", "add")):
            may = user.has_perm(f"{label}.{right}_{model_name}") or (
                right == "view" and user.has_perm(f"{label}.change_{model_name}")
            )
            status = client.get(reverse(f"admin:{label}_{model_name}_{page}")).status_code
            assert status in ((200, 403) if may else (403,)), f"{label}.{model_name} {page}"
            if may and right == "view":
                assert status == 200


@pytest.mark.parametrize("name", ["Editors", "Moderators"])
def test_no_reader_is_named_to_editors_and_moderators(something_of_all, name):
    client = member_of(name)
    for path in sorted(OF_READERS):
        label, model = path.split(".")
        assert client.get(reverse(f"admin:{label}_{model}_changelist")).status_code == 403, path
    assert "alice@example.org" not in client.get("/admin/").content.decode()
    listing = reverse("admin:papers_submission_changelist")
    page = reverse("admin:papers_submission_change", args=[Submission.objects.get().pk])
    lists_shared = reverse("admin:recommender_readinglist_changelist")
    one_list = reverse("admin:recommender_readinglist_change", args=[ReadingList.objects.get().pk])
    for opened in (
        listing,
        page,
        f"{listing}?q=alice@example.org",
        lists_shared,
        one_list,
        f"{lists_shared}?q=alice@example.org",
    ):
        response = client.get(opened)
        assert response.status_code == 200
        assert "alice@example.org" not in response.content.decode().replace("q=alice@example.org", "").replace(
            'value="alice@example.org"', ""
        )


def test_nobody_in_a_group_gives_rights(something_of_all):
    for name in GROUPS:
        client = member_of(name)
        user = User.objects.get(email=f"{name.lower()}@example.org")
        assert client.get(reverse("admin:auth_group_changelist")).status_code == 403
        url = reverse("admin:accounts_user_change", args=[user.pk])
        client.post(url, {"email": user.email, "is_active": "on", "is_staff": "on", "is_superuser": "on"})
        user.refresh_from_db()
        assert not user.is_superuser


def test_only_who_may_send_stops_freezes_and_tests(something_of_all):
    edition = Edition.objects.get()
    allowed = {"Editors": 302, "Moderators": 403, "Operators": 302}
    for name, status in allowed.items():
        client = member_of(name)
        for what in ("stop", "resume"):
            url = reverse("admin:newsletter_edition_do", args=[edition.pk, what])
            assert client.post(url).status_code == status, name
        assert client.post(reverse("admin:newsletter_edition_test", args=[edition.pk])).status_code == status


def test_picking_and_hiding_are_the_editors_(something_of_all, new_papers):
    edition = edition_for(MORNING.date())
    for name, may_pick, may_hide in [("Editors", 302, 200), ("Moderators", 403, 200), ("Operators", 403, 403)]:
        client = member_of(name)
        pick = reverse("admin:newsletter_edition_do", args=[edition.pk, "pick"])
        assert client.post(pick, {"paper": new_papers[3].pk}).status_code == may_pick, name
        hide = reverse("admin:newsletter_edition_paper", args=[edition.pk, new_papers[4].pk])
        assert client.get(hide).status_code == may_hide, name


@pytest.mark.parametrize(("name", "status", "state"), [("Editors", 302, "approved"), ("Moderators", 302, "approved"),
                                                       ("Operators", 403, "waiting")])  # fmt: skip
def test_the_queue_is_the_editors_and_moderators_(something_of_all, name, status, state):
    page = reverse("admin:papers_submission_change", args=[Submission.objects.get().pk])
    assert member_of(name).post(page, {"decision": "approved", "word": ""}).status_code == status
    assert Submission.objects.get().state == state


@pytest.mark.parametrize(("name", "status"), [("Editors", 302), ("Moderators", 302), ("Operators", 403)])
def test_keeping_a_list_private_is_the_editors_and_moderators_(something_of_all, name, status):
    page = reverse("admin:recommender_readinglist_change", args=[ReadingList.objects.get().pk])
    assert member_of(name).post(page, {"kept_private": "Somebody's letters"}).status_code == status
    assert ReadingList.objects.get().sharing == ("private" if status == 302 else "public")
