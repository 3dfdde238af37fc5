"""Why a paper stands in a reader's list, in one true sentence."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.db.models import Model, QuerySet
from django.utils.text import Truncator
from django.utils.translation import gettext as _

from papers.models import Author, Paper, Topic
from recommender.models import Membership

Reason = Mapping[str, Any]

LONGEST_QUOTE = 90  # characters of a title or a reader's sentence, so that a reason stays one line in a mail


def describe(reasons: Sequence[Reason]) -> list[str]:
    """One sentence a reason, in their order, plain text in the active language.

    At most four queries, however many reasons. A reason that names something since deleted or hidden is told
    without the name; one of an unknown kind is an empty string, since a wrong reason is worse than none.
    """
    titles = _names(reasons, "read", "paper", Paper.objects.published(), "title")
    topics = _names(reasons, "topic", "topic", Topic.objects.all(), "name")
    authors = _names(reasons, "author", "author", Author.objects.all(), "name")
    members = _names(reasons, "saved", "member", Membership.objects.all(), "name")

    def read(reason: Reason) -> str:
        title = titles.get(reason.get("paper"))
        return _("because you read “%(title)s”") % {"title": title} if title else _("because of what you read")

    def topic(reason: Reason) -> str:
        name = topics.get(reason.get("topic"))
        return _("in your topic %(name)s") % {"name": name} if name else _("in a topic you follow")

    def author(reason: Reason) -> str:
        name = authors.get(reason.get("author"))
        return _("by %(name)s, whom you follow") % {"name": name} if name else _("by an author you follow")

    def interest(reason: Reason) -> str:
        return _("close to what you wrote: “%(text)s”") % {"text": _quote(str(reason.get("text", "")))}

    def search(reason: Reason) -> str:
        return _("found by your search “%(text)s”") % {"text": _quote(str(reason.get("text", "")))}

    def saved(reason: Reason) -> str:
        name = members.get(reason.get("member"))
        return _("saved by %(name)s") % {"name": name} if name else _("saved in your group")

    def whole(reason: Reason) -> str:
        if reason.get("kind") not in sentences:
            return ""
        why = sentences[reason["kind"]](reason)
        return _("for “%(name)s”: %(why)s") % {"name": reason["for"], "why": why} if reason.get("for") else why

    sentences: dict[str, Callable[[Reason], str]] = {
        "read": read,
        "topic": topic,
        "author": author,
        "interest": interest,
        "search": search,
        "saved": saved,
        "pick": lambda _reason: _("picked by the editors"),
        "trending": lambda _reason: _("trending"),
        "new": lambda _reason: _("new"),
    }
    return [whole(reason) for reason in reasons]


def _names(
    reasons: Sequence[Reason], kind: str, key: str, rows: QuerySet[Any, Any] | QuerySet[Model], field: str
) -> dict[Any, str]:
    ids = {reason[key] for reason in reasons if reason.get("kind") == kind and reason.get(key) is not None}
    return {pk: _quote(name) for pk, name in rows.filter(pk__in=ids).values_list("pk", field)} if ids else {}


def _quote(text: str) -> str:
    return Truncator(" ".join(text.split())).chars(LONGEST_QUOTE)
