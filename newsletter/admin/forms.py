"""Forms of the desk that are no model's."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminEmailInputWidget,
    UnfoldAdminRadioSelectWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminSplitDateTimeWidget,
    UnfoldAdminTextInputWidget,
)

from accounts.addresses import normalise_email
from newsletter.models import Subscription
from papers.models import Paper
from papers.visibility import CHOICES


class PreviewForm(forms.Form):
    """Whose digest, and how it is looked at."""

    email = forms.EmailField(
        label=_("Reader's e-mail address (empty: a new reader)"), required=False, widget=UnfoldAdminEmailInputWidget
    )
    width = forms.TypedChoiceField(
        label=_("Window"),
        choices=[("800", _("wide")), ("360", _("narrow"))],
        empty_value="800",
        required=False,
        widget=UnfoldAdminSelectWidget,
    )
    scheme = forms.TypedChoiceField(
        label=_("Colours"),
        choices=[("light", _("light")), ("dark", _("dark"))],
        empty_value="light",
        required=False,
        widget=UnfoldAdminSelectWidget,
    )
    subscription: Subscription

    @staticmethod
    def own_address(email: str) -> str:
        """An editor who reads it sees their own; another one a new reader's."""
        return email if Subscription.objects.filter(user__email=email).exists() else ""

    def clean_email(self) -> str:
        from newsletter.preview import new_reader  # brings the ranker along

        email = normalise_email(self.cleaned_data["email"])
        if not email:
            self.subscription = new_reader()
            return email
        found = Subscription.objects.filter(user__email=email).select_related("user").first()
        if found is None:
            raise forms.ValidationError(_("No reader with a subscription has this address."))
        self.subscription = found
        return email


class VisibilityForm(forms.Form):
    """What readers may see of a paper from now on, and why."""

    seen_as = forms.CharField(widget=forms.HiddenInput)
    status = forms.ChoiceField(
        label=_("From now on the paper is"),
        choices=[(status.value, status.label) for status in CHOICES],
        widget=UnfoldAdminRadioSelectWidget,
    )
    reason = forms.CharField(
        label=_("Reason"),
        max_length=300,
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text=_("Kept with the paper and in its history."),
    )
    until = forms.SplitDateTimeField(
        label=_("Embargoed until (UTC)"), required=False, widget=UnfoldAdminSplitDateTimeWidget
    )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        status, until = cleaned.get("status"), cleaned.get("until")
        if status == Paper.Status.EMBARGOED and (until is None or until <= timezone.now()):
            self.add_error("until", _("An embargo needs an instant that is still to come."))
        if status in (Paper.Status.HIDDEN, Paper.Status.WITHDRAWN) and not cleaned.get("reason", "").strip():
            self.add_error("reason", _("Say why: it is what colleagues and readers will ask."))
        return cleaned
