"""The fault benchmark, short: real worker processes, broker and mail server, all of which fail."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.journey
def test_nothing_is_lost_and_nothing_comes_twice_when_everything_fails(tmp_path):
    report = tmp_path / "faults.json"
    command = [sys.executable, "benchmarks/faults.py", "--readers", "40", "--kills", "2", "--json", str(report)]
    command += ["--time-limit", "200"]  # so that it ends what it started by itself
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    found = json.loads(report.read_text())
    assert found["lost"] == found["doubled"] == 0
    assert found["sent"] + found["uncertain"] + found["failed"] == 40
    assert found["failed"] == 2  # the readers whose addresses do not exist
