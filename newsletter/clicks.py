"""Clicks and votes in mails, and which no reader made: mail scanners follow every link, some seconds after delivery."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from newsletter.models import Click, Digest, Vote
from papers.models import Paper
from recommender.interactions import record
from recommender.models import Interaction

SCANNER_AGENTS = re.compile(
    r"bot\b|crawl|spider|scan|preview|proofpoint|mimecast|barracuda|safelinks|urldefense|trendmicro|symantec|sophos"
    r"|fortinet|python-|curl|wget|go-http-client|java/|okhttp|headless|phantom|facebookexternalhit|googleimageproxy",
    re.IGNORECASE,
)
VOTES = Vote.Kind.values
TOO_SOON = timedelta(seconds=5)  # after delivery; nobody reads that fast, a gateway scans before the inbox
BURST = 4  # different links of one digest ...
BURST_WITHIN = timedelta(seconds=5)  # ... within this time are a machine's


@transaction.atomic
def note_click(
    digest: Digest, paper: Paper, link: str, user_agent: str, at: datetime | None = None, *, method: str = "GET"
) -> Click:
    """Keep the click, and tell the recommender of it if a reader made it."""
    at = at or timezone.now()
    scanner = sign_of_scanner(digest, user_agent, at, method)
    click = Click(digest=digest, paper=paper, link=link, at=at, scanner=scanner, **digest.place_of(paper.pk))
    click.save()
    if not click.scanner and is_burst(click):
        take_back_burst(click)
        click.refresh_from_db()
    if not click.scanner:
        record(digest.subscription.user, paper, Interaction.Kind.CLICK, Interaction.Source.EMAIL, at)
    return click


@transaction.atomic
def note_vote(digest: Digest, paper: Paper, kind: str) -> None:
    Vote.objects.get_or_create(digest=digest, paper=paper, kind=kind, defaults=digest.place_of(paper.pk))
    record(digest.subscription.user, paper, kind, Interaction.Source.EMAIL)


def sign_of_scanner(digest: Digest, user_agent: str, at: datetime, method: str) -> str:
    if method == "HEAD":
        return "HEAD"
    if not user_agent.strip():
        return "no user agent"
    if SCANNER_AGENTS.search(user_agent):
        return "known agent"
    delivered_at = digest.sent_at or digest.handed_over_at  # an uncertain one has the latter only
    if delivered_at is None or at - delivered_at < TOO_SOON:
        return "too soon after delivery"
    return ""


def is_burst(click: Click) -> bool:
    """Many different links at once."""
    around = Click.objects.filter(digest=click.digest_id, at__gt=click.at - BURST_WITHIN, at__lte=click.at)
    return around.order_by().values("paper_id", "link").distinct().count() >= BURST


def take_back_burst(click: Click) -> None:
    """The first clicks of a burst looked like a reader's; they are marked now and no longer count."""
    burst = Click.objects.filter(digest=click.digest_id, at__gt=click.at - BURST_WITHIN, at__lte=click.at, scanner="")
    Interaction.objects.filter(
        user=click.digest.subscription.user_id,
        paper__in=burst.values("paper"),
        kind=Interaction.Kind.CLICK,
        source=Interaction.Source.EMAIL,
        at__gt=click.at - BURST_WITHIN,
    ).delete()
    burst.update(scanner="many links at once")
