"""The manners of every import command: check first, keep the good lines, name the bad ones, say what was done."""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import partial
from io import StringIO
from pathlib import Path

import pytest
from django.core.management.base import BaseCommand, CommandError

from papers.importing import Report, import_files
from papers.jsonlines import Line


def take_even_numbers(lines: Iterable[Line], report: Report) -> None:
    for place, record in lines:
        if record["n"] % 2:
            report.reject(place, "n is odd")
        else:
            report.added += 1


def run(*names: object) -> tuple[str, str, CommandError | None]:
    out, err = StringIO(), StringIO()
    try:
        import_files(BaseCommand(out, err, no_color=True), [str(name) for name in names], take_even_numbers)
    except CommandError as error:
        return out.getvalue(), err.getvalue(), error
    return out.getvalue(), err.getvalue(), None


def test_good_lines_are_kept_and_bad_ones_named_by_file_number_and_reason(tmp_path: Path) -> None:
    path = tmp_path / "numbers.jsonl"
    path.write_text('{"n": 2}\n{"n": 3}\n{"n": 4}\nnonsense\n')

    out, err, error = run(path)

    assert out == "added 2, updated 0, unchanged 0, rejected 2\n"
    assert err == f"{path}, line 2: n is odd\n{path}, line 4: not JSON: Expecting value (column 1)\n"
    assert error is not None
    assert error.returncode == 1


def test_all_good_ends_well(tmp_path: Path) -> None:
    path = tmp_path / "numbers.jsonl"
    path.write_text('{"n": 2}\n')

    assert run(path) == ("added 1, updated 0, unchanged 0, rejected 0\n", "", None)


def test_missing_file_and_directory_are_misuse_and_nothing_is_imported(tmp_path: Path) -> None:
    good = tmp_path / "numbers.jsonl"
    good.write_text('{"n": 2}\n')

    for bad, reason in ((tmp_path / "none.jsonl", "There is no file"), (tmp_path, "is a directory")):
        out, _, error = run(good, bad)
        assert out == ""
        assert error is not None
        assert error.returncode == 2
        assert reason in str(error)


def test_unreadable_file_is_misuse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "secret.jsonl"
    path.write_text("{}")
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may read everything, so ask no real file

    _, _, error = run(path)

    assert error is not None
    assert error.returncode == 2
    assert "cannot be read" in str(error)


def test_import_that_breaks_off_tells_what_it_did_before_and_nothing_when_it_did_nothing(tmp_path: Path) -> None:
    path = tmp_path / "numbers.jsonl"
    path.write_text('{"n": 2}\n{"n": 3}\n{"n": 4}\n')

    def take(lines: Iterable[Line], report: Report, break_off_at: int) -> None:
        for place, _ in lines:
            if place.number == break_off_at:
                raise RuntimeError("the database is gone")
            report.added += 1

    for line, told in ((1, ""), (3, "added 2, updated 0, unchanged 0, rejected 0\n")):
        out = StringIO()
        with pytest.raises(RuntimeError):
            import_files(BaseCommand(out), [str(path)], partial(take, break_off_at=line))
        assert out.getvalue() == told


def test_a_pipe_is_read_like_a_file(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.write(writing, b'{"n": 2}\n')
    os.close(writing)
    try:
        assert run(f"/dev/fd/{reading}")[0] == "added 1, updated 0, unchanged 0, rejected 0\n"
    finally:
        os.close(reading)
