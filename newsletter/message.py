"""One digest row to one MIME message: three templates, the headers, and at most 100 KB on the wire."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template import Context
from django.template.loader import get_template, render_to_string
from django.urls import reverse
from django.utils.html import escape
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.utils.translation import gettext as _

from newsletter.bounces import return_path, token_for
from newsletter.headers import header_text, list_id, sender
from newsletter.inlining import inlined_template
from newsletter.links import click_url, digest_web_url, group_unsubscribe_url, unsubscribe_url, vote_url
from newsletter.models import Digest, Pick, Subscription
from newsletter.notes import note_html
from newsletter.schedule import local_date
from papers.models import Authorship, Paper
from papers.sentences import split_sentences
from recommender.models import Group
from recommender.reasons import describe

LARGEST = 100_000  # bytes on the wire; Gmail clips at 102 KB
LONGEST_SUBJECT = 72  # characters; a phone shows about half of them, a desktop nearly all
# A line of 998 bytes or more would make the whole mail quoted-printable, which triples other scripts than Latin.
LONGEST_TITLE = LONGEST_SENTENCE = 300
LONGEST_NOTE = 3000  # characters of an editor's note in a mail; the web copy has all of it
LONGEST_PICK_NOTE = 1000
AUTHORS_NAMED = 6
TOPICS_NAMED = 3

SUBJECT_TEMPLATE = "newsletter/digest_subject.txt"
TEXT_TEMPLATE = "newsletter/digest.txt"
HTML_TEMPLATE = "newsletter/digest.html"


@dataclass(frozen=True)
class PaperText:
    """What every reader's mail says of a paper, worked out and escaped once a batch."""

    id: int
    title: str
    byline: str
    sentences: Sequence[str]
    topic: str
    has_pdf: bool
    has_code: bool

    @cached_property
    def title_html(self) -> SafeString:
        return escape(self.title)

    @cached_property
    def byline_html(self) -> SafeString:
        return escape(self.byline)

    @cached_property
    def sentences_html(self) -> list[SafeString]:
        return [escape(sentence) for sentence in self.sentences]


@dataclass
class Contents:
    """All that a batch of digests needs to be written, loaded with a bounded number of queries."""

    papers: dict[int, PaperText]
    reasons: dict[str, tuple[str, str]]  # as text and HTML, by the reason's repr: the same few stand in many digests
    pick_notes: dict[tuple[int, int], str]  # by edition and paper


@dataclass
class Built:
    message: EmailMultiAlternatives
    n_papers: int
    n_left_out: int = 0

    @cached_property
    def wire(self) -> bytes:
        """As SMTP carries it. Made once: it is measured, then sent.

        The boundary is as good as random (Message-IDs are keyed); Python would search the whole text for one.
        """
        mime = self.message.message()
        mime.set_boundary(f"=_{hashlib.sha256(str(mime['Message-ID']).encode()).hexdigest()[:32]}")
        return mime.as_bytes(linesep="\r\n")  # type: ignore[call-arg]


@dataclass
class Section:
    heading: str
    papers: list[dict[str, Any]] = field(default_factory=list)


# --- loading --------------------------------------------------------------------------------------------------------


def load_contents(digests: Sequence[Digest]) -> Contents:
    items = [item for digest in digests for item in digest.items]
    reasons = {repr(item["reason"]): item["reason"] for item in items if item["reason"].get("kind") != "pick"}
    notes = Pick.objects.filter(edition__in={digest.edition_id for digest in digests}).exclude(note="")
    return Contents(
        papers=load_papers({item["paper"] for item in items}),
        reasons={
            key: (sentence, escape(sentence))
            for key, sentence in zip(reasons, describe(list(reasons.values())), strict=True)
        },
        pick_notes={(pick.edition_id, pick.paper_id): Truncator(pick.note).chars(LONGEST_PICK_NOTE) for pick in notes},
    )


def load_papers(paper_ids: Collection[int]) -> dict[int, PaperText]:
    """Rows, not objects: three queries, and a third of the time."""
    authors: dict[int, list[str]] = defaultdict(list)
    topics: dict[int, list[str]] = defaultdict(list)
    authorships = Authorship.objects.filter(paper__in=paper_ids).order_by("paper_id", "position")
    for paper_id, name in authorships.values_list("paper_id", "author__name"):
        authors[paper_id].append(name)
    in_topics = Paper.topics.through.objects.filter(paper__in=paper_ids).order_by("topic__name")
    for paper_id, name in in_topics.values_list("paper_id", "topic__name"):
        topics[paper_id].append(name)
    papers = Paper.objects.filter(pk__in=paper_ids).only(
        "title", "abstract", "published_at", "published_precision", "pdf_url", "code_url"
    )
    return {paper.pk: _paper_text(paper, authors[paper.pk], topics[paper.pk]) for paper in papers}


