"""The account page, and the two rights of whoever has one: to take everything along, and to leave no trace."""

from __future__ import annotations

from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from accounts import privacy
from accounts.forms import EraseForm
from accounts.models import User


def signed_in_reader(request: HttpRequest) -> User:
    """For views behind `login_required`."""
    assert isinstance(request.user, User)
    return request.user


@login_required
@never_cache
@require_GET
def account(request: HttpRequest) -> HttpResponse:
    return render(
        request,
        "account/account.html",
        {"n_sessions": UserSession.objects.filter(user=signed_in_reader(request)).count()},
    )


@login_required
@never_cache
@require_GET
def export(request: HttpRequest) -> HttpResponse:
    response = JsonResponse(privacy.export(signed_in_reader(request)), json_dumps_params={"indent": 2})
    response["Content-Disposition"] = 'attachment; filename="broadsheet.json"'
    return response


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def erase(request: HttpRequest) -> HttpResponse:
    user = signed_in_reader(request)
    form = EraseForm(user, request.POST or None)
    if request.method == "POST" and form.is_valid():
        privacy.erase(user)
        logout(request)
        messages.success(request, _("Your account and everything we held of you is erased. Farewell."))
        return redirect("home")
    return render(request, "account/erase.html", {"form": form})
