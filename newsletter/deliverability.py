"""What large mailbox providers ask of who sends much, and what of it is missing here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import dns.exception
import dns.resolver
from django.conf import settings

from newsletter.headers import LONGEST_UNSUBSCRIBE
from newsletter.links import unsubscribe_url

# (name, record type) -> the records as text; empty where there are none.
Lookup = Callable[[str, str], list[str]]
MANY_READERS = 10_000_000  # the number of digits that an unsubscribe address must have room for
MOST_SPF_LOOKUPS = 10  # RFC 7208, 4.6.4


class Finding(NamedTuple):
    is_fine: bool
    about: str
    told: str


class NameServersSilent(Exception):
    pass


def look_up(name: str, kind: str) -> list[str]:
    """By the machine's own name servers; NameServersSilent where they do not answer within seconds."""
    try:
        answer = dns.resolver.resolve(name, kind, lifetime=5)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return []
    except (dns.exception.DNSException, OSError) as error:
        told = " ".join(str(error).split())[:200].rstrip(".")
        raise NameServersSilent(f"The name servers do not answer: {told}.") from error
    if kind == "TXT":
        return [b"".join(record.strings).decode("utf-8", "replace") for record in answer]
    return [str(record) for record in answer]


def check(lookup: Lookup) -> list[Finding]:
    return [*settings_found(), *records_found(lookup)]


def settings_found() -> Iterator[Finding]:
    base = settings.BASE_URL
    yield Finding(
        base.startswith("https://"), "links", f"{base}: one-click unsubscribing needs https (BROADSHEET_BASE_URL)"
    )
    length = len(unsubscribe_url(MANY_READERS))
    yield Finding(
        length <= LONGEST_UNSUBSCRIBE,
        "List-Unsubscribe",
        f"{length} characters of at most {LONGEST_UNSUBSCRIBE}: a shorter BROADSHEET_BASE_URL helps",
    )
    from_domain = settings.MAIL_FROM_ADDRESS.rpartition("@")[2]
    yield Finding(
        "." in from_domain and not from_domain.endswith(("localdomain", "localhost", ".example")),
        "sender",
        f"{settings.MAIL_FROM_ADDRESS}: readers' servers must be able to look its domain up (BROADSHEET_FROM_ADDRESS)",
    )
    yield Finding(
        organisation(settings.MAIL_DOMAIN) == organisation(from_domain),
        "Message-ID",
        f"{settings.MAIL_DOMAIN}: should be the sender's domain (BROADSHEET_MAIL_DOMAIN)",
    )
    yield Finding(
        bool(settings.POSTAL_ADDRESS),
        "postal address",
        "the law of many countries asks for it (BROADSHEET_POSTAL_ADDRESS)",
    )
    is_provider = "smtp" not in settings.EMAIL_BACKEND
    yield Finding(
        bool(settings.BOUNCE_ADDRESS or (is_provider and "WEBHOOK_SECRET" in settings.ANYMAIL)),
        "bounces",
        "they must reach us: BROADSHEET_BOUNCE_ADDRESS and receive_bounces, or a provider's webhooks (ANYMAIL)",
    )


def records_found(lookup: Lookup) -> Iterator[Finding]:
    from_domain = settings.MAIL_FROM_ADDRESS.rpartition("@")[2]
    envelope_domain = (settings.BOUNCE_ADDRESS or settings.MAIL_FROM_ADDRESS).rpartition("@")[2]
    yield Finding(
        bool(lookup(envelope_domain, "MX")), "MX", f"{envelope_domain}: bounces come back to it, so it must take mail"
    )
    yield spf_found(envelope_domain, lookup)
    if settings.DKIM_SELECTOR:
        name = f"{settings.DKIM_SELECTOR}._domainkey.{from_domain}"
        keys = [record for record in lookup(name, "TXT") if "p=" in record]
        has_key = any(record.partition("p=")[2].strip(" ;") for record in keys)
        yield Finding(has_key, "DKIM", f"{name}: the public key your mail server signs with")
    else:
        yield Finding(False, "DKIM", "name the selector your mail server signs with (BROADSHEET_DKIM_SELECTOR)")
    yield dmarc_found(from_domain, lookup)
    yield Finding(
        organisation(envelope_domain) == organisation(from_domain),
        "alignment",
        f"{envelope_domain} and {from_domain}: SPF counts for DMARC only if both are of one domain",
    )


def spf_found(domain: str, lookup: Lookup) -> Finding:
    records = [record for record in lookup(domain, "TXT") if record.lower().startswith("v=spf1")]
    if len(records) != 1:
        return Finding(False, "SPF", f"{domain}: {len(records)} records that begin with v=spf1, there must be one")
    terms = records[0].lower().split()
    if terms[-1] not in ("-all", "~all") and not any(term.startswith("redirect=") for term in terms):
        return Finding(False, "SPF", f"{domain}: should end in -all or ~all, not {terms[-1]}")
    n_lookups = sum(term.lstrip("+-~?").partition(":")[0].partition("=")[0] in SPF_LOOKUPS for term in terms)
    return Finding(n_lookups <= MOST_SPF_LOOKUPS, "SPF", f"{domain}: {n_lookups} of {MOST_SPF_LOOKUPS} lookups")


SPF_LOOKUPS = ("include", "a", "mx", "ptr", "exists", "redirect")


def dmarc_found(domain: str, lookup: Lookup) -> Finding:
    names = dict.fromkeys([f"_dmarc.{domain}", f"_dmarc.{organisation(domain)}"])
    records = [record for name in names for record in lookup(name, "TXT") if record.lower().startswith("v=dmarc1")]
    if not records:
        return Finding(
            False, "DMARC", f"_dmarc.{domain}: a TXT record such as v=DMARC1; p=none; rua=mailto:you@{domain}"
        )
    tags = dict(part.strip().lower().partition("=")[::2] for part in records[0].split(";") if "=" in part)
    policy = tags.get("p", "")
    return Finding(policy in ("none", "quarantine", "reject"), "DMARC", f"policy {policy or 'missing'}")


def organisation(domain: str) -> str:
    """Roughly: its last two names. A public suffix of two (co.uk) makes strangers look related, never the reverse."""
    return ".".join(domain.lower().split(".")[-2:])
