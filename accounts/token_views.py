"""Where readers make and revoke tokens for the API."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts.models import ApiToken
from accounts.tokens import MOST_TOKENS, make_token
from accounts.views import signed_in_reader


class TokenForm(forms.ModelForm):
    class Meta:
        model = ApiToken
        fields = ("name",)


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def tokens(request: HttpRequest) -> HttpResponse:
    """A new token is on this one answer, and nowhere afterwards."""
    user = signed_in_reader(request)
    form = TokenForm(request.POST or None)
    made = ""
    if request.method == "POST" and form.is_valid():
        if ApiToken.objects.filter(user=user).count() >= MOST_TOKENS:
            form.add_error(None, _("These are %d tokens already: revoke one that you no longer need.") % MOST_TOKENS)
        else:
            made = make_token(user, form.cleaned_data["name"])
            form = TokenForm()
    context = {"form": form, "made": made, "tokens": ApiToken.objects.filter(user=user)}
    return render(request, "account/tokens.html", context)


@login_required
@require_POST
def revoke_token(request: HttpRequest, pk: int) -> HttpResponse:
    token = get_object_or_404(ApiToken, pk=pk, user=signed_in_reader(request))
    token.delete()
    messages.success(request, _("Revoked: %s lets nobody in any more.") % token.name)
    return redirect("api_tokens")
