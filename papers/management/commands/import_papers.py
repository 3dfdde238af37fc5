"""manage.py import_papers FILE...: papers from JSON Lines into the catalogue."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from papers.importing import import_files
from papers.ingest import take_lines


class Command(BaseCommand):
    help = "Add and update papers from JSON Lines files; a bad line is named and costs itself only."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("files", nargs="+", metavar="FILE", help='lines of {"id": ..., "title": ..., ...}')

    def handle(self, *args: Any, **options: Any) -> None:
        import_files(self, options["files"], take_lines)
