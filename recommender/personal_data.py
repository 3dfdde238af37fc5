from __future__ import annotations

from typing import Any

from accounts.models import User
from recommender.models import FeedAddress, Interaction, Interest, Note, SavedSearch, Tag


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
    }


def erase(user: User) -> None:
    Interaction.objects.filter(user=user).delete()
    Interest.objects.filter(user=user).delete()
    SavedSearch.objects.filter(user=user).delete()
    Tag.objects.filter(user=user).delete()
    Note.objects.filter(user=user).delete()
    FeedAddress.objects.filter(user=user).delete()
