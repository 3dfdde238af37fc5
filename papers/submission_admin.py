"""The editors' queue of what readers submitted: look, decide, say a word."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from papers.admin_base import AdminBase
from papers.models import Paper, Submission
from papers.submissions import decide, likely_duplicates

State = Submission.State


class DecisionForm(forms.ModelForm):
    decision = forms.ChoiceField(
        label=_("decision"),
        required=False,
        choices=[("", _("not yet")), (State.APPROVED, _("approve: list it")), (State.DECLINED, _("decline"))],
        widget=UnfoldAdminSelectWidget,
    )
    word = forms.CharField(
        label=_("a word to the submitter"),
        required=False,
        max_length=1000,
        widget=UnfoldAdminTextareaWidget,
        help_text=_("Mailed with the decision, and shown on the submitter's page."),
    )

    class Meta:
        model = Submission
        fields = ("word",)

    def clean(self) -> None:
        super().clean()
        if self.cleaned_data.get("word") and not self.cleaned_data.get("decision"):
            self.add_error("decision", _("A word goes out with a decision: choose one."))


@admin.register(Submission)
class SubmissionAdmin(AdminBase):
    form = DecisionForm
    list_display = ["title", "submitter", "labelled_state", "submitted_at", "decided_at", "told_at"]
    list_filter = ["state", "submitted_at"]
    list_select_related = ["paper", "submitter"]
    search_fields = ["paper__title", "paper__identifiers__value", "submitter__email"]
    date_hierarchy = "submitted_at"
    actions = ["approve", "decline"]
    readonly_fields = ["the_paper", "duplicates", "submitter", "reason", "labelled_state", "submitted_at", "told_at"]
    fieldsets = [
        (None, {"fields": ["the_paper", "duplicates", "submitter", "reason", "submitted_at"]}),
        (_("Decision"), {"fields": ["labelled_state", "decision", "word", "told_at"]}),
    ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def get_fieldsets(self, request: HttpRequest, obj: Submission | None = None) -> Any:
        """What was decided stays: the answer may be in somebody's mailbox."""
        if obj is None or obj.state == State.WAITING:
            return super().get_fieldsets(request, obj)
        return [self.fieldsets[0], (_("Decision"), {"fields": ["labelled_state", "word", "told_at"]})]

    def get_readonly_fields(self, request: HttpRequest, obj: Submission | None = None) -> list[str]:
        is_decided = obj is not None and obj.state != State.WAITING
        return [*self.readonly_fields, "word"] if is_decided else list(self.readonly_fields)

    def save_model(self, request: HttpRequest, obj: Submission, form: Any, change: bool) -> None:
        decision = form.cleaned_data.get("decision")
        if decision and obj.state == State.WAITING:
            self._decide(request, [obj], decision, form.cleaned_data["word"])

    @action(description=_("Approve: list them"), permissions=["change"])
    def approve(self, request: HttpRequest, submissions: QuerySet[Submission]) -> None:
        self._decide(request, submissions, State.APPROVED)

    @action(description=_("Decline"), permissions=["change"])
    def decline(self, request: HttpRequest, submissions: QuerySet[Submission]) -> None:
        self._decide(request, submissions, State.DECLINED)

    def _decide(self, request: HttpRequest, submissions: Any, state: State, word: str = "") -> None:
        n_answered = 0
        for submission in submissions:
            if answered := decide(submission, state, word):
                n_answered += answered
                self.log_change(request, submission, f"Decided: {state}")
        text = ngettext("%d reader will be told.", "%d readers will be told.", n_answered) % n_answered
        self.message_user(request, text, messages.SUCCESS)

    @display(description=_("paper"), ordering="paper__title")
    def title(self, submission: Submission) -> str:
        return Truncator(submission.paper.title).chars(90)

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

    @display(description=_("may be the same as"))
    def duplicates(self, submission: Submission) -> Any:
        found = likely_duplicates(submission.paper)
        rows = ((desk_link(paper), reason) for paper, reason in found)
        return format_html_join("", "<p>{}: {}</p>", rows) or _("nothing found")


def desk_link(paper: Paper) -> SafeString:
    url = reverse("admin:papers_paper_change", args=[paper.pk])
    return format_html(
        '<a class="text-primary-600" href="{}">{}</a> ({})', url, paper.title, paper.get_status_display()
    )
