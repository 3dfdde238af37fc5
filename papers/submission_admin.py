"""The editors' queue of what readers submitted: look, decide, say a word."""

from __future__ import annotations

import contextlib
from typing import Any

from celery import current_app
from celery.exceptions import CeleryError
from django import forms
from django.contrib import admin, messages
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import BooleanField, Q, QuerySet, Value
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from kombu.exceptions import OperationalError as BrokerError
from unfold.decorators import action, display
from unfold.views import ChangeList
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from papers.admin_base import AdminBase
from papers.likely_duplicates import likely_duplicates, likely_duplicates_of
from papers.merging import CannotMerge
from papers.models import Paper, Submission
from papers.submissions import decide, decide_by_merging

State = Submission.State
SHOWN_IN_LIST = 2  # likely duplicates of one
MERGE = "merge:"  # before the key of the paper that a pending one is the same as


class DecisionForm(forms.ModelForm):
    decision = forms.ChoiceField(label=_("decision"), required=False, widget=UnfoldAdminSelectWidget)
    word = forms.CharField(
        label=_("a word to the submitter"),
        required=False,
        max_length=1000,
        widget=UnfoldAdminTextareaWidget,
        help_text=_("Mailed with the decision, and shown on the submitter's page."),
    )
    may_merge = False

    class Meta:
        model = Submission
        fields = ("word",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "decision" not in self.fields:  # who may only look has no fields
            return
        choices: list[tuple[str, Any]] = [
            ("", _("not yet")),
            (State.APPROVED, _("approve: list it")),
            (State.DECLINED, _("decline")),
        ]
        if self.may_merge:
            found = (other for other, _reason in likely_duplicates(self.instance.paper) if other.is_visible())
            choices += [(f"{MERGE}{other.pk}", _("merge: it is “%s”") % other.title[:90]) for other in found]
        self.fields["decision"].choices = choices  # type: ignore[attr-defined]

    def clean(self) -> None:
        super().clean()
        if self.cleaned_data.get("word") and not self.cleaned_data.get("decision"):
            self.add_error("decision", _("A word goes out with a decision: choose one."))


class Queue(ChangeList):
    """Looks for likely duplicates of those that wait, all of a page at once."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list: list[Any] = list(self.result_list)
        waiting = {row.paper_id: row.paper for row in self.result_list if row.state == State.WAITING}
        found = likely_duplicates_of(list(waiting.values()))
        for submission in self.result_list:
            submission.found = found.get(submission.paper_id, []) if submission.state == State.WAITING else None


@admin.register(Submission)
class SubmissionAdmin(AdminBase):
    """Nobody's address is shown but to those who may see readers: the editors decide about a paper."""

    form = DecisionForm
    list_display = ["title", "may_be", "from_whom", "labelled_state", "submitted_at", "decided_at", "told_at"]
    list_filter = ["state", "submitted_at"]
    list_select_related = ["paper", "submitter"]
    search_fields = ["paper__title", "paper__identifiers__value"]
    search_help_text = _("Words of the title, or an identifier.")
    date_hierarchy = "submitted_at"
    actions = ["approve", "decline", "look_up_again"]
    readonly_fields = [
        "the_paper",
        "metadata",
        "looked_up",
        "duplicates",
        "from_whom",
        "reason",
        "state",
        "submitted_at",
        "told_at",
        "who_did_what",
    ]
    fieldsets = [
        (None, {"fields": ["the_paper", "metadata", "looked_up", "duplicates"]}),
        (_("Asked for"), {"fields": ["from_whom", "reason", "submitted_at"]}),
        (_("Decision"), {"fields": ["state", "decision", "word", "told_at", "who_did_what"]}),
    ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Submission]:
        """The reader is named where the list is drawn, so the request's rights go with each row."""
        submissions: QuerySet[Submission] = super().get_queryset(request)
        may_see = request.user.has_perm("accounts.view_user")  # type: ignore[union-attr]
        return submissions.annotate(may_be_named=Value(may_see, BooleanField()))

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[Queue]:
        return Queue

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        form.may_merge = request.user.has_perm("papers.change_merge")  # type: ignore[union-attr]
        return form

    def get_fieldsets(self, request: HttpRequest, obj: Submission | None = None) -> Any:
        """What was decided stays: the answer may be in somebody's mailbox."""
        if obj is None or obj.state == State.WAITING:
            return super().get_fieldsets(request, obj)
        decided = {"fields": ["state", "word", "told_at", "who_did_what"]}
        return [*self.fieldsets[:2], (_("Decision"), decided)]

    def get_readonly_fields(self, request: HttpRequest, obj: Submission | None = None) -> list[str]:
        is_decided = obj is not None and obj.state != State.WAITING
        return [*self.readonly_fields, "word"] if is_decided else list(self.readonly_fields)

    def save_model(self, request: HttpRequest, obj: Submission, form: Any, change: bool) -> None:
        decision = form.cleaned_data.get("decision")
        if decision and obj.state == State.WAITING:
            self._decide(request, [obj], decision, form.cleaned_data["word"])

    def log_change(self, request: HttpRequest, obj: Submission, message: Any) -> Any:
        """Django's own entry would say that the word was changed; ours says what was decided."""
        return super().log_change(request, obj, message) if isinstance(message, str) else None

    @action(description=_("Approve: list them"), permissions=["change"])
    def approve(self, request: HttpRequest, submissions: QuerySet[Submission]) -> None:
        self._decide(request, submissions, State.APPROVED)

    @action(description=_("Decline"), permissions=["change"])
    def decline(self, request: HttpRequest, submissions: QuerySet[Submission]) -> None:
        self._decide(request, submissions, State.DECLINED)

    @action(description=_("Look up at arXiv or Crossref again"), permissions=["change"])
    def look_up_again(self, request: HttpRequest, submissions: QuerySet[Submission]) -> None:
        """By a worker, since a service may take its time; without one the schedule does it within five minutes."""
        waiting = Submission.objects.filter(pk__in=[one.pk for one in submissions], state=State.WAITING)
        n_asked = waiting.update(looked_up_at=None, lookup_error="")
        transaction.on_commit(ask_for_look_up)
        text = ngettext("%d paper will be looked up.", "%d papers will be looked up.", n_asked) % n_asked
        self.message_user(request, text, messages.SUCCESS)

    def _decide(self, request: HttpRequest, submissions: Any, decision: str, word: str = "") -> None:
        n_answered = 0
        for submission in submissions:
            was_waiting = submission.state == State.WAITING
            try:
                if decision.startswith(MERGE):
                    kept = Paper.objects.get(pk=decision.removeprefix(MERGE))
                    answered = decide_by_merging(submission, kept, str(request.user), word)
                    done = f"Merged into “{kept}”"
                else:
                    answered, done = decide(submission, decision, word), f"Decided: {State(decision).label}"
            except (CannotMerge, Paper.DoesNotExist) as error:
                self.message_user(request, f"{submission.paper}: {error}", messages.ERROR)
                continue
            n_answered += answered
            if answered:
                self.log_change(request, submission, f"{done}. {word}".strip())
            elif was_waiting or len(submissions) == 1:
                self.message_user(request, decided_before(submission), messages.WARNING)
        text = ngettext("%d reader will be told.", "%d readers will be told.", n_answered) % n_answered
        self.message_user(request, text, messages.SUCCESS if n_answered else messages.INFO)

    @display(description=_("paper"), ordering="paper__title")
    def title(self, submission: Submission) -> str:
        return Truncator(submission.paper.title).chars(90)

    @display(description=_("may be the same as"))
    def may_be(self, submission: Any) -> str:
        """The likeliest duplicates, while there is something to decide; the reason stands on the page."""
        if submission.found is None:
            return "–"
        titles = [f"“{Truncator(paper.title).chars(60)}”" for paper, _reason in submission.found[:SHOWN_IN_LIST]]
        n_more = len(submission.found) - len(titles)
        more = [ngettext("and %d more", "and %d more", n_more) % n_more] if n_more else []
        return ", ".join([*titles, *more]) or str(_("nothing found"))

    @display(description=_("submitter"))
    def from_whom(self, submission: Any) -> str:
        if getattr(submission, "may_be_named", False):
            return str(submission.submitter)
        return str(submission.submitter.name or _("a reader"))

    @display(
        description=_("state"),
        ordering="state",
        label={State.WAITING: "info", State.APPROVED: "success", State.DECLINED: "danger"},
    )
    def labelled_state(self, submission: Submission) -> tuple[str, Any]:
        return submission.state, submission.get_state_display()

    @display(description=_("paper"))
    def the_paper(self, submission: Submission) -> SafeString:
        """To its own page on the desk, where title, authors and topics are mended before it is listed."""
        paper = submission.paper
        return format_html(
            '{}<br><a class="text-primary-600" href="{}" rel="noopener noreferrer">{}</a>',
            desk_link(paper),
            paper.url,
            paper.url,
        )

    @display(description=_("what is known of it"))
    def metadata(self, submission: Submission) -> str:
        paper = submission.paper
        rows = {
            _("Authors"): ", ".join(paper.authorships.order_by("position").values_list("author__name", flat=True)),
            _("Topics"): ", ".join(topic.name for topic in paper.topics.all()),
            _("Announced"): f"{paper.published_at:%Y-%m-%d} ({paper.get_announcement_display()})",
            _("Identifiers"): ", ".join(f"{one.scheme}: {one.value}" for one in paper.identifiers.all()),
            _("Abstract"): Truncator(paper.abstract).chars(1200),
        }
        return render_to_string("admin/papers/submission/metadata.html", {"rows": rows})

    @display(description=_("looked up"))
    def looked_up(self, submission: Submission) -> str:
        if submission.looked_up_at is None:
            return str(_("not yet: within five minutes")) if submission.state == State.WAITING else "–"
        at = date_format(timezone.localtime(submission.looked_up_at), "DATETIME_FORMAT")
        return f"{at}: {submission.lookup_error}" if submission.lookup_error else at

    @display(description=_("may be the same as"))
    def duplicates(self, submission: Submission) -> Any:
        found = likely_duplicates(submission.paper)
        rows = ((desk_link(paper), reason) for paper, reason in found)
        return format_html_join("", "<p>{}: {}</p>", rows) or _("nothing found")

    @display(description=_("who did what"))
    def who_did_what(self, submission: Submission) -> str:
        """Django's log of the submission and of its paper."""
        kinds = ContentType.objects.get_for_models(Submission, Paper)
        about = Q(content_type=kinds[Submission], object_id=str(submission.pk)) | Q(
            content_type=kinds[Paper], object_id=str(submission.paper_id)
        )
        entries = LogEntry.objects.filter(about).select_related("user", "content_type")[:20]
        return render_to_string("admin/log.html", {"entries": entries})


def decided_before(submission: Submission) -> str:
    """To the second of two editors."""
    now = Submission.objects.select_related("paper").get(pk=submission.pk)
    kind = ContentType.objects.get_for_model(Submission)
    last = LogEntry.objects.filter(content_type=kind, object_id=str(now.pk)).select_related("user").first()
    values = {"paper": now.paper, "state": now.get_state_display(), "who": last.user if last else _("somebody else")}
    return _("“%(paper)s” was decided before you, by %(who)s: %(state)s.") % values


def ask_for_look_up() -> None:
    with contextlib.suppress(BrokerError, CeleryError):
        current_app.send_task("papers.tasks.look_up_submissions")


def desk_link(paper: Paper) -> SafeString:
    url = reverse("admin:papers_paper_change", args=[paper.pk])
    return format_html(
        '<a class="text-primary-600" href="{}">{}</a> ({})', url, paper.title, paper.get_status_display()
    )
