from __future__ import annotations

from pathlib import Path

import pytest
from pytest_django import Settings


@pytest.fixture
def artifacts(tmp_path: Path, settings: Settings) -> Path:
    """Vectors and rankers of this test alone: ids begin at 1 again in every test's database."""
    settings.ARTIFACTS_DIR = tmp_path / "artifacts"
    return tmp_path / "artifacts"
