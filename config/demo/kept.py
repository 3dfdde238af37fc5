"""What the demo leaves for `make run` to know, and by which it knows its own again."""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self


@dataclass(frozen=True)
class KeptDemo:
    email: str
    password: str
    window_days: int = 0  # 0 until the catalogue is there

    @classmethod
    def new(cls) -> Self:
        return cls("demo@example.org", secrets.token_urlsafe(9))

    @staticmethod
    def file(var: Path) -> Path:
        return var / "demo" / "demo.json"

    @classmethod
    def load(cls, var: Path) -> Self | None:
        try:
            return cls(**json.loads(cls.file(var).read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def save(self, var: Path) -> None:
        file = self.file(var)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(asdict(self), indent=1) + "\n")
        file.chmod(0o600)

    def environment(self) -> dict[str, str]:
        """The catalogue no longer grows, so its newest papers stay the candidates however late the site is started."""
        if not self.window_days:
            return {}
        return {"BROADSHEET_WINDOW_ANCHOR": "newest", "BROADSHEET_WINDOW_DAYS": str(self.window_days)}
