"""Tell what large mailbox providers will miss: settings, SPF, DKIM, DMARC."""

from __future__ import annotations

from typing import Any

import dns.exception
import dns.resolver
from django.core.management.base import BaseCommand, CommandError

from newsletter.deliverability import check

MISUSE = 2


class Command(BaseCommand):
    help = "Tell what is missing so that mail arrives. Exit status 1 if anything is."

    def handle(self, **options: Any) -> None:
        findings = check(look_up)
        for finding in findings:
            self.stdout.write(f"{'ok     ' if finding.is_fine else 'MISSING'}  {finding.about:16}  {finding.told}")
        if missing := sum(not finding.is_fine for finding in findings):
            raise CommandError(f"{missing} of {len(findings)} missing: see docs/deliverability.md.", returncode=1)


def look_up(name: str, kind: str) -> list[str]:
    try:
        answer = dns.resolver.resolve(name, kind, lifetime=5)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return []
    except (dns.exception.DNSException, OSError) as error:
        told = " ".join(str(error).split())[:200].rstrip(".")
        raise CommandError(f"The name servers do not answer: {told}.", returncode=MISUSE) from error
    if kind == "TXT":
        return [b"".join(record.strings).decode("utf-8", "replace") for record in answer]
    return [str(record) for record in answer]
