"""Handing one message to any of Django's e-mail backends other than SMTP, such as a provider's API through anymail."""

from __future__ import annotations

from collections.abc import Callable

from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

from newsletter.answers import Answer, Verdict

BUSY = (408, 425, 429)
# A wrong key or an unpaid bill refuses every digest: an hour of that must not cost a morning.
ABOUT_US = (401, 402, 403)


def hand_over(backend: BaseEmailBackend, message: EmailMessage, may_finish: Callable[[], bool]) -> Answer:
    """The provider has a return path of its own; several refuse a message that names another."""
    message.from_email = message.extra_headers.pop("From", message.from_email)
    if not may_finish():
        return Answer(Verdict.LEASE_LOST)
    try:
        taken = backend.send_messages([message])
    except Exception as error:  # each backend raises its own
        return answer_of_error(error)
    return Answer(Verdict.SENT) if taken else Answer(Verdict.REFUSED, "the mail backend took nothing")


def answer_of_error(error: Exception) -> Answer:
    """anymail's errors carry the HTTP status; a time-out may have come after the provider took the message.

    What nobody answered, such as a setting that anymail misses, says nothing of the digest: it waits.
    """
    said = f"{type(error).__name__}: {' '.join(str(error).split())}"
    status = getattr(error, "status_code", None)
    if type(error).__name__ == "AnymailRecipientsRefused":
        return Answer(Verdict.REFUSED, said, is_address_error=True)
    if status is not None:
        is_for_now = status in (*BUSY, *ABOUT_US) or status >= 500
        return Answer(Verdict.LATER if is_for_now else Verdict.REFUSED, said)
    if "Timeout" in type(error).__name__ or "Timeout" in type(error.__cause__).__name__:
        return Answer(Verdict.UNKNOWN, said)
    is_connection_over = isinstance(error, OSError) or isinstance(error.__cause__, OSError)
    return Answer(Verdict.LATER, said, is_connection_over=is_connection_over)
