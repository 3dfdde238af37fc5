from __future__ import annotations

from functools import partial
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from newsletter import imported_readers
from papers.importing import import_files
from recommender.importing_reads import take_reads


class Command(BaseCommand):
    help = (
        "Import what readers read elsewhere from JSON Lines: user (e-mail address), paper (any identifier of it), kind "
        "and, if known, at. Importing again changes nothing. New readers get an account without a password, log in by "
        "mailed code, and are sent nothing before they subscribe."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("files", nargs="+", metavar="FILE")
        parser.add_argument(
            "--subscribe",
            action="store_true",
            help="make readers without a subscription confirmed daily subscribers. Only where each of them has agreed "
            "to be mailed, as in a lab that asked its members: you vouch for their consent.",
        )
        parser.add_argument("--simulated", action="store_true", help="mark readers made by this import as made up")

    def handle(self, *args: Any, **options: Any) -> None:
        take = partial(take_reads, simulated=options["simulated"])
        if options["subscribe"]:
            take = partial(take, on_readers=imported_readers.subscribe)
        import_files(self, options["files"], take)
