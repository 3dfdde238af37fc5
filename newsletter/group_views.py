"""A member's next weekly mail, before it comes."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.views import signed_in_reader
from newsletter.group_digest import draft, mailed_members, schedule_one
from newsletter.schedule import zone_of
from papers.models import Paper
from recommender.models import Group, Membership
from recommender.reasons import describe


@login_required
@never_cache
@require_safe
def next_digest(request: HttpRequest, pk: int) -> HttpResponse:
    """As it would be mailed now; nothing of it is kept."""
    theirs = Membership.objects.filter(user=signed_in_reader(request), group__in=Group.objects.filter(pk=pk))
    mine = get_object_or_404(theirs.select_related("group"))
    context: dict[str, Any] = {"group": mine.group, "mine": mine}
    if member := mailed_members().filter(pk=mine.pk).first():
        at = timezone.now()
        [digest] = draft([member], at)
        papers = Paper.objects.for_lists().in_bulk(digest.paper_ids)
        sentences = describe([item["reason"] for item in digest.items])
        context |= {
            "items": [
                {"paper": papers[item["paper"]], "why": why} for item, why in zip(digest.items, sentences, strict=True)
            ],
            "digest": digest,
            "next_at": schedule_one(member, at),
            "zone": zone_of(member.user.subscription),
        }
    return render(request, "newsletter/group_digest.html", context)
