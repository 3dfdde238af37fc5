"""How allauth behaves here: which addresses it takes, what its mails look like, where a newcomer lands."""

from __future__ import annotations

import logging
import re
from email.utils import formataddr, make_msgid
from smtplib import SMTPException
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.email_verification import verify_email
from allauth.account.internal.flows.login import get_authentication_records
from allauth.account.models import EmailAddress
from allauth.account.utils import get_next_redirect_url
from allauth.core import ratelimit
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialApp
from django.conf import settings
from django.core.mail import EmailMessage
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.addresses import clean_address
from accounts.models import User

logger = logging.getLogger(__name__)

# Python's header folding ends a header at any of these, and what follows becomes the body.
CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")

SUBSCRIBING = "subscribing"  # in the session, from the subscribe box to the login that follows

# Mails that anybody can have sent to any address. All others tell a reader what was done to their own account.
ASKED_BY_ANYBODY = {
    "account/email/login_code",
    "account/email/unknown_account",
    "account/email/account_already_exists",
    "account/email/email_confirmation",
    "account/email/email_confirmation_signup",
    "account/email/password_reset_code",
    "account/email/old_address_code",
}


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    def clean_email(self, email: str) -> str:
        return clean_address(email)

    def format_email_subject(self, subject: str) -> str:
        return CONTROL_CHARACTERS.sub(" ", subject).strip()

    def get_from_email(self) -> str:
        return formataddr((CONTROL_CHARACTERS.sub(" ", settings.MAIL_FROM_NAME), settings.MAIL_FROM_ADDRESS))

    def render_mail(
        self, template_prefix: str, email: str, context: dict[str, Any], headers: dict[str, str] | None = None
    ) -> EmailMessage:
        message: EmailMessage = super().render_mail(
            template_prefix,
            email,
            context | {"BASE_URL": settings.BASE_URL, "SITE_NAME": settings.MAIL_FROM_NAME},
            {"Message-ID": make_msgid(domain=settings.MAIL_DOMAIN), "Auto-Submitted": "auto-generated"},
        )
        message.reply_to = [settings.MAIL_REPLY_TO] if settings.MAIL_REPLY_TO else []
        return message

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        if template_prefix in ASKED_BY_ANYBODY:
            self.send_asked_by_anybody(template_prefix, email, context)
            return
        try:
            super().send_mail(template_prefix, email, context)
        except (SMTPException, OSError) as error:  # what it tells has been done already
            logger.error("The mail server did not take %s: %s", template_prefix, error)

    def send_asked_by_anybody(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """An address gets only so many, whoever asks from wherever: forms must not serve to bomb anybody."""
        if not ratelimit.consume(self.request, action="mail", key=email.lower()):
            raise ImmediateHttpResponse(ratelimit.respond_429(self.request))
        try:
            super().send_mail(template_prefix, email, context)
        except (SMTPException, OSError) as error:
            logger.error("The mail server did not take %s: %s", template_prefix, error)
            raise ImmediateHttpResponse(render(self.request, "account/mail_failed.html", status=503)) from error

    def get_login_stages(self) -> list[str]:
        """Without allauth's second factor: whoever adds a passkey wants to do without codes, and who then loses it
        must still get in by one."""
        stages: list[str] = super().get_login_stages()
        return [stage for stage in stages if stage != "allauth.mfa.stages.AuthenticateStage"]

    def login(self, request: HttpRequest, user: User) -> None:
        self.is_first_login = user.last_login is None
        super().login(request, user)

    def post_login(self, request: HttpRequest, user: User, *, redirect_url: str | None, **kwargs: Any) -> HttpResponse:
        """Newcomers are asked what they read, whoever used the subscribe box again sees their preferences; unless on
        the way to a page."""
        subscribing = request.session.pop(SUBSCRIBING, False)
        if (self.is_first_login or subscribing) and not (redirect_url or get_next_redirect_url(request)):
            redirect_url = reverse("start" if self.is_first_login else "preferences")
        response: HttpResponse = super().post_login(request, user, redirect_url=redirect_url, **kwargs)
        return response

    def pre_login(self, request: HttpRequest, user: User, *, email: str | None, **kwargs: Any) -> HttpResponse | None:
        response: HttpResponse | None = super().pre_login(request, user, email=email, **kwargs)
        if response is None and email:
            confirm_if_proven_by_code(request, user, email)
        return response


def confirm_if_proven_by_code(request: HttpRequest, user: User, email: str) -> None:
    """allauth confirms the address a login code was mailed to if it knows it. It does not know those of readers made
    by an import or by `createsuperuser`, and would mail them a second code to confirm what the first one proved."""
    records = get_authentication_records(request, user)
    proven = bool(records) and records[-1]["method"] == "code" and records[-1].get("email") == email == user.email
    if proven and not EmailAddress.objects.filter(user=user, email=email).exists():
        verify_email(request, EmailAddress(user=user, email=email))


class PasskeyAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    def generate_authenticator_name(self, user: User, type: Any) -> str:
        number: int = Authenticator.objects.filter(user=user, type=type).count() + 1
        return _("Passkey %d") % number

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        entity: dict[str, str] = super().get_public_key_credential_rp_entity()
        return entity | {"name": settings.MAIL_FROM_NAME}


class ElsewhereAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    def get_app(self, request: HttpRequest, provider: str, client_id: str | None = None) -> SocialApp:
        """Logging in with an account elsewhere whose keys are not set is a page that is not there."""
        try:
            return super().get_app(request, provider, client_id)
        except SocialApp.DoesNotExist as error:
            raise Http404(f"The keys of {provider} are not set.") from error
