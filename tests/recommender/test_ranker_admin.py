"""What editors see of a trained ranker: how good it is, and whether its chances are true."""

from __future__ import annotations

from base64 import b64decode
from pathlib import Path
from re import findall
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse, reverse_lazy
from pytest_django import Settings

from accounts.models import User
from recommender.models import RankerVersion
from recommender.training import train
from tests.factories import make_paper

pytestmark = pytest.mark.django_db

MEASURED: dict[str, Any] = {
    "held_out": {"papers": 20, "readers": 30},
    "metrics": {
        name: {"recall@10": 0.4, "recall@20": 0.5, "recall@100": 0.6, "ndcg@10": value, "mrr": 0.2}
        for name, value in (("ranker", 0.3217), ("popularity", 0.1))
    },
    "intervals": {
        name: {metric: [0.05, 0.7] for metric in ("recall@10", "recall@20", "recall@100", "ndcg@10", "mrr")}
        for name in ("ranker", "popularity")
    },
    "reliability": [[0.01, 0.012, 300], [0.2, 0.19, 30]],
}


def page_of(version: RankerVersion) -> str:
    client = Client()
    client.force_login(User.objects.create_superuser("editor@example.org", "a long password"))
    answer = client.get(reverse("admin:recommender_rankerversion_change", args=[version.pk]))
    assert answer.status_code == 200
    return answer.content.decode()


def test_an_evaluation_is_shown_as_figures_and_as_plots() -> None:
    page = page_of(RankerVersion.objects.create(name="one", manifest=MEASURED))
    assert "0.3217 [0.0500, 0.7000]" in page
    drawn = [b64decode(image).decode() for image in findall(r"data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)", page)]
    assert len(drawn) == 2
    assert all("<svg" in image for image in drawn)


@pytest.mark.parametrize("guesses", [True, False])
def test_chances_that_are_a_rule_of_thumb_say_so_where_they_are_drawn(guesses: bool) -> None:
    page = page_of(RankerVersion.objects.create(name="one", manifest=MEASURED | {"guesses_chances": guesses}))
    assert ("a rule of thumb so far" in page) is guesses
    image = findall(r"data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)", page)[1]
    assert ("by rule of thumb" in b64decode(image).decode()) is guesses


def test_a_version_of_which_nothing_was_measured_says_so() -> None:
    page = page_of(RankerVersion.objects.create(name="none", manifest={"metrics": {}, "intervals": {}}))
    assert "Nothing was measured." in page
    assert "data:image/svg" not in page


def test_why_a_version_was_not_published_is_told() -> None:
    version = RankerVersion.objects.create(
        name="worse", manifest=MEASURED, state=RankerVersion.State.REJECTED, state_reason="It loses to another."
    )
    assert "It loses to another." in page_of(version)


# --- two editors -----------------------------------------------------------------------------------------------------

LIST = reverse_lazy("admin:recommender_rankerversion_changelist")


def desk_of(email: str) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser(email))
    return client


def open_list(client: Client) -> dict[str, str]:
    """What the browser would post from the list as it is now, apart from the choice."""
    (in_use,) = findall(
        r'<input type="hidden" name="instead_of"(?: value="(\d+)")?>', client.get(LIST).content.decode()
    )
    return {"action": "publish", "instead_of": in_use}


def publish(client: Client, opened: dict[str, str], version: RankerVersion) -> str:
    return client.post(LIST, opened | {"_selected_action": str(version.pk)}, follow=True).content.decode()


def states() -> dict[str, str]:
    return dict(RankerVersion.objects.values_list("name", "state"))


@pytest.fixture
def three_rankers(tmp_path: Path, settings: Settings) -> list[RankerVersion]:
    """The last of them in use."""
    settings.ARTIFACTS_DIR = tmp_path
    make_paper("Whales that sing", abstract="They do.")
    return [train().version for _ in range(3)]


def test_of_two_who_publish_or_roll_back_from_an_open_list_the_second_is_told(
    three_rankers: list[RankerVersion],
) -> None:
    first, second, third = three_rankers
    alice, bob = desk_of("alice@example.org"), desk_of("bob@example.org")
    alices, bobs = open_list(alice), open_list(bob)
    assert "is published" in publish(alice, alices, first)
    told = publish(bob, bobs, second)
    assert f"alice@example.org published {first.name} after you opened the list" in told
    assert states() == {first.name: "published", second.name: "retired", third.name: "retired"}
    assert "is published" in publish(bob, open_list(bob), second)  # knowing it, they may
    assert states()[second.name] == "published"


def test_whom_a_training_was_ahead_of_is_told_too(three_rankers: list[RankerVersion]) -> None:
    desk = desk_of("alice@example.org")
    opened, newest = open_list(desk), train().version
    assert f"A training published {newest.name} after you opened the list" in publish(desk, opened, three_rankers[0])
    assert states()[newest.name] == "published"


def test_two_who_publish_the_first_one_at_once_are_two(three_rankers: list[RankerVersion]) -> None:
    RankerVersion.objects.update(state="trained")
    alice, bob = desk_of("alice@example.org"), desk_of("bob@example.org")
    alices, bobs = open_list(alice), open_list(bob)
    publish(alice, alices, three_rankers[0])
    assert "alice@example.org published" in publish(bob, bobs, three_rankers[1])
    assert states()[three_rankers[0].name] == "published"


def test_a_versions_own_page_publishes_it_and_tells_the_second_too(three_rankers: list[RankerVersion]) -> None:
    first, second, third = three_rankers
    alice, bob = desk_of("alice@example.org"), desk_of("bob@example.org")
    pages = {version: reverse("admin:recommender_rankerversion_change", args=[version.pk]) for version in three_rankers}
    assert "instead_of" not in alice.get(pages[third]).content.decode()  # in use already
    bobs = posted_by(bob, pages[second])
    assert f"{first.name} is published" in publish(alice, posted_by(alice, pages[first]), first)
    assert "alice@example.org published" in publish(bob, bobs, second)
    assert states()[first.name] == "published"


def posted_by(client: Client, page: str) -> dict[str, str]:
    """The hidden fields of the button."""
    fields = dict(findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', client.get(page).content.decode()))
    return {name: fields[name] for name in ("action", "instead_of")}
