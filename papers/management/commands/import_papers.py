"""manage.py import_papers FILE...: papers from files of any kind into the catalogue."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from papers.importing import import_files
from papers.ingest import take_lines
from papers.paper_files import read_paper_files


class Command(BaseCommand):
    help = (
        "Add and update papers from files: JSON Lines, BibTeX, RIS, JSON of reference managers, tables, lists of ids. "
        "What a file is is told by its content; a bad entry is named and costs itself only."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("files", nargs="+", metavar="FILE")

    def handle(self, *args: Any, **options: Any) -> None:
        import_files(self, options["files"], take_lines, read_paper_files)
