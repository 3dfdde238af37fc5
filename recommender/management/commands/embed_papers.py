from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from recommender.embedding import embed_papers, encoder
from recommender.engine.errors import EngineError


class Command(BaseCommand):
    help = "Encode the papers that have no vector of their present text. Stopped and started again it goes on."

    def handle(self, *args: Any, **options: Any) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        console = Console(stderr=True)
        try:
            with Progress(
                *columns, console=console, disable=not console.is_terminal or options["verbosity"] < 1
            ) as bar:
                task = bar.add_task(f"Encoding with {encoder().tag}")
                result = embed_papers(lambda done, total: bar.update(task, completed=done, total=max(total, 1)))
        except EngineError as error:
            raise CommandError(str(error), returncode=2) from error
        for line in result.refused:
            self.stderr.write(line)
        self.stdout.write(f"{result.encoded} texts encoded, {result.unchanged} unchanged.")
