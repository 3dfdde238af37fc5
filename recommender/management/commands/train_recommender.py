from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console

from recommender.engine.errors import EngineError
from recommender.evaluation import table
from recommender.training import train


class Command(BaseCommand):
    help = "Train a ranker on all interactions, measure it on the newest papers held out, and publish it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--no-publish", action="store_true", help="keep the version, but leave the one in use")
        parser.add_argument("--even-if-it-loses", action="store_true", help="publish though the one in use is better")

    def handle(self, *args: Any, **options: Any) -> None:
        console = Console(stderr=True, quiet=options["verbosity"] < 1)
        try:
            with console.status("Training") as status:
                trained = train(
                    lambda step: status.update(f"Training: {step}"),
                    publish=not options["no_publish"],
                    even_if_it_loses=options["even_if_it_loses"],
                )
        except EngineError as error:
            raise CommandError(str(error), returncode=2) from error
        for line in table(trained.version.manifest):
            self.stdout.write(line)
        for note in trained.notes:
            self.stdout.write(f"Note: {note}")
        seconds = sum(trained.seconds.values())
        self.stdout.write(f"Ranker {trained.version.name} {trained.version.state} in {seconds:.1f} s.")
        if trained.version.state_reason:
            self.stdout.write(
                f"{trained.version.state_reason} The one before stays in use (--even-if-it-loses publishes)."
            )
