"""What readers type into their library."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from recommender.library import LONGEST_NOTE, LONGEST_TAG, MOST_TAGS, SHELVES, parse_tags


class AnyText(forms.CharField):
    """Any text at all; a NUL, which PostgreSQL refuses, counts as a space."""

    def to_python(self, value: object) -> str:
        return super().to_python(str(value or "").replace("\x00", " ")) or ""


class LibrarySearchForm(forms.Form):
    shelf = forms.ChoiceField(choices=[(name, label) for name, (label, _kinds) in SHELVES.items()], required=False)
    tag = AnyText(required=False)
    q = AnyText(
        label=_("Look through it"),
        required=False,
        widget=forms.TextInput(attrs={"type": "search", "autocomplete": "off", "spellcheck": "false"}),
    )

    def clean_shelf(self) -> str:
        return self.cleaned_data["shelf"] or "saved"


class AnnotationForm(forms.Form):
    tags = AnyText(required=False)
    note = AnyText(required=False)

    def clean_tags(self) -> list[str]:
        tags = parse_tags(self.cleaned_data["tags"])
        if len(tags) > MOST_TAGS:
            raise forms.ValidationError(_("A paper takes %d tags at most.") % MOST_TAGS)
        if any(len(tag) > LONGEST_TAG for tag in tags):
            raise forms.ValidationError(_("A tag has %d letters at most.") % LONGEST_TAG)
        return tags

    def clean_note(self) -> str:
        note: str = self.cleaned_data["note"]
        if len(note) > LONGEST_NOTE:
            raise forms.ValidationError(_("A note has %d letters at most.") % LONGEST_NOTE)
        return note
