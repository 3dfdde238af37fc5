"""Reads from elsewhere: good lines kept, bad ones named, the same file twice changes nothing."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.models import User
from newsletter.models import Subscription
from recommender import importing_reads
from recommender.models import Interaction
from tests.factories import make_paper, make_reader, make_subscription

pytestmark = pytest.mark.django_db


@pytest.fixture
def papers(db: None) -> list[str]:
    return [make_paper().identifiers.get().value for _ in range(3)]


def write(path: Path, *records: dict[str, Any] | str) -> str:
    file = path / "reads.jsonl"
    file.write_text("\n".join(r if isinstance(r, str) else json.dumps(r) for r in records))
    return str(file)


def read(paper: str, user: str = "alice@example.org", kind: str = "save", **fields: Any) -> dict[str, Any]:
    return {"user": user, "paper": paper, "kind": kind, **fields}


def run(*args: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    try:
        call_command("import_reads", *args)
        status = 0
    except CommandError as error:
        status = error.returncode
    out = capsys.readouterr()
    return status, out.out, out.err


def test_reads_make_readers_who_have_no_password_and_no_subscription(
    papers: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path, read(papers[0]), read(papers[1], at="2025-05-01T07:30:00+02:00"))
    assert run(file, capsys=capsys)[:2] == (0, "added 2, updated 0, unchanged 0, rejected 0\n")
    alice = User.objects.get()
    assert alice.email == "alice@example.org"
    assert not alice.has_usable_password()
    assert not alice.is_simulated
    assert not Subscription.objects.exists()
    untimed, timed = Interaction.objects.order_by("paper_id")
    assert not untimed.at_is_known
    assert timed.at_is_known
    assert timed.at == datetime(2025, 5, 1, 5, 30, tzinfo=UTC)
    assert timed.source == "import"


def test_the_same_file_twice_changes_nothing(
    papers: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path, read(papers[0]), read(papers[1], at="2025-05-01"))
    run(file, capsys=capsys)
    before = list(Interaction.objects.values())
    assert run(file, capsys=capsys)[:2] == (0, "added 0, updated 0, unchanged 2, rejected 0\n")
    assert list(Interaction.objects.values()) == before


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (read("other:999"), "no paper 'other:999' in the catalogue"),
        (read("{paper}", user="alice"), "'alice' is not an e-mail address"),
        (read("{paper}", user="ali\x0bce@example.org"), "is not an e-mail address"),
        (read("{paper}", user="élise@example.org"), "is not an e-mail address"),
        (read("{paper}", user=""), "user is missing"),
        (read("{paper}", kind="devoured"), "kind 'devoured' is none of click, read, save"),
        ({"user": "alice@example.org", "paper": "{paper}"}, "kind is missing"),
        ({"user": "alice@example.org", "paper": 7, "kind": "read"}, "paper is not text"),
        (read("{paper}", at="2999-01-01"), "in the future"),
        (read("{paper}", at="yesterday"), "is not a date"),
        (read("{paper}", at="2025-13-01"), "is not a date"),
        (read("{paper}", at="0001-01-01T00:00:00+14:00"), "is not a date"),
        (read("{paper}", at=1714521600), "at is not text"),
        ("{nonsense", "not JSON"),
    ],
)
def test_a_bad_line_is_named_and_the_good_ones_are_kept(
    record: dict[str, Any] | str,
    reason: str,
    papers: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if isinstance(record, dict) and record["paper"] == "{paper}":
        record = record | {"paper": papers[0]}
    file = write(tmp_path, read(papers[0], user="bob@example.org"), record, read(papers[1], user="bob@example.org"))
    status, out, err = run(file, capsys=capsys)
    assert status == 1
    assert out == "added 2, updated 0, unchanged 0, rejected 1\n"
    assert "reads.jsonl, line 2: " in err
    assert reason in err
    assert Interaction.objects.count() == 2
    assert [user.email for user in User.objects.all()] == ["bob@example.org"]


def test_a_missing_file_is_misuse(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("nowhere.jsonl", capsys=capsys)[0] == 2


def test_one_reader_however_the_address_is_spelled(
    papers: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_reader("alice@example.org")
    run(write(tmp_path, read(papers[0], user=" Alice@Example.ORG"), read(papers[1])), capsys=capsys)
    assert User.objects.get().interactions.count() == 2


def test_a_repeated_read_moves_its_instant_forward_and_never_back(
    papers: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(write(tmp_path, read(papers[0])), capsys=capsys)
    for at, expected in [("2025-05-01", 1), ("2025-05-03", 3), ("2025-05-02", 3), (None, 3)]:
        run(write(tmp_path, read(papers[0], at=at)), capsys=capsys)
        interaction = Interaction.objects.get()
        assert interaction.at_is_known
        assert interaction.at == datetime(2025, 5, expected, tzinfo=UTC)


def test_subscribe_makes_confirmed_daily_readers_and_leaves_those_who_left_alone(
    papers: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    left = make_subscription(make_reader("bob@example.org"), unsubscribed_at=timezone.now(), next_digest_at=None)
    file = write(tmp_path, read(papers[0]), read(papers[0], user="bob@example.org"))
    run(file, "--subscribe", "--simulated", capsys=capsys)
    alice = Subscription.objects.get(user__email="alice@example.org")
    assert alice.user.is_simulated
    assert alice.confirmed_at is not None
    assert alice.cadence == "daily"
    assert alice.next_digest_at is not None
    assert timezone.now() < alice.next_digest_at <= timezone.now() + timedelta(days=1)
    left.refresh_from_db()
    assert left.unsubscribed_at is not None
    assert left.next_digest_at is None
    assert not left.user.is_simulated


def test_a_batch_costs_the_same_queries_for_1_and_for_20_readers(
    papers: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], django_assert_max_num_queries: Any
) -> None:
    for n in (1, 20):
        file = write(tmp_path, *(read(papers[0], user=f"reader{n}-{i}@example.org") for i in range(n)))
        with django_assert_max_num_queries(18):
            run(file, "--subscribe", capsys=capsys)


def test_batches_meet_where_they_end(
    papers: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing_reads, "BATCH_LINES", 2)
    file = write(tmp_path, *(read(papers[i % 3], user=f"reader{i // 3}@example.org") for i in range(5)))
    assert run(file, capsys=capsys)[1] == "added 5, updated 0, unchanged 0, rejected 0\n"
