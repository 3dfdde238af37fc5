"""Read what came back: from files, or from standard input as a mail server's pipe delivers it."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections import Counter
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from newsletter.bounces import read_report, take

MISUSE = 2


class Command(BaseCommand):
    help = "Read bounces and complaints: one message a file, or one on standard input."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("files", nargs="*", type=Path, metavar="FILE")
        parser.add_argument("--recipient", default="", help="the address it was delivered to, if no header tells")

    def handle(self, *, files: list[Path], recipient: str, **options: Any) -> None:
        counts: Counter[str] = Counter()
        for raw in map(self.content_of, files) if files else [sys.stdin.buffer.read()]:
            report = read_report(raw, recipient)
            if report is not None:
                take(report)
            counts["not ours" if report is None else (report.kind or "notice")] += 1
        kinds = ("hard", "soft", "complaint", "notice", "not ours")
        self.stdout.write(", ".join(f"{kind} {counts[kind]}" for kind in kinds))

    def content_of(self, file: Path) -> bytes:
        try:
            return file.read_bytes()
        except OSError as error:
            raise CommandError(f"{file}: {error.strerror}.", returncode=MISUSE) from error
