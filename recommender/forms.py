"""What readers type into the reading pages."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from papers.models import Paper, PaperQuerySet, Topic
from papers.parsers import decode
from recommender.library_import import CannotImport, preview
from recommender.search import tokenize


class TopicForm(forms.Form):
    topic = forms.ModelChoiceField(
        Topic.objects.all(), to_field_name="slug", required=False, empty_label=_("every topic"), label=_("Topic")
    )


class LibraryForm(forms.Form):
    """A library as pasted text or as a file, and what was understood of it."""

    text = forms.CharField(
        label=_("Paste it here"), required=False, widget=forms.Textarea(attrs={"rows": 12, "spellcheck": "false"})
    )
    file = forms.FileField(label=_("Or choose a file"), required=False)

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        content = values["file"].read() if values.get("file") else values.get("text", "")
        if not content:
            raise forms.ValidationError(_("Paste something, or choose a file."))
        try:
            self.found = preview(content)
        except CannotImport as error:
            raise forms.ValidationError(str(error)) from error
        self.content = content if isinstance(content, str) else decode(content)
        return values


class SavedSearchForm(forms.Form):
    query = forms.CharField(max_length=300)
    topic = forms.ModelChoiceField(Topic.objects.all(), to_field_name="slug", required=False)

    def clean_query(self) -> str:
        query = " ".join(self.cleaned_data["query"].split())
        if not tokenize(query):
            raise forms.ValidationError(_("There is no word in it."))
        return query


class SearchForm(TopicForm):
    """Any text at all is a query; a filter that makes no sense is said so and left out."""

    field_order = ("q", "topic", "since", "until")

    q = forms.CharField(
        label=_("Words, an author, an arXiv id or a DOI"),
        required=False,
        widget=forms.TextInput(attrs={"type": "search", "autocomplete": "off", "spellcheck": "false"}),
    )
    since = forms.DateField(required=False, label=_("From"), widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(required=False, label=_("Until"), widget=forms.DateInput(attrs={"type": "date"}))

    def papers(self) -> PaperQuerySet:
        """The papers that pass the filters."""
        papers = Paper.objects.all()
        if topic := self.cleaned_data.get("topic"):
            papers = papers.filter(topics=topic)
        if since := self.cleaned_data.get("since"):
            papers = papers.filter(published_at__date__gte=since)
        if until := self.cleaned_data.get("until"):
            papers = papers.filter(published_at__date__lte=until)
        return papers
