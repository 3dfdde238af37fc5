"""Tell what large mailbox providers will miss: settings, SPF, DKIM, DMARC."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from newsletter.deliverability import NameServersSilent, check, look_up

MISUSE = 2


class Command(BaseCommand):
    help = "Tell what is missing so that mail arrives. Exit status 1 if anything is."

    def handle(self, **options: Any) -> None:
        try:
            findings = check(look_up)
        except NameServersSilent as error:
            raise CommandError(str(error), returncode=MISUSE) from error
        for finding in findings:
            self.stdout.write(f"{'ok     ' if finding.is_fine else 'MISSING'}  {finding.about:16}  {finding.told}")
        if missing := sum(not finding.is_fine for finding in findings):
            raise CommandError(f"{missing} of {len(findings)} missing: see docs/deliverability.md.", returncode=1)
