from __future__ import annotations

from typing import Any

from papers.models import Submission


def export(user: Any) -> dict[str, Any]:
    theirs = Submission.objects.filter(submitter=user).order_by("pk")
    return {
        "submissions": list(
            theirs.values(
                "paper_id", "paper__title", "reason", "state", "word", "submitted_at", "decided_at", "told_at"
            )
        )
    }


def erase(user: Any) -> None:
    """Who asked is forgotten; the paper stays with the editors."""
    Submission.objects.filter(submitter=user).delete()
