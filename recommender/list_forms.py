"""What readers type into their lists and groups."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.fields import AddressField
from accounts.models import User
from recommender.library_forms import AnyText
from recommender.models import Group, Membership, ReadingList

LONGEST_TEXT = 20_000  # characters of papers named in one go


class OneLine(forms.CharField):
    """Spaces are one, and there are no line breaks: a name stands in subjects and headings."""

    def to_python(self, value: Any) -> str:
        return " ".join(str(super().to_python(value) or "").split())


def longest(model: Any, field: str = "name") -> int:
    return int(model._meta.get_field(field).max_length or 0)


class ListForm(forms.Form):
    name = OneLine(label=_("Name"), max_length=longest(ReadingList))


class PapersForm(forms.Form):
    papers = AnyText(
        label=_("Add papers"),
        help_text=_("arXiv ids, DOIs or addresses, one a line."),
        max_length=LONGEST_TEXT,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
    )


class OwnNameForm(forms.Form):
    own_name = OneLine(
        label=_("Your name in the group"),
        help_text=_("The other members see it beside what you put on the list. Your address they never see."),
        max_length=longest(Membership),
    )

    def __init__(self, user: User, data: Any = None) -> None:
        super().__init__(data, initial={"own_name": user.get_short_name()[: longest(Membership)]})


class GroupForm(OwnNameForm):
    field_order = ("name", "own_name")

    name = OneLine(label=_("Name of the group"), max_length=longest(Group))


class InvitationForm(forms.Form):
    email = AddressField(label=_("E-mail address"), widget=forms.EmailInput(attrs={"autocomplete": "off"}))
