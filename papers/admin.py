"""The catalogue on the editors' desk: papers with their authors and identifiers, topics, authors."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import action, display

from papers import source_admin as source_admin  # these register their own models
from papers import submission_admin as submission_admin
from papers.admin_base import AdminBase, TabularInline
from papers.identifiers import OTHER, find_rows, parse_identifier
from papers.models import Author, Authorship, Identifier, Paper, Topic

PRECISIONS = {
    Paper.Precision.YEAR: "%Y",
    Paper.Precision.MONTH: "%Y-%m",
    Paper.Precision.DAY: "%Y-%m-%d",
    Paper.Precision.INSTANT: "%Y-%m-%d %H:%M",
}

LABELS = {
    Paper.Status.PENDING: "info",
    Paper.Status.PUBLISHED: "success",
    Paper.Status.EMBARGOED: "warning",
    Paper.Status.HIDDEN: "danger",
    Paper.Status.WITHDRAWN: "danger",
}


class IdentifierForm(forms.ModelForm):
    """Takes an identifier as people copy it, and keeps it as the catalogue does."""

    class Meta:
        model = Identifier
        fields = ("scheme", "value", "version")

    def clean(self) -> None:
        super().clean()
        if not (value := self.cleaned_data.get("value")):
            return
        identified = parse_identifier(value)
        scheme = self.cleaned_data.get("scheme")
        if identified.scheme is OTHER and scheme and scheme != OTHER:
            self.add_error("value", _("This is not written as an identifier of that scheme."))
            return
        self.cleaned_data |= {
            "scheme": identified.scheme.value,
            "value": identified.value,
            "version": identified.version or self.cleaned_data.get("version"),
        }


class IdentifierInline(TabularInline):
    model = Identifier
    form = IdentifierForm
    extra = 0


class AuthorshipInline(TabularInline):
    model = Authorship
    fields = ["position", "author"]
    autocomplete_fields = ["author"]
    ordering_field = "position"
    extra = 0


class PaperForm(forms.ModelForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "title" in self.fields:  # who may only look has no fields
            self.fields["title"].widget.attrs["rows"] = 2

    def clean_title(self) -> str:
        return " ".join(str(self.cleaned_data["title"]).split())

    def clean(self) -> None:
        super().clean()
        is_embargoed = self.cleaned_data.get("status") == Paper.Status.EMBARGOED
        if is_embargoed and not self.cleaned_data.get("embargoed_until"):
            self.add_error("embargoed_until", _("An embargoed paper needs the instant at which it may be seen."))


@admin.register(Paper)
class PaperAdmin(AdminBase):
    form = PaperForm
    list_display = ["title", "announced", "state", "topic_names", "upvotes"]
    list_filter = ["status", ("topics", AutocompleteSelectFilter), "published_at", "announcement"]
    date_hierarchy = "published_at"
    list_filter_submit = True
    search_fields = ["title", "identifiers__value"]
    search_help_text = _("Words of the title, or an arXiv id, DOI or address of the paper.")
    autocomplete_fields = ["topics"]
    readonly_fields = ["raw_title", "raw_abstract", "merged_into", "created_at", "updated_at"]
    inlines = [AuthorshipInline, IdentifierInline]
    actions = ["publish", "hide", "withdraw"]
    fieldsets = [
        (None, {"fields": ["title", "abstract", "topics"]}),
        (_("Visibility"), {"fields": ["status", "status_reason", "embargoed_until"]}),
        (_("Announcement"), {"fields": ["published_at", "published_precision", "announcement"]}),
        (_("Links"), {"fields": ["url", "pdf_url", "code_url", "upvotes", "submitter"]}),
        (
            _("As the source gave it"),
            {
                "classes": ["collapse"],
                "fields": ["raw_title", "raw_abstract", "merged_into", "created_at", "updated_at"],
            },
        ),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Paper]:
        papers: QuerySet[Paper] = super().get_queryset(request)
        return papers.prefetch_related("topics")

    def save_model(self, request: HttpRequest, paper: Paper, form: Any, change: bool) -> None:
        """The source's mathematics no longer goes with what an editor rewrote."""
        for name in {"title", "abstract"}.intersection(form.changed_data):
            setattr(paper, f"raw_{name}", "")
        super().save_model(request, paper, form, change)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Paper], search_term: str
    ) -> tuple[QuerySet[Paper], bool]:
        """An identifier finds its paper, however it is written; anything else is words."""
        if found := find_rows([parse_identifier(search_term)]):
            return queryset.filter(pk__in=[row.paper_id for row in found.values()]), False
        results: tuple[QuerySet[Paper], bool] = super().get_search_results(request, queryset, search_term)
        return results

    @admin.display(description=_("announced"), ordering="published_at")
    def announced(self, paper: Paper) -> str:
        return paper.published_at.strftime(PRECISIONS[Paper.Precision(paper.published_precision)])

    @display(description=_("status"), ordering="status", label=LABELS)
    def state(self, paper: Paper) -> tuple[str, str]:
        return paper.status, paper.get_status_display()

    @admin.display(description=_("topics"))
    def topic_names(self, paper: Paper) -> str:
        return ", ".join(topic.name for topic in paper.topics.all())

    @action(description=_("Publish"), permissions=["change"])
    def publish(self, request: HttpRequest, papers: QuerySet[Paper]) -> None:
        self.set_status(request, papers, Paper.Status.PUBLISHED)

    @action(description=_("Hide"), permissions=["change"])
    def hide(self, request: HttpRequest, papers: QuerySet[Paper]) -> None:
        self.set_status(request, papers, Paper.Status.HIDDEN)

    @action(description=_("Withdraw"), permissions=["change"])
    def withdraw(self, request: HttpRequest, papers: QuerySet[Paper]) -> None:
        self.set_status(request, papers, Paper.Status.WITHDRAWN)

    def set_status(self, request: HttpRequest, papers: QuerySet[Paper], status: Paper.Status) -> None:
        """Each with an entry in the log that says who did it. A paper that was merged into another stays hidden."""
        chosen = list(papers)
        changed = [paper for paper in chosen if paper.merged_into_id is None and paper.status != status]
        Paper.objects.filter(pk__in=[paper.pk for paper in changed]).update(
            status=status, status_reason="", embargoed_until=None, updated_at=timezone.now()
        )
        editor_id: Any = request.user.pk
        LogEntry.objects.log_actions(editor_id, changed, CHANGE, f"Status: {status.label}")
        count = len(changed)
        text = ngettext("%(count)d paper is now %(status)s.", "%(count)d papers are now %(status)s.", count)
        self.message_user(request, text % {"count": count, "status": status.label}, messages.SUCCESS)
        if any(paper.merged_into_id for paper in chosen):
            stay = _("Papers that were merged into others stay hidden; take their merge apart first.")
            self.message_user(request, stay, messages.WARNING)


def number_of(relation: type[Any], field: str) -> Coalesce:
    """How many rows point here, counted for the rows of one page of the list only."""
    counted = relation.objects.filter(**{field: OuterRef("pk")}).order_by().values(field).annotate(n=Count("pk"))
    return Coalesce(Subquery(counted.values("n")), 0)


@admin.register(Topic)
class TopicAdmin(AdminBase):
    list_display = ["name", "slug", "paper_count"]
    search_fields = ["name", "slug"]
    prepopulated_fields = {"slug": ["name"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Topic]:
        topics: QuerySet[Topic] = super().get_queryset(request)
        return topics.annotate(n_papers=number_of(Paper.topics.through, "topic"))

    @admin.display(description=_("papers"), ordering="n_papers")
    def paper_count(self, topic: Any) -> int:
        return int(topic.n_papers)


@admin.register(Author)
class AuthorAdmin(AdminBase):
    list_display = ["name", "paper_count"]
    search_fields = ["name"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Author]:
        authors: QuerySet[Author] = super().get_queryset(request)
        return authors.annotate(n_papers=number_of(Authorship, "author"))

    @admin.display(description=_("papers"), ordering="n_papers")
    def paper_count(self, author: Any) -> int:
        return int(author.n_papers)
