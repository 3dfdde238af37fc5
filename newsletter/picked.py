"""The editors' picks, for the pages to mark: those of editions that are out."""

from __future__ import annotations

from collections.abc import Collection

from django.utils import timezone
from django.utils.translation import gettext as _

from newsletter.models import Pick


def picked_by_editors(paper_ids: Collection[int]) -> dict[int, str]:
    today = timezone.now().date()
    found = Pick.objects.filter(paper__in=paper_ids, edition__date__lte=today, edition__stopped_at=None)
    return dict.fromkeys(found.values_list("paper_id", flat=True), _("Editors’ pick"))