def _paper_text(paper: Paper, authors: list[str], topics: list[str]) -> PaperText:
    named = shorten(", ".join(authors[:AUTHORS_NAMED]), LONGEST_TITLE)
    if (more := len(authors) - AUTHORS_NAMED) > 0:
        named = _("%(named)s and %(more)d more") % {"named": named, "more": more}
    parts = [named, date_of(paper), ", ".join(topics[:TOPICS_NAMED])]
    return PaperText(
        id=paper.pk,
        title=shorten(header_text(paper.title), LONGEST_TITLE),
        byline=" · ".join(header_text(part) for part in parts if part),
        sentences=[shorten(sentence, LONGEST_SENTENCE) for sentence in split_sentences(paper.abstract)],
        topic=topics[0] if topics else "",
        has_pdf=bool(paper.pdf_url),
        has_code=bool(paper.code_url),
    )


def date_of(paper: Paper) -> str:
    """As precisely as it is known."""
    on: date = paper.published_at.date()
    match paper.published_precision:
        case Paper.Precision.YEAR:
            return f"{on:%Y}"
        case Paper.Precision.MONTH:
            return f"{on:%B %Y}"
    return f"{on:%-d %B %Y}"


# --- writing --------------------------------------------------------------------------------------------------------


def build(digest: Digest, contents: Contents, visible: Collection[int]) -> Built:
    """The message, with as many papers as fit. What is not visible (any more) is left out."""
    items = [item for item in digest.items if item["paper"] in visible and item["paper"] in contents.papers]
    n_papers = len(items)
    built = _build_with(digest, contents, items, n_papers)
    while len(built.wire) > LARGEST and n_papers > 1:
        n_papers = max(1, min(n_papers - 1, n_papers * LARGEST // len(built.wire)))
        built = _build_with(digest, contents, items, n_papers)
    return built


def _build_with(digest: Digest, contents: Contents, items: list[dict[str, Any]], n_papers: int) -> Built:
    context = digest_context(digest, contents, items[:n_papers], longest_note=LONGEST_NOTE)
    context["n_left_out"] = n_left_out = len(items) - n_papers
    subscription = digest.subscription
    message = EmailMultiAlternatives(
        subject=_subject(digest, contents, items),
        body=get_template(TEXT_TEMPLATE).render(context),
        from_email=return_path(digest.pk or 0) or sender(),  # the envelope's; the header below is what readers see
        to=[subscription.user.email],
        reply_to=[settings.MAIL_REPLY_TO] if settings.MAIL_REPLY_TO else None,
        headers=headers_for(digest),
    )
    message.attach_alternative(render_html(context), "text/html")
    message.metadata = {"digest": token_for(digest.pk or 0)}  # type: ignore[attr-defined]  # for providers (anymail)
    return Built(message, n_papers, n_left_out)


def headers_for(digest: Digest) -> dict[str, str]:
    return {
        "From": sender(),
        "Message-ID": digest.message_id,
        "List-Unsubscribe": f"<{leave_url(digest)}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "List-Id": list_id(digest.group_id),
        "Feedback-ID": f"{digest.period:%Y%m%d}:{_stream(digest)}:broadsheet",
        "Auto-Submitted": "auto-generated",
    }


def leave_url(digest: Digest) -> str:
    """Where one leaves what this digest is of: one's own digests, or a group's weekly mail."""
    if digest.group_id is None:
        return unsubscribe_url(digest.subscription_id)
    return group_unsubscribe_url(digest.group_id, digest.subscription.user_id)


def _stream(digest: Digest) -> str:
    return "weekly:group" if digest.group_id else f"{digest.subscription.cadence}:digest"


def render_html(context: dict[str, Any]) -> str:
    return inlined_template(HTML_TEMPLATE).render(Context(context))


def digest_context(
    digest: Digest, contents: Contents, items: Iterable[dict[str, Any]], longest_note: int | None = None
) -> dict[str, Any]:
    subscription = digest.subscription
    note = digest.edition.note if digest.edition else ""
    note = Truncator(note).chars(longest_note) if longest_note else note
    papers = [_paper_context(digest, contents, item) for item in items]
    if papers:
        papers[0]["is_lead"] = True
    return {
        "site_name": settings.MAIL_FROM_NAME,
        "home_url": settings.BASE_URL,
        "date": f"{day_of(digest):%A, %-d %B %Y}",
        "group": digest.group,
        "subject": digest.subject,
        "preheader": " · ".join(entry["title"] for entry in papers[1:4]),
        "note": note,
        "note_html": note_html(note),
        "sections": arrange(papers, subscription.order) if digest.group is None else of_group(digest.group, papers),
        "web_url": digest_web_url(digest.pk or 0),
        "preferences_url": f"{settings.BASE_URL}{reverse('preferences')}",
        "unsubscribe_url": leave_url(digest),
        "postal_address": settings.POSTAL_ADDRESS,
        "address": subscription.user.email,
        "cadence": subscription.get_cadence_display(),
    }


def _paper_context(digest: Digest, contents: Contents, item: dict[str, Any]) -> dict[str, Any]:
    paper = contents.papers[item["paper"]]
    is_pick = item["reason"].get("kind") == "pick"
    note = contents.pick_notes.get((digest.edition_id or 0, paper.id), "") if is_pick else ""
    digest_id = digest.pk or 0
    reason, reason_html = ("", "") if is_pick else contents.reasons.get(repr(item["reason"]), ("", ""))
    sentence = item.get("sentence", 0)
    if sentence >= len(paper.sentences):  # the abstract has changed since
        sentence = 0
    return {
        "topic": paper.topic,
        "title": paper.title,
        "title_html": paper.title_html,
        "byline": paper.byline,
        "byline_html": paper.byline_html,
        "is_pick": is_pick,
        "note": note,
        "note_html": note_html(note),
        "reason": reason,
        "reason_html": reason_html,
        "sentence": paper.sentences[sentence] if paper.sentences else "",
        "sentence_html": paper.sentences_html[sentence] if paper.sentences else "",
        "url": click_url(digest_id, paper.id),
        "vote_url": vote_url(digest_id, paper.id),
        "has_pdf": paper.has_pdf,
        "has_code": paper.has_code,
    }


def arrange(papers: list[dict[str, Any]], order: str) -> list[Section]:
    """The editors' picks first; then the reader's own, best first or under their topics, best topic first."""
    picked = Section(_("From the editors"), [paper for paper in papers if paper["is_pick"]])
    sections: dict[str, Section] = {}
    for paper in papers:
        if not paper["is_pick"]:
            by_topic = order == Subscription.Order.TOPIC
            heading = (paper["topic"] or _("Other papers")) if by_topic else _("For you")
            sections.setdefault(heading, Section(heading)).papers.append(paper)
    return [section for section in (picked, *sections.values()) if section.papers]


def of_group(group: Group, papers: list[dict[str, Any]]) -> list[Section]:
    return [Section(_("Saved in %(group)s") % {"group": group.name}, papers)] if papers else []


def day_of(digest: Digest) -> date:
    """The reader's local date that it was made for."""
    return digest.period if digest.group_id is None else local_date(digest.subscription, digest.composed_at)


# --- the subject ----------------------------------------------------------------------------------------------------


def subject_for(title: str, group: str = "") -> str:
    """The leading paper's title, cut at the end of a clause or else of a word; before it the group whose it is."""
    title = f"{group}: {title}" if group else title
    subject = header_text(render_to_string(SUBJECT_TEMPLATE, {"title": header_text(title)}))
    return shorten(subject, LONGEST_SUBJECT)


def shorten(text: str, longest: int) -> str:
    if len(text) <= longest:
        return text
    head = text[: longest - 1]
    for mark in (": ", " - ", " – ", "? "):  # "Name: what it does" can do without the rest, if the name says enough
        at = head.rfind(mark)
        if at >= longest // 2:
            return head[:at].rstrip() + "…"
    at = head.rfind(" ")
    return (head[:at] if at >= longest // 2 else head).rstrip(" ,;:.-–") + "…"


def _subject(digest: Digest, contents: Contents, items: list[dict[str, Any]]) -> str:
    """As stored; anew where the leading paper was withdrawn meanwhile."""
    if items and digest.items and items[0]["paper"] != digest.items[0]["paper"]:
        group = digest.group.name if digest.group else ""
        return subject_for(contents.papers[items[0]["paper"]].title, group)
    return header_text(digest.subject)
