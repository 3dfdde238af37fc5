"""The account page, and the two rights of whoever has one: to take everything along, and to leave no trace."""

from __future__ import annotations

from allauth.account import views as allauth_views
from allauth.account.adapter import get_adapter
from allauth.account.forms import ConfirmLoginCodeForm
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.conf import settings
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
from accounts.old_address import OldAddressProcess, has_agreed


def signed_in_reader(request: HttpRequest) -> User:
    """For views behind `login_required`."""
    assert isinstance(request.user, User)
    return request.user


@login_required
@never_cache
@require_GET
def account(request: HttpRequest) -> HttpResponse:
    user = signed_in_reader(request)
    return render(
        request,
        "account/account.html",
        {
            "n_sessions": UserSession.objects.filter(user=user).count(),
            "n_passkeys": Authenticator.objects.filter(user=user).count(),
            "has_other_sites": bool(settings.SOCIALACCOUNT_PROVIDERS),
        },
    )


@login_required
def change_address(request: HttpRequest) -> HttpResponse:
    """allauth's page, which asks the new address, once the old one has agreed."""
    if not has_agreed(request, signed_in_reader(request)):
        return redirect("account_old_address")
    response: HttpResponse = allauth_views.email(request)
    return response


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def old_address(request: HttpRequest) -> HttpResponse:
    user = signed_in_reader(request)
    process = OldAddressProcess.resume(request, user)
    if request.method == "POST" and "code" not in request.POST:
        OldAddressProcess.begin(request, user)
        return redirect("account_old_address")
    form = ConfirmLoginCodeForm(request.POST or None, code=process.code) if process else None
    if process and form and request.method == "POST":
        if form.is_valid():
            process.finish()
            return redirect("account_email")
        if not process.record_invalid_attempt():
            form = None
            messages.error(request, _("That was not the code, three times. Ask for a new one."))
    others = get_adapter().get_reauthentication_methods(user)
    return render(request, "account/old_address.html", {"form": form, "other_methods": others})


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
