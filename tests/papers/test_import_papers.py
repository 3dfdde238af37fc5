"""manage.py import_papers, as an operator runs it, on made and on real files."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError

from papers.models import Author, Paper
from tests.papers.real_data import real_file

pytestmark = pytest.mark.django_db


def import_papers(*paths: Path) -> tuple[str, list[str], int]:
    """What it printed, what it complained of, and its exit status."""
    out, err = StringIO(), StringIO()
    try:
        call_command("import_papers", *map(str, paths), stdout=out, stderr=err, no_color=True)
    except CommandError as error:
        return out.getvalue(), err.getvalue().splitlines(), error.returncode
    return out.getvalue(), err.getvalue().splitlines(), 0


def write(path: Path, *lines: Any) -> Path:
    path.write_text("".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines))
    return path


def test_good_lines_are_kept_and_bad_ones_named(tmp_path: Path) -> None:
    path = write(
        tmp_path / "papers.jsonl",
        {"id": "arXiv:2301.00001", "title": "One", "published_at": "2023-01-02"},
        {"id": "x:2"},
        "not json",
        {"id": "x:4", "title": "Four", "published_at": "2999-01-01"},
        "",
        {"id": "x:6", "title": "Six", "url": "javascript:alert(1)"},
        {"id": "2301.00001v2", "title": "Seven"},
        {"id": "x:8", "title": "<script>alert(1)</script> eight"},
    )

    out, err, status = import_papers(path)

    assert out == "added 2, updated 0, unchanged 0, rejected 5\n"
    assert err == [
        f"{path}, line 2: title is missing",
        f"{path}, line 3: not JSON: Expecting value (column 1)",
        f"{path}, line 4: published_at 2999-01-01 is in the future",
        f"{path}, line 6: url 'javascript:alert(1)' is not an http or https address",
        f"{path}, line 7: id 2301.00001 stands on line 1 already",
    ]
    assert status == 1
    assert set(Paper.objects.values_list("title", flat=True)) == {"One", "alert(1) eight"}


def test_all_good_is_exit_status_0_and_again_changes_nothing(tmp_path: Path) -> None:
    path = write(tmp_path / "papers.jsonl", {"id": "x:1", "title": "One"}, {"id": "x:2", "title": "Two"})

    assert import_papers(path) == ("added 2, updated 0, unchanged 0, rejected 0\n", [], 0)
    assert import_papers(path) == ("added 0, updated 0, unchanged 2, rejected 0\n", [], 0)


def test_missing_file_is_misuse_and_nothing_is_imported(tmp_path: Path) -> None:
    path = write(tmp_path / "papers.jsonl", {"id": "x:1", "title": "One"})

    assert import_papers(path, tmp_path / "none.jsonl")[2] == 2
    assert not Paper.objects.exists()


def test_real_papers_with_their_dirt_are_all_taken() -> None:
    assert import_papers(real_file("citeulike-sample/papers.jsonl"))[0] == (
        "added 1929, updated 0, unchanged 0, rejected 0\n"
    )
    assert import_papers(real_file("citeulike-sample/papers.jsonl"))[0] == (
        "added 0, updated 0, unchanged 1929, rejected 0\n"
    )
    barabasi = Paper.objects.get(identifiers__value="citeulike:42")
    assert "N. & Barabási, A. L." in barabasi.abstract
    assert barabasi.author_names == ["Masanori Arita"]
    assert Paper.objects.get(identifiers__value="citeulike:104324").title.endswith("the λ-calculus")
    assert not Author.objects.filter(name__contains="\\").exists()


def test_real_listings_without_dates_are_known_but_never_called_new(tmp_path: Path) -> None:
    listings = real_file("daily-papers/papers.jsonl").read_text(encoding="utf-8").split("\n")[:2800]
    path = write(tmp_path / "listings.jsonl", *listings)

    out, err, status = import_papers(path)

    assert out == "added 2799, updated 0, unchanged 0, rejected 1\n"
    assert [line.rpartition(", ")[2] for line in err] == ["line 2736: id 2410.09342 stands on line 2701 already"]
    assert status == 1
    assert not Paper.objects.exclude(announcement=Paper.Announcement.UNKNOWN).exists()
    assert Paper.objects.get(identifiers__value="2404.19525").title.startswith(
        "MicroDreamer: Zero-shot 3D Generation in ∼20"
    )


def test_terminal_sees_progress_and_a_pipe_does_not(tmp_path: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path; from papers.importing import progress_bar\n"
        "with progress_bar(100) as advance:\n    advance(50); time.sleep(0.3)"
    )
    command = [sys.executable, "-c", script]
    environment = os.environ | {"TERM": "xterm", "DJANGO_SETTINGS_MODULE": "tests.settings"}
    assert subprocess.run(command, cwd=settings.BASE_DIR, env=environment, capture_output=True).stderr == b""

    terminal, theirs = pty.openpty()
    subprocess.run(command, cwd=settings.BASE_DIR, env=environment, stderr=theirs, check=True)
    os.close(theirs)
    shown = os.read(terminal, 100_000).decode()
    os.close(terminal)
    assert "importing" in shown
    assert "50%" in shown
