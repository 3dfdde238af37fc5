"""A reader's wish -> a pending paper in the editors' queue -> listed or not, with a word back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from papers.identifiers import OTHER, Identified, find_identified, parse_identifier
from papers.ingest import SUBMITTED, is_known_from_readers_only
from papers.merging import CannotMerge, merge
from papers.models import Identifier, Paper, Submission

A_DAY = 10  # submissions of one reader
WAITING = 20  # of one reader's at a time
DECLINED = "declined by the editors"
State = Submission.State


class CannotSubmit(ValueError):
    """Why not; one line for the reader."""


class AlreadyHere(CannotSubmit):
    """The paper that the reader asks for is in the catalogue."""

    def __init__(self, paper: Paper) -> None:
        super().__init__(_("This paper is here already."))
        self.paper = paper


def identified_by(text: str) -> Identified:
    """An arXiv id, a DOI, or the address of a page."""
    identified = parse_identifier(text)
    if identified.scheme is not OTHER:
        return identified
    if not is_web_address(identified.value):
        raise CannotSubmit(_("Give an arXiv id, a DOI, or the address of its page, beginning with https://"))
    if len(identified.value) > 300:
        raise CannotSubmit(_("This address is too long: give the paper's DOI or arXiv id instead."))
    return identified


def is_web_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        host = parts.hostname or ""
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and "." in host


@transaction.atomic
def submit(user: Any, text: str, title: str, reason: str = "") -> Submission:
    identified = identified_by(text)
    check_limits(user)
    paper = find_identified([identified]).get(identified.key)
    paper = paper.merged_into or paper if paper else None
    if paper is None:
        paper = pending_paper(identified, title)
    elif paper.is_visible():
        raise AlreadyHere(paper)
    elif paper.status == Paper.Status.HIDDEN and is_known_from_readers_only(paper):
        Paper.objects.filter(pk=paper.pk).update(status=Paper.Status.PENDING, status_reason=SUBMITTED)
    elif paper.status != Paper.Status.PENDING:
        raise CannotSubmit(_("The editors know this paper and do not list it."))
    submission, created = Submission.objects.get_or_create(paper=paper, submitter=user, defaults={"reason": reason})
    if not created:
        raise CannotSubmit(_("You have submitted this paper already."))
    return submission


def check_limits(user: Any) -> None:
    theirs = Submission.objects.filter(submitter=user)
    if theirs.filter(submitted_at__gt=timezone.now() - timedelta(days=1)).count() >= A_DAY:
        raise CannotSubmit(_("You can submit %d papers a day. Come back tomorrow with this one.") % A_DAY)
    if theirs.filter(state=State.WAITING).count() >= WAITING:
        raise CannotSubmit(_("%d papers of yours are waiting. Let the editors catch up first.") % WAITING)


def pending_paper(identified: Identified, title: str) -> Paper:
    """No news until a source or an editor says when it was announced."""
    paper = Paper.objects.create(
        title=title,
        published_at=identified.month or timezone.now(),
        published_precision=Paper.Precision.MONTH if identified.month else Paper.Precision.DAY,
        announcement=Paper.Announcement.UNKNOWN,
        status=Paper.Status.PENDING,
        status_reason=SUBMITTED,
        url=identified.url or identified.value,
        pdf_url=identified.pdf_url,
    )
    Identifier.objects.create(paper=paper, scheme=identified.scheme, value=identified.value, version=identified.version)
    return paper


@transaction.atomic
def decide(submission: Submission, state: str, word: str = "") -> int:
    """All who wait for this paper get the answer, and the same word. Gives how many; none where it was given before."""
    waiting = Submission.objects.select_for_update().filter(paper=submission.paper_id, state=State.WAITING)
    n_answered = waiting.update(state=state, word=word, decided_at=timezone.now())
    pending = Paper.objects.filter(pk=submission.paper_id, status=Paper.Status.PENDING)
    if n_answered and state == State.APPROVED:
        pending.update(status=Paper.Status.PUBLISHED, status_reason="", updated_at=timezone.now())
    elif n_answered:
        pending.update(status=Paper.Status.HIDDEN, status_reason=DECLINED, updated_at=timezone.now())
    return n_answered


@transaction.atomic
def decide_by_merging(submission: Submission, kept: Paper, by: str, word: str = "") -> int:
    """It is a paper that the catalogue has: the pending one becomes part of it, and all who wait are told that it is
    listed. CannotMerge where the two are no longer what the editor saw; 0 where somebody decided before."""
    waiting = Submission.objects.select_for_update().filter(paper=submission.paper_id, state=State.WAITING)
    asked = list(waiting.values_list("pk", flat=True))
    if not asked:
        return 0
    if not kept.is_visible():
        raise CannotMerge(_("“%(title)s” is %(status)s, so nobody could read it there. Publish it first.") % {
            "title": kept.title, "status": kept.get_status_display()})  # fmt: skip
    merge(kept, submission.paper, f"submitted again; by {by}")
    return Submission.objects.filter(pk__in=asked).update(state=State.APPROVED, word=word, decided_at=timezone.now())
