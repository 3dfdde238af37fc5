from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console

from recommender.corpus import read_corpus
from recommender.engine.errors import EngineError
from recommender.evaluation import EVERY, HELD_OUT, evaluate, table
from recommender.plots import draw
from recommender.published import published


class Command(BaseCommand):
    help = "Measure a ranker and its baselines on the newest papers held out of the site's own interactions."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--held-out", type=float, default=HELD_OUT, help="share of the papers, the newest")
        parser.add_argument("--out", type=Path, help="folder of the table and plots (var/evaluation)")
        parser.add_argument("--json", type=Path, help="file of the figures (evaluation.json in the folder)")

    def handle(self, *args: Any, **options: Any) -> None:
        share = options["held_out"]
        if not 0 < share < 1:
            raise CommandError("--held-out must lie between 0 and 1, both excluded.", returncode=2)
        folder: Path = options["out"] or settings.VAR_DIR / "evaluation"
        target: Path = options["json"] or folder / "evaluation.json"
        try:
            with Console(stderr=True, quiet=options["verbosity"] < 1).status("Evaluating"):
                evaluation = evaluate(read_corpus(), share=share, rankers=EVERY, published=published())
        except EngineError as error:
            raise CommandError(str(error), returncode=2) from error
        measured = evaluation.as_dict()
        lines = table(measured) + [f"Note: {note}" for note in evaluation.notes]
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "table.txt").write_text("\n".join(lines) + "\n")
            target.write_text(json.dumps(measured, indent=2) + "\n")
            written = draw(measured, folder) if evaluation.metrics else []
        except OSError as error:
            raise CommandError(f"Cannot write to {error.filename}: {error.strerror}.", returncode=2) from error
        for line in lines:
            self.stdout.write(line)
        for path in (target, *written):
            self.stdout.write(str(path))
