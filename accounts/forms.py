"""allauth's forms made one: whoever gives an address is mailed a code, known here or not."""

from __future__ import annotations

from typing import Any

from allauth.account import forms as allauth_forms
from allauth.account.internal.flows.login_by_code import LoginCodeVerificationProcess
from allauth.account.signals import user_signed_up
from allauth.core.internal.httpkit import headed_redirect_response
from allauth.socialaccount import forms as socialaccount_forms
from django import forms
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from accounts.adapter import SUBSCRIBING
from accounts.addresses import normalise_email
from accounts.fields import AddressField
from accounts.models import User


class SignupForm(allauth_forms.SignupForm):  # type: ignore[misc]
    """One box for newcomers and for those who forgot that they had subscribed. Page, mail and code are the same for
    both: the code works either way, and nobody learns who reads here."""

    email = AddressField()

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"]
        return email

    def try_save(self, request: HttpRequest) -> tuple[User | None, HttpResponse]:
        email = self.cleaned_data["email"]
        user, is_new = User.objects.get_or_create(email=email, defaults={"password": make_password(None)})
        if is_new:
            user_signed_up.send(sender=User, request=request, user=user)
        request.session[SUBSCRIBING] = True
        LoginCodeVerificationProcess.initiate(request=request, user=user if user.is_active else None, email=email)
        next_url = request.POST.get(REDIRECT_FIELD_NAME)
        query = {REDIRECT_FIELD_NAME: next_url} if next_url else None
        return user, headed_redirect_response("account_confirm_login_code", query)


class LoginForm(allauth_forms.LoginForm):  # type: ignore[misc]
    """The address alone asks for a code; with a password, for those who have set one, it logs in at once."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"] = AddressField()

    def _setup_password_field(self) -> None:
        password = self.fields["password"]
        password.required = False
        password.label = _("Password, if you have set one")
        password.widget.attrs["placeholder"] = ""


class RequestLoginCodeForm(allauth_forms.RequestLoginCodeForm):  # type: ignore[misc]
    email = AddressField()


class ResetPasswordForm(allauth_forms.ResetPasswordForm):  # type: ignore[misc]
    email = AddressField()


class AddEmailForm(allauth_forms.AddEmailForm):  # type: ignore[misc]
    email = AddressField(label=_("New address"))


class DisconnectForm(socialaccount_forms.DisconnectForm):  # type: ignore[misc]
    """The last account elsewhere may go, too: a mailed code always opens the one here."""

    def clean(self) -> dict[str, Any]:
        return forms.Form.clean(self) or {}


class EraseForm(forms.Form):
    """Typing the address is what tells a wish from a slip."""

    email = forms.CharField(label=_("Your e-mail address, to confirm"), max_length=320)

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_email(self) -> str:
        email = normalise_email(self.cleaned_data["email"])
        if email != self.user.email:
            raise ValidationError(_("That is not the address of this account. Nothing has been erased."))
        return email
