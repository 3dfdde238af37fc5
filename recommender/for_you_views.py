"""The reader's own page and what turns it: seen up to here, the dial, a fresh start."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.views import signed_in_reader
from papers.models import Paper
from recommender import interactions
from recommender.feed import SHOWS, Show, feed, taste
from recommender.models import Interest
from recommender.periods import newest_day
from recommender.picked import picked

PAPERS_SHOWN = 30


class ShowForm(forms.Form):
    """Which papers; what makes no sense is left out."""

    show = forms.ChoiceField(
        choices=list(zip(SHOWS, (gettext_lazy("New"), gettext_lazy("Week"), gettext_lazy("All time")), strict=True)),
        required=False,
    )
    interest = forms.IntegerField(required=False, min_value=1, max_value=2**63 - 1)


class DialForm(forms.ModelForm):
    class Meta:
        model = Interest
        fields = ("dial",)


class SeenForm(forms.Form):
    until = forms.DateTimeField(required=False)

    def clean_until(self) -> Any:
        until = self.cleaned_data["until"]
        if until and until > timezone.now():
            raise forms.ValidationError(_("Nobody has seen the future."))
        return until


@login_required
@never_cache
@require_safe
def for_you(request: HttpRequest) -> HttpResponse:
    user = signed_in_reader(request)
    form = ShowForm(request.GET)
    form.is_valid()
    show: Show = form.cleaned_data.get("show") or "new"
    interest = None
    if pk := form.cleaned_data.get("interest"):
        interest = get_object_or_404(user.interests.exclude(name=""), pk=pk)
    found = feed(user, PAPERS_SHOWN, show=show, interest=interest)
    context = {
        "feed": found,
        "show": show,
        "shows": form.fields["show"].choices,  # type: ignore[attr-defined]
        "interest": interest,
        "taste": taste(user),
        "newest_day": newest_day(Paper.objects.published()),
        "picked": picked([item.paper.pk for item in found.recommended]),
        "kinds": interactions.kinds_by_paper(user, [item.paper for item in found.recommended]),
    }
    return render(request, "recommender/for_you.html", context)


@login_required
@require_POST
def seen(request: HttpRequest) -> HttpResponse:
    """Up to the instant the page was made, so that what came since stays new; without one, nothing is seen."""
    form = SeenForm(request.POST)
    if form.is_valid():
        _change(request, seen_until=form.cleaned_data["until"])
    else:
        messages.error(request, _("That is no instant of the past: load the page again."))
    return redirect("for_you")


@login_required
@require_POST
def dial(request: HttpRequest) -> HttpResponse:
    form = DialForm(request.POST)
    if form.is_valid():
        value = form.cleaned_data["dial"]
        _change(request, dial=value)
        if value < Interest.MIDDLE:
            messages.success(request, _("Your page and your digest now go more by your own reading."))
        elif value > Interest.MIDDLE:
            messages.success(request, _("Your page and your digest now go more by what others like you read."))
        else:
            messages.success(request, _("Your page and your digest now go by both alike."))
    else:
        messages.error(request, _("The dial goes from 0 to 100."))
    return redirect("for_you")


@login_required
@require_POST
def afresh(request: HttpRequest) -> HttpResponse:
    """Nothing is deleted, so that it can be taken back."""
    if "undo" in request.POST:
        _change(request, learnt_since=None)
        messages.success(request, _("What you read and said before counts again."))
    else:
        _change(request, learnt_since=timezone.now(), dial=Interest.MIDDLE, seen_until=None)
        messages.success(
            request,
            _("A fresh start: what you read and said so far steers this page no longer. Your library stays."),
        )
    return redirect("for_you")


def _change(request: HttpRequest, **fields: Any) -> None:
    Interest.objects.update_or_create(user=signed_in_reader(request), name="", defaults=fields)
