"""manage.py import_papers takes every kind of file, told by its content and never by its name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from papers.models import Paper
from tests.factories import make_paper

pytestmark = pytest.mark.django_db

FILES = {
    "JSON Lines": '{"id": "2401.00001", "title": "Engines", "published_at": "2024-01-03"}\n',
    "BibTeX": "@article{a, title={Engines}, author={Lovelace, Ada}, year=2024, eprint={2401.00001}}",
    "RIS": "TY  - JOUR\nTI  - Engines\nAU  - Lovelace, Ada\nPY  - 2024\nUR  - https://arxiv.org/abs/2401.00001\nER  - ",
    "JSON": json.dumps([{"title": "Engines", "author": [{"family": "Lovelace"}], "URL": "arxiv.org/abs/2401.00001"}]),
    "a table": "Title,Author,Url\nEngines,Ada Lovelace,https://arxiv.org/abs/2401.00001\n",
}


def write(tmp_path: Path, text: str, name: str = "papers.txt") -> str:
    path = tmp_path / name
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize("kind", FILES)
def test_every_kind_is_told_by_its_content(tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("import_papers", write(tmp_path, FILES[kind]))
    assert capsys.readouterr().out == "added 1, updated 0, unchanged 0, rejected 0\n"
    paper = Paper.objects.get()
    assert paper.title == "Engines"
    assert {str(found) for found in paper.identifiers.all()} == {"arxiv:2401.00001"}
    assert (paper.announcement == Paper.Announcement.UNKNOWN) is (kind != "JSON Lines")


def test_files_of_several_kinds_are_one_import(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("import_papers", *(write(tmp_path, text, f"{kind}.txt") for kind, text in FILES.items()))
    assert capsys.readouterr().out.startswith("added 1, ")
    assert Paper.objects.count() == 1


def test_a_bad_entry_is_named_and_costs_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, FILES["BibTeX"] + "\n@article{b, title = {never closed}\n@misc{c, title={Other}, year=2020}")
    with pytest.raises(CommandError) as error:
        call_command("import_papers", path)
    assert error.value.returncode == 1
    out, err = capsys.readouterr()
    assert out == "added 2, updated 0, unchanged 0, rejected 1\n"
    assert err == f"{path}, entry 2: the entry never ends\n"


def test_an_entry_without_an_identifier_is_known_by_its_title(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path, "@misc{c, title={A note on engines}, author={Lovelace, Ada}, year=1843}")
    call_command("import_papers", path)
    call_command("import_papers", path)
    assert capsys.readouterr().out.endswith("added 0, updated 0, unchanged 1, rejected 0\n")


def test_a_list_of_ids_finds_what_is_known_and_names_what_is_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_paper().identifiers.create(scheme="arxiv", value="2401.00001")
    path = write(tmp_path, "2401.00001\n2401.00002\n")
    with pytest.raises(CommandError):
        call_command("import_papers", path)
    out, err = capsys.readouterr()
    assert out == "added 0, updated 0, unchanged 1, rejected 1\n"
    assert err == f"{path}, entry 2: 2401.00002 is not in the catalogue, and has no title here\n"


def test_a_file_of_nothing_known_is_refused_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, "Dear reader,\nplease find attached.\n")
    with pytest.raises(CommandError):
        call_command("import_papers", path)
    assert "neither BibTeX, RIS, JSON" in capsys.readouterr().err
