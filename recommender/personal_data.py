from __future__ import annotations

from typing import Any

from accounts.models import User
from recommender.models import Interaction, Interest


def export(user: User) -> dict[str, Any]:
    interest = Interest.objects.filter(user=user).first()
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
        "interest": interest
        and {
            "topics": [topic.name for topic in interest.topics.all()],
            "authors": [author.name for author in interest.authors.all()],
            "sentences": interest.sentences,
            "muted_words": interest.muted_words,
        },
    }


def erase(user: User) -> None:
    Interaction.objects.filter(user=user).delete()
    Interest.objects.filter(user=user).delete()
