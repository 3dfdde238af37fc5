"""What a reader keeps: the papers they saved, read, upvoted or brought along."""

from __future__ import annotations

from django.db.models import Max, Q
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from papers.models import Paper, PaperQuerySet
from recommender.models import Interaction

Kind = Interaction.Kind

SHELVES: dict[str, tuple[Promise, tuple[str, ...]]] = {
    "saved": (_("Saved"), (Kind.SAVE,)),
    "read": (_("Read"), (Kind.READ, Kind.CLICK)),
    "upvoted": (_("Upvoted"), (Kind.UPVOTE,)),
    "imported": (_("Imported"), (Kind.IMPORT,)),
}


def shelf(user: User, name: str) -> PaperQuerySet:
    """The papers on one shelf, the latest first, with `at`, when the reader last put them there.

    A paper that was hidden or withdrawn since stays: it is the reader's library.
    """
    _label, kinds = SHELVES[name]
    theirs = Q(interactions__user=user, interactions__kind__in=kinds)
    return (
        Paper.objects.exclude(status__in=[Paper.Status.PENDING, Paper.Status.EMBARGOED])
        .filter(theirs)
        .annotate(at=Max("interactions__at", filter=theirs))
        .order_by("-at", "-id")
    )
