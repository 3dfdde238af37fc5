"""Hiding, withdrawing and embargoing a paper: at once, with a reason, by whom; the second of two editors is told."""

from __future__ import annotations

from datetime import datetime

from django.contrib.admin.models import CHANGE, LogEntry
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from papers.models import Paper

CHOICES = (Paper.Status.HIDDEN, Paper.Status.WITHDRAWN, Paper.Status.EMBARGOED, Paper.Status.PUBLISHED)


class VisibilityError(Exception):
    """Nothing was changed, and the sentence says why."""


@transaction.atomic
def set_visibility(
    paper: Paper, status: str, *, seen_as: str, editor_id: int, reason: str = "", until: datetime | None = None
) -> None:
    """`seen_as` is the status that the editor decided upon. Readers no longer (or again) see it from this instant:
    pages, searches, feeds and unsent digests all ask PaperQuerySet.published."""
    if paper.merged_into_id:
        raise VisibilityError(_("It was merged into another paper and stays hidden; take the merge apart first."))
    changed = Paper.objects.filter(pk=paper.pk, status=seen_as).update(
        status=status,
        status_reason=reason[:300],
        embargoed_until=until if status == Paper.Status.EMBARGOED else None,
        updated_at=timezone.now(),
    )
    if not changed:
        now = Paper.objects.get(pk=paper.pk)
        raise VisibilityError(
            _("Somebody else has just decided about it: it is %s.") % now.get_status_display(),
        )
    label = Paper.Status(status).label
    LogEntry.objects.log_actions(editor_id, [paper], CHANGE, f"Status: {label}. {reason}".strip())
