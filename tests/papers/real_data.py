"""Real papers with their real dirt, where the machine has them; the repository does not carry them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings


def real_file(name: str) -> Path:
    path = Path(settings.BASE_DIR).parent / "shared" / "data" / name
    if not path.exists():
        pytest.skip(f"needs the real data set ../shared/data/{name}, which is not on this machine")
    return path


def real_records(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in real_file(name).read_text(encoding="utf-8").split("\n") if line]
