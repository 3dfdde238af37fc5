"""What may stand in a header of a mail."""

from __future__ import annotations

import re
from email.utils import formataddr

from django.conf import settings
from django.core.mail.message import sanitize_address

# Python folds a header at any of these, and what follows becomes the body; the others turn the reading direction round.
UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]+")
LONGEST_UNSUBSCRIBE = 66  # a longer List-Unsubscribe is folded with an empty first line


def header_text(value: str) -> str:
    return " ".join(UNFIT.sub(" ", value).split())


def sender() -> str:
    return formataddr((header_text(settings.MAIL_FROM_NAME), settings.MAIL_FROM_ADDRESS))


def list_id(group_id: int | None = None) -> str:
    """A mail program sorts by it: a reader's own digests are one list, a group's are another."""
    name = re.sub(r"[^A-Za-z0-9 ]", "", settings.MAIL_FROM_NAME).strip() or "Broadsheet"
    list_name = "digest" if group_id is None else f"group-{group_id}"
    return f"{name} <{list_name}.{settings.MAIL_DOMAIN}>"


def envelope(address: str) -> str:
    """An address as SMTP wants it: an international domain in ASCII."""
    return sanitize_address(address, "utf-8")
