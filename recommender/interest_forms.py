"""What a reader says of themselves, as a form that works without JavaScript."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from papers.models import Author, Topic
from recommender.models import Interest


class LinesField(forms.CharField):
    """A list of short texts, one a line. Blank lines and repetitions fall out."""

    widget = forms.Textarea

    def __init__(self, *, most: int, longest: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.most = most
        self.longest = longest

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> list[str]:
        text: str = super().clean(value)
        first_of: dict[str, str] = {}
        for line in filter(None, (" ".join(raw.split()) for raw in text.splitlines())):
            first_of.setdefault(line.casefold(), line)
        lines = list(first_of.values())
        if len(lines) > self.most:
            raise ValidationError(_("At most %(most)d lines, please."), params={"most": self.most})
        if any(len(line) > self.longest for line in lines):
            raise ValidationError(_("At most %(longest)d characters a line, please."), params={"longest": self.longest})
        return lines


class InterestForm(forms.Form):
    topics = forms.ModelMultipleChoiceField(
        Topic.objects.all(), required=False, widget=forms.CheckboxSelectMultiple, label=_("Topics you follow")
    )
    # Authors are followed on their pages; here one only lets them go.
    authors = forms.ModelMultipleChoiceField(
        Author.objects.none(), required=False, widget=forms.CheckboxSelectMultiple, label=_("Authors you follow")
    )
    sentences = LinesField(
        most=20,
        longest=500,
        required=False,
        label=_("What you work on"),
        help_text=_("A sentence or two, each on its own line. Papers close to them come first."),
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    muted_words = LinesField(
        most=100,
        longest=60,
        required=False,
        label=_("Words you would rather not see"),
        help_text=_("One a line. Papers with one of them in the title or abstract are left out."),
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    def __init__(self, interest: Interest, data: Any = None) -> None:
        self.interest = interest
        is_stored = interest.pk is not None
        followed = interest.authors.all() if is_stored else Author.objects.none()
        super().__init__(
            data,
            initial={
                "topics": interest.topics.all() if is_stored else [],
                "authors": followed,
                "sentences": interest.sentences,
                "muted_words": interest.muted_words,
            },
        )
        authors = self.fields["authors"]
        assert isinstance(authors, forms.ModelMultipleChoiceField)
        authors.queryset = followed

    def save(self) -> Interest:
        interest, _created = Interest.objects.update_or_create(
            user=self.interest.user,
            name=self.interest.name,
            defaults={"sentences": self.cleaned_data["sentences"], "muted_words": self.cleaned_data["muted_words"]},
        )
        interest.topics.set(self.cleaned_data["topics"])
        interest.authors.set(self.cleaned_data["authors"])
        return interest


class InterestApartForm(forms.Form):
    """One interest with a name, kept apart from the rest."""

    name = forms.CharField(max_length=60, label=_("Name"), help_text=_("As you would call it: Bees, or Teaching."))
    topics = forms.ModelMultipleChoiceField(
        Topic.objects.all(), required=False, widget=forms.CheckboxSelectMultiple, label=_("Topics")
    )
    sentences = LinesField(
        most=20,
        longest=500,
        required=False,
        label=_("What it is about"),
        help_text=_("A sentence or two, each on its own line."),
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def __init__(self, interest: Interest, data: Any = None) -> None:
        self.interest = interest
        topics = interest.topics.all() if interest.pk else []
        super().__init__(
            data, initial={"name": interest.name, "topics": topics, "sentences": interest.sentences}, label_suffix=""
        )

    def clean_name(self) -> str:
        name = " ".join(self.cleaned_data["name"].split())
        others = Interest.objects.filter(user=self.interest.user).exclude(pk=self.interest.pk)
        if others.filter(name__iexact=name).exists():
            raise ValidationError(_("You keep one of that name already."))
        return name

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if not self.errors and not values["topics"] and not values["sentences"]:
            raise ValidationError(_("Choose a topic, or write a sentence: by one of them its papers are found."))
        return values

    def save(self) -> Interest:
        self.interest.name = self.cleaned_data["name"]
        self.interest.sentences = self.cleaned_data["sentences"]
        self.interest.save()
        self.interest.topics.set(self.cleaned_data["topics"])
        return self.interest
