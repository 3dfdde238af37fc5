"""A line that cannot be read costs itself, nothing else, and is named."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from papers.jsonlines import MAX_LINE_BYTES, BadLine, parse_line, read_json_lines


def read(tmp_path: Path, content: bytes) -> tuple[list[tuple[int, Any]], list[tuple[int, str]]]:
    path = tmp_path / "records.jsonl"
    path.write_bytes(content)
    rejected: list[tuple[int, str]] = []
    lines = list(read_json_lines([path], lambda place, reason: rejected.append((place.number, reason))))
    return [(line.place.number, line.record) for line in lines], rejected


def test_records_come_with_their_line_numbers(tmp_path: Path) -> None:
    assert read(tmp_path, b'{"id": 1}\n\n  \n{"id": 2}') == ([(1, {"id": 1}), (4, {"id": 2})], [])


def test_byte_order_mark_and_windows_line_ends_do_no_harm(tmp_path: Path) -> None:
    assert read(tmp_path, b'\xef\xbb\xbf{"id": 1}\r\n{"id": 2}\r\n') == ([(1, {"id": 1}), (2, {"id": 2})], [])


def test_empty_object_is_a_record_and_an_empty_file_has_none(tmp_path: Path) -> None:
    assert read(tmp_path, b"{}\n") == ([(1, {})], [])
    assert read(tmp_path, b"") == ([], [])


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"id": 1', "not JSON: Expecting ',' delimiter (column 9)"),
        (b'{"id": 1} {"id": 2}', "not JSON: Extra data (column 11)"),
        (b"[1, 2]", 'not a JSON object, as in {"id": ..., ...}'),
        (b"null", 'not a JSON object, as in {"id": ..., ...}'),
        (b'{"title": "caf\xe9"}', "not UTF-8 (byte 15)"),
        (b"[" * 200_000, "JSON beyond all bounds"),
        (b'{"upvotes": ' + b"9" * 5000 + b"}", "JSON beyond all bounds"),
        (b'{"title": "' + b"a" * MAX_LINE_BYTES + b'"}', "longer than 4 MB"),
        (b'{"title": "' + b"a" * 3 * MAX_LINE_BYTES + b'"}', "longer than 4 MB"),
    ],
)
def test_bad_line_is_named_and_its_neighbours_are_kept(tmp_path: Path, line: bytes, reason: str) -> None:
    good, rejected = read(tmp_path, b'{"id": 1}\n' + line + b'\n{"id": 3}\n')

    assert good == [(1, {"id": 1}), (3, {"id": 3})]
    assert rejected == [(2, reason)]


def test_what_no_database_can_store_is_taken_out_of_every_string() -> None:
    line = rb'{"t\u0000": ["a\ud800b", {"deep": "c\u0000"}], "smile": "\ud83d\ude00", "n": 1}'

    assert parse_line(line) == {"t": ["ab", {"deep": "c"}], "smile": "😀", "n": 1}


def test_bytes_read_are_told_so_that_a_bar_can_move(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    path.write_bytes(b'{"id": 1}\n' + b"x" * 2 * MAX_LINE_BYTES + b"\n{}\n")
    told: list[int] = []

    list(read_json_lines([path, path], lambda place, reason: None, told.append))

    assert sum(told) == 2 * path.stat().st_size


@given(st.dictionaries(st.text(st.characters(codec="utf-8", exclude_characters="\0")), st.integers() | st.text()))
def test_whatever_json_writes_is_read_back(record: dict[str, Any]) -> None:
    read_back = parse_line(json.dumps(record).encode())

    assert read_back == {
        key: value.replace("\0", "") if isinstance(value, str) else value for key, value in record.items()
    }


@given(st.binary(max_size=200))
def test_any_bytes_are_a_record_a_blank_or_a_bad_line(line: bytes) -> None:
    with suppress(BadLine):
        record = parse_line(line)
        assert record is None or isinstance(record, dict)
