"""The desk's own furniture: its style sheet and what stands in the bar at its side."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import gettext_lazy as _


def style_sheet(request: HttpRequest) -> str:
    return static("desk.css")


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """By what people come for, each only where they may; every model stands in "All applications" besides."""
    groups = [
        (
            _("The publication"),
            [
                (_("Today's edition"), "newsletter_edition_today", "newspaper", "newsletter.change_edition"),
                (_("Editions"), "newsletter_edition_changelist", "calendar_month", "newsletter.view_edition"),
                (_("Numbers"), "desk_numbers", "monitoring", "newsletter.view_edition"),
                (_("Submissions"), "papers_submission_changelist", "inbox", "papers.view_submission"),
                (_("Papers"), "papers_paper_changelist", "article", "papers.view_paper"),
                (_("Shared lists"), "recommender_readinglist_changelist", "lists", "recommender.view_readinglist"),
                (_("Duplicates"), "papers_merge_changelist", "merge", "papers.view_merge"),
            ],
        ),
        (
            _("Readers"),
            [
                (_("Readers"), "newsletter_subscription_changelist", "group", "newsletter.view_subscription"),
                (_("Digests"), "newsletter_digest_changelist", "mail", "newsletter.view_digest"),
                (_("Suppressions"), "newsletter_suppression_changelist", "block", "newsletter.view_suppression"),
            ],
        ),
        (
            _("The machine"),
            [
                (_("Operations"), "desk_operations", "vital_signs", "newsletter.view_operations"),
                (_("Rankers"), "recommender_rankerversion_changelist", "tune", "recommender.view_rankerversion"),
                (_("Why they get it"), "newsletter_subscription_why", "troubleshoot", "recommender.view_rankerversion"),
                (_("Experiments"), "newsletter_experiment_changelist", "science", "newsletter.view_experiment"),
                (_("Sources"), "papers_source_changelist", "rss_feed", "papers.view_source"),
            ],
        ),
    ]
    bar = []
    for title, entries in groups:
        items = [
            {"title": label, "icon": icon, "link": reverse(name if name.startswith("desk_") else f"admin:{name}")}
            for label, name, icon, permission in entries
            if request.user.has_perm(permission)  # type: ignore[union-attr]
        ]
        if items:
            bar.append({"title": title, "separator": True, "items": items})
    return bar
