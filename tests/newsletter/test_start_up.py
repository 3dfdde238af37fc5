"""What every process pays before it does anything."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.processes import ROOT

CHECK = """
import sys
import django
django.setup()
print([name for name in ("numpy", "scipy", "sklearn") if name in sys.modules])
"""


def test_the_admin_does_not_bring_the_mathematics_into_every_command(tmp_path):
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings", "BROADSHEET_VAR": str(tmp_path)}
    command = [sys.executable, "-c", CHECK]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
