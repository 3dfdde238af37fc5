"""`.env.example` lists every setting, and is itself a good .env."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from dotenv import dotenv_values

from tests.processes import ROOT

LISTED = re.findall(r"^# ([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
READ = {
    *re.findall(r"env\.\w+\(\s*\"([A-Z_]+)\"", (ROOT / "config" / "settings.py").read_text()),
    *(f"{provider}_CLIENT_{part}" for provider in ("GITHUB", "GOOGLE", "ORCID") for part in ("ID", "SECRET")),
}


def test_every_setting_is_listed_once_and_no_other() -> None:
    assert sorted(LISTED) == sorted(READ)


@pytest.mark.parametrize("name", ["BROADSHEET_WINDOW_DAYS", "BROADSHEET_DIGEST_CHUNK", "BROADSHEET_UNCERTAIN"])
def test_the_default_it_tells_is_the_default(name: str) -> None:
    [told] = re.findall(rf"^# {name}=(\S*)", (ROOT / ".env.example").read_text(), re.MULTILINE)
    settings = (ROOT / "config" / "settings.py").read_text()
    [default] = re.findall(rf'"{name}", "?([\w-]+)"?', settings)
    assert told == default


def test_uncommented_it_can_be_read(tmp_path: Path) -> None:
    copied = tmp_path / ".env"
    copied.write_text(re.sub(r"^# (?=[A-Z_]+=)", "", (ROOT / ".env.example").read_text(), flags=re.MULTILINE))
    read = dotenv_values(copied)
    assert read["BROADSHEET_WINDOW_DAYS"] == "7"
    assert read["SECRET_KEY"] == ""
    assert read["DATABASE_URL"] == "postgres://broadsheet:secret@localhost:5432/broadsheet"
