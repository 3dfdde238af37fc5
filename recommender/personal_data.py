from __future__ import annotations

from typing import Any

from django.db.models import Q

from accounts.models import User
from recommender.groups import leave
from recommender.models import (
    FeedAddress,
    Interaction,
    Interest,
    Invitation,
    ListEntry,
    Membership,
    Note,
    ReadingList,
    SavedSearch,
    Tag,
)


def export(user: User) -> dict[str, Any]:
    return {
        "interactions": [
            {
                "paper": title,
                "paper_id": paper_id,
                "kind": kind,
                "source": source,
                "at": at if at_is_known else None,
            }
            for title, paper_id, kind, source, at, at_is_known in Interaction.objects.filter(user=user)
            .order_by("at", "pk")
            .values_list("paper__title", "paper_id", "kind", "source", "at", "at_is_known")
        ],
        "interests": [
            {
                "name": interest.name,
                "topics": [topic.name for topic in interest.topics.all()],
                "authors": [author.name for author in interest.authors.all()],
                "sentences": interest.sentences,
                "muted_words": interest.muted_words,
                "dial": interest.dial,
                "seen_until": interest.seen_until,
                "learnt_since": interest.learnt_since,
            }
            for interest in Interest.objects.filter(user=user).prefetch_related("topics", "authors")
        ],
        "saved_searches": [
            {"query": search.query, "topic": search.topic and search.topic.name, "in_digest": search.in_digest}
            for search in SavedSearch.objects.filter(user=user).select_related("topic")
        ],
        "feed_address": FeedAddress.objects.filter(user=user).values("secret", "renewed_at").first(),
        "tags": list(Tag.objects.filter(user=user).order_by("pk").values("paper_id", "name")),
        "notes": list(Note.objects.filter(user=user).order_by("pk").values("paper_id", "text", "updated_at")),
        "reading_lists": [
            {
                "name": one.name,
                "sharing": one.sharing,
                "kept_private": one.kept_private,
                "address": one.shared_path(),
                "papers": [{"paper_id": entry.paper_id, "at": entry.at} for entry in one.entries.all()],
            }
            for one in ReadingList.objects.filter(owner=user).prefetch_related("entries")
        ],
        "groups": list(
            Membership.objects.filter(user=user)
            .order_by("pk")
            .values("group__name", "name", "is_owner", "is_mailed", "joined_at")
        ),
        "put_on_group_lists": list(
            ListEntry.objects.filter(added_by=user, reading_list__group__isnull=False)
            .order_by("pk")
            .values("reading_list__name", "paper_id", "at")
        ),
        "invitations": list(
            Invitation.objects.filter(Q(invited_by=user) | Q(email=user.email))
            .order_by("pk")
            .values("group__name", "email", "created_at", "mailed_at")
        ),
    }


def erase(user: User) -> None:
    """What they put on a group's list stays there, without their name."""
    for membership in Membership.objects.filter(user=user):
        leave(membership)
    ReadingList.objects.filter(owner=user).delete()
    ListEntry.objects.filter(added_by=user).update(added_by=None)
    Invitation.objects.filter(Q(invited_by=user) | Q(email=user.email)).delete()
    Interaction.objects.filter(user=user).delete()
    Interest.objects.filter(user=user).delete()
    SavedSearch.objects.filter(user=user).delete()
    Tag.objects.filter(user=user).delete()
    Note.objects.filter(user=user).delete()
    FeedAddress.objects.filter(user=user).delete()
