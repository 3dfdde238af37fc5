"""A reader's digest as it would be sent now, written to files. Nothing is kept or sent."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from newsletter.models import Subscription
from newsletter.preview import preview_for

MISUSE = 2


class Command(BaseCommand):
    help = "Write a reader's digest, as it would be sent now, to files."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--html", type=Path, metavar="FILE")
        parser.add_argument("--text", type=Path, metavar="FILE")

    def handle(self, *, email: str, html: Path | None, text: Path | None, **options: Any) -> None:
        subscription = Subscription.objects.filter(user__email=email.strip().lower()).select_related("user").first()
        if subscription is None:
            raise CommandError(f"No reader with a subscription has the address {email}.", returncode=MISUSE)
        seen = preview_for(subscription)
        if not seen.html:
            self.stdout.write(f"No digest: {seen.reason}.")
            return
        for path, content in ((html, seen.html), (text, seen.text)):
            if path is not None:
                try:
                    path.write_text(content, encoding="utf-8")
                except OSError as error:
                    raise CommandError(f"{path}: {error.strerror}.", returncode=MISUSE) from error
                self.stdout.write(f"Wrote {path}")
        if html is None and text is None:
            self.stdout.write(f"Subject: {seen.subject}\n\n{seen.text}")
