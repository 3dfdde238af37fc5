"""E-mail addresses: one spelling for one reader, and none that a mail server or a header would not survive."""

from __future__ import annotations

import re
from contextlib import suppress

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _

MAX_LENGTH = 254  # RFC 5321 leaves no more for an address in a path
# RFC 5321 also allows quoted local parts. They may hold spaces and control characters, and control characters end
# up in the To header; nobody reads mail at one.
LOCAL_PART = re.compile(r"[-!#$%&'*+/=?^_`{|}~.0-9A-Za-z]{1,64}")


def normalise_email(email: str) -> str:
    """Reader@Example.com and reader@example.com are one reader; so are reader@bücher.example and its ASCII form."""
    local, at, domain = email.strip().rpartition("@")
    if not domain.isascii():
        with suppress(UnicodeError):  # not a domain at all: clean_address says so
            domain = domain.encode("idna").decode("ascii")
    return f"{local}{at}{domain}".lower()


def clean_address(email: str) -> str:
    """The address as it is stored, or ValidationError with the reason for the person who typed it."""
    address = normalise_email(email)
    local = address.rpartition("@")[0]
    if not email.strip().rpartition("@")[0].isascii():
        raise ValidationError(
            _("Letters beyond a to z before the @ do not arrive through every mail server; use another address."),
            code="non_ascii_local_part",
        )
    if len(address) > MAX_LENGTH:
        raise ValidationError(_("That is longer than an e-mail address can be."), code="too_long")
    if local and not LOCAL_PART.fullmatch(local):
        raise ValidationError(
            _("Before the @ only letters, digits and signs such as . - _ + are possible."), code="odd_local_part"
        )
    validate_email(address)
    return address
