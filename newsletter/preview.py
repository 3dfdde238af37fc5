"""A digest before it goes out, for an editor's eyes: the same code as for sending, and nothing is kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django.utils import timezone

from newsletter import message
from newsletter.digest import draft
from newsletter.editions import draft_edition
from newsletter.models import Digest, Edition, Subscription
from newsletter.schedule import local_date
from papers.models import Paper


@dataclass
class Preview:
    subject: str = ""
    html: str = ""
    text: str = ""
    size: int = 0  # bytes on the wire
    reason: str = ""  # why there is no digest


def preview_for(subscription: Subscription, day: date | None = None) -> Preview:
    """The reader's digest of the day if there is one already, else what would be composed for them now."""
    at = timezone.now()
    day = day or local_date(subscription, at)
    digest = (
        Digest.objects.filter(subscription=subscription, period=day)
        .exclude(state=Digest.State.SKIPPED)
        .select_related("subscription__user", "edition")
        .first()
    )
    if digest is None:
        edition = Edition.objects.filter(date=day).first() or draft_edition(day)
        [digest] = draft(edition, [subscription], at)
    if not digest.items:
        return Preview(reason=digest.state_reason)
    visible = set(Paper.objects.published().filter(pk__in=digest.paper_ids).values_list("pk", flat=True))
    built = message.build(digest, message.load_contents([digest]), visible)
    html = str(built.message.alternatives[0][0])
    return Preview(str(built.message.subject), html, str(built.message.body), len(built.wire))
