"""Before an account moves to a new address, the old one is asked, too: who found a browser signed in cannot take the
account along. Who no longer reads mail there proves to be themselves with their password or passkey instead."""

from __future__ import annotations

import time

from allauth.account import app_settings
from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.code_verification import AbstractCodeVerificationProcess
from allauth.account.internal.flows.reauthentication import did_recently_reauthenticate, get_reauthentication_flows
from django.http import HttpRequest

from accounts.models import User

CODE_KEY = "old_address_code"
AGREED_KEY = "old_address_agreed_at"
TIMEOUT = 15 * 60  # seconds, for the code and for what it allows


class OldAddressProcess(AbstractCodeVerificationProcess):  # type: ignore[misc]
    """allauth's counting of tries and minutes, kept in the session."""

    def __init__(self, request: HttpRequest, user: User, state: dict[str, object]) -> None:
        super().__init__(
            state=state,
            user=user,
            timeout=TIMEOUT,
            max_attempts=app_settings.EMAIL_VERIFICATION_BY_CODE_MAX_ATTEMPTS,
        )
        self.request = request

    @classmethod
    def begin(cls, request: HttpRequest, user: User) -> OldAddressProcess:
        process = cls(request, user, cls.initial_state(user, user.email))
        process.send()
        process.persist()
        return process

    @classmethod
    def resume(cls, request: HttpRequest, user: User) -> OldAddressProcess | None:
        state = request.session.get(CODE_KEY)
        if not state or state["email"] != user.email:
            return None
        process: OldAddressProcess | None = cls(request, user, state).abort_if_invalid()
        return process

    def send(self) -> None:
        self.state["code"] = get_adapter().generate_email_verification_code()
        get_adapter().send_mail("account/email/old_address_code", self.state["email"], {"code": self.state["code"]})

    def persist(self) -> None:
        self.request.session[CODE_KEY] = self.state

    def abort(self) -> None:
        self.request.session.pop(CODE_KEY, None)

    def finish(self) -> None:
        self.abort()
        self.request.session[AGREED_KEY] = time.time()


def has_agreed(request: HttpRequest, user: User) -> bool:
    """Within the last quarter of an hour: the old address by its code, or the reader by password or passkey."""
    by_code = time.time() - request.session.get(AGREED_KEY, 0) < TIMEOUT
    return by_code or (bool(get_reauthentication_flows(user)) and did_recently_reauthenticate(request))
