"""Where readers submit papers, and see what became of them."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from papers.models import Submission
from papers.plaintext import plain_text
from papers.submissions import AlreadyHere, CannotSubmit, submit

SHOWN = 50


class SubmissionForm(forms.Form):
    identifier = forms.CharField(
        label=gettext_lazy("arXiv id, DOI or address"),
        max_length=500,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    title = forms.CharField(label=gettext_lazy("Its title"), max_length=500)
    reason = forms.CharField(
        label=gettext_lazy("Why it is worth reading"),
        required=False,
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def clean_title(self) -> str:
        title = plain_text(self.cleaned_data["title"])
        if not title:
            raise forms.ValidationError(_("A title needs letters."))
        return title


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def submissions(request: HttpRequest) -> HttpResponse:
    form = SubmissionForm(request.POST or None)
    context: dict[str, Any] = {"form": form}
    if request.method == "POST" and form.is_valid():
        values = form.cleaned_data
        try:
            submit(request.user, values["identifier"], values["title"], values["reason"])
        except AlreadyHere as error:
            context["already_here"] = error.paper
        except CannotSubmit as error:
            form.add_error("identifier", str(error))
        else:
            messages.success(request, _("Thank you. The editors have it, and you will hear from them by mail."))
            return redirect("submissions")
    context["submissions"] = Submission.objects.filter(submitter=request.user.pk).select_related("paper")[:SHOWN]
    return render(request, "papers/submissions.html", context)
