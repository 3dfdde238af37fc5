from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console

from recommender.engine.errors import EngineError
from recommender.training import describe, train


class Command(BaseCommand):
    help = "Train a ranker on all interactions, measure it on the newest papers held out, and publish it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--no-publish", action="store_true", help="keep the version, but leave the one in use")

    def handle(self, *args: Any, **options: Any) -> None:
        console = Console(stderr=True, quiet=options["verbosity"] < 1)
        try:
            with console.status("Training") as status:
                trained = train(lambda step: status.update(f"Training: {step}"), publish=not options["no_publish"])
        except EngineError as error:
            raise CommandError(str(error), returncode=2) from error
        for line in describe(trained.version.manifest):
            self.stdout.write(line)
        for note in trained.notes:
            self.stdout.write(f"Note: {note}")
        seconds = sum(trained.seconds.values())
        self.stdout.write(f"Ranker {trained.version.name} {trained.version.state} in {seconds:.1f} s.")
