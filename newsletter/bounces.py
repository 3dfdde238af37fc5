"""a report comes back -> our token -> our own judgement -> suppressed, counted or ignored.

A report without the token that we gave its digest is anybody's and is ignored. Libraries find the parts of a report;
what it means is decided here, because "permanent" in a DSN covers a full mailbox and a policy as well.
"""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from email.message import Message
from email.utils import getaddresses
from typing import NamedTuple

from django.conf import settings
from django.core.signing import BadSignature
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac
from flufl.bounce import all_failures

from newsletter.answers import ADDRESS_ERRORS, POLICY_WORDS, enhanced_code
from newsletter.models import Bounce, Digest, Suppression
from newsletter.subscription_changes import note_changes
from newsletter.suppression import suppress

Kind = Bounce.Kind

RECIPIENT_HEADERS = ("X-Original-To", "Delivered-To", "Envelope-To", "To")
NO_SUCH_USER = re.compile(
    r"no such (?:user|mailbox|address|recipient|person)|no mailbox here"
    r"|(?:user|mailbox|recipient|address)[^.]{0,40}(?:unknown|not found|does(?: not|n't) exist|invalid)"
    r"|(?:unknown|invalid) (?:user|recipient|mailbox|address)",
    re.IGNORECASE,
)
COMPLAINTS = ("abuse", "fraud", "virus", "other")  # Feedback-Type of RFC 5965, but for "not-spam"
HASH_DIGITS = 16


class Report(NamedTuple):
    digest_id: int
    kind: Kind | None  # None: a notice, such as "delayed" or an out-of-office
    said: str = ""


# --- the token, in the return path (VERP) and in a provider's metadata ------------------------------------------------


def token_for(digest_id: int, key: str | bytes | None = None) -> str:
    """Hexadecimal, since mail servers may change a local part to lower case."""
    hash_ = salted_hmac("newsletter.bounces", str(digest_id), secret=key, algorithm="sha256").hexdigest()
    return f"{digest_id}-{hash_[:HASH_DIGITS]}"


def digest_of(token: str) -> int:
    digest_id, _, _hash = token.partition("-")
    if digest_id.isdecimal():
        for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
            if constant_time_compare(token.lower(), token_for(int(digest_id), key)):
                return int(digest_id)
    raise BadSignature("Not a token of ours.")


def return_path(digest_id: int) -> str:
    """bounces@example.org gets reports on digest 12 as bounces+12-<hash>@example.org; empty if no address is set."""
    local, _, domain = settings.BOUNCE_ADDRESS.rpartition("@")
    return f"{local}+{token_for(digest_id)}@{domain}" if local else ""


# --- reading ----------------------------------------------------------------------------------------------------------


def read_report(raw: bytes, recipient: str = "") -> Report | None:
    """None for what is none of ours. `recipient` is the address it was delivered to, if the mail server tells."""
    message = email.message_from_bytes(raw, policy=email.policy.compat32)
    if _is_feedback(message):
        return _read_feedback(message)
    digest_id = _digest_by_return_path(message, recipient)
    if digest_id is None:
        return None
    kind, said = _judge(message)
    return Report(digest_id, kind, said)


def _digest_by_return_path(message: Message, recipient: str) -> int | None:
    headers = [str(value) for name in RECIPIENT_HEADERS for value in message.get_all(name, [])]
    for _name, address in [("", recipient), *getaddresses(headers)]:
        local, _, _domain = address.rpartition("@")
        try:
            return digest_of(local.rpartition("+")[2])
        except BadSignature:
            continue
    return None


def _judge(message: Message) -> tuple[Kind | None, str]:
    if str(message.get("Auto-Submitted", "")).lower().startswith("auto-replied") and not _recipients(message):
        return None, "an automatic answer"
    failed = [block for block in _recipients(message) if str(block.get("Action", "")).strip().lower() == "failed"]
    if failed:
        told = [(str(block.get("Status", "")), str(block.get("Diagnostic-Code", ""))) for block in failed]
        kinds = [classify(status, diagnostic) for status, diagnostic in told]
        said = " ".join(" ".join(told[0]).split())
        return next((kind for kind in (Kind.HARD, Kind.SOFT) if kind in kinds), None), said
    if _recipients(message):
        return None, "delayed, delivered or relayed"
    return _judge_without_dsn(message)


def _recipients(message: Message) -> list[Message]:
    """A DSN's blocks about recipients (RFC 3464)."""
    parts = [part for part in message.walk() if part.get_content_type() == "message/delivery-status"]
    blocks = [block for part in parts if part.is_multipart() for block in part.get_payload()]  # type: ignore[union-attr]
    return [block for block in blocks if isinstance(block, Message) and block.get("Action")]


def classify(status: str, diagnostic: str) -> Kind | None:
    """Only an address that does not exist is for good. A general code (5.0.0) says less than what the server said.

    What a server says of us (policy, spam, x.7.x) is a notice: a day on a block list must not suppress its readers.
    """
    code = enhanced_code(status)
    specific = enhanced_code(diagnostic)
    if specific and (code is None or code.endswith(".0.0")):
        code = specific
    if code in ADDRESS_ERRORS:
        return Kind.HARD
    is_general = code is None or code == "5.0.0"
    if (code and code[2:3] == "7") or (is_general and POLICY_WORDS.search(diagnostic)):
        return None
    return Kind.HARD if is_general and NO_SUCH_USER.search(diagnostic) else Kind.SOFT


def _judge_without_dsn(message: Message) -> tuple[Kind | None, str]:
    """qmail, old Exchange and many more write prose, which flufl.bounce knows."""
    _temporary, permanent = all_failures(message)
    if not permanent:
        return None, "no report we know"
    prose = " ".join(" ".join(_texts(message)).split())[:4000]
    return classify("", prose), prose


def _texts(message: Message) -> Iterator[str]:
    for part in message.walk():
        if part.get_content_type() == "message/rfc822":
            return  # from here on it is our own mail
        if part.get_content_type() == "text/plain":
            payload = part.get_payload(decode=True)
            if isinstance(payload, bytes):
                yield payload.decode("utf-8", "replace")


def _is_feedback(message: Message) -> bool:
    return any(part.get_content_type() == "message/feedback-report" for part in message.walk())


def _read_feedback(message: Message) -> Report | None:
    """ARF (RFC 5965). It holds our message; the Message-ID in it cannot be guessed, so it is the token."""
    feedback_type, message_id = "", ""
    for part in message.walk():
        kind = part.get_content_type()
        if kind == "message/feedback-report":
            fields = part.get_payload()
            block = fields[0] if isinstance(fields, list) else email.message_from_string(str(fields))
            feedback_type = str(block.get("Feedback-Type", "")).strip().lower()  # type: ignore[union-attr]
        elif kind == "text/rfc822-headers":
            message_id = message_id or str(email.message_from_string(str(part.get_payload())).get("Message-ID", ""))
        elif part is not message and part.get("Message-ID"):
            message_id = message_id or str(part["Message-ID"])
    digest_id = Digest.objects.filter(message_id=message_id.strip()).values_list("pk", flat=True).first()
    if digest_id is None:
        return None
    return Report(digest_id, Kind.COMPLAINT if feedback_type in COMPLAINTS else None, feedback_type)


# --- acting -----------------------------------------------------------------------------------------------------------


def take(report: Report, at: datetime | None = None) -> None:
    """Once, however often it is reported."""
    if report.kind is None:
        return
    digest = Digest.objects.select_related("subscription__user").filter(pk=report.digest_id).first()
    if digest is not None:
        note_bounce(digest, report.kind, report.said, at)


def note_bounce(digest: Digest, kind: Kind, said: str, at: datetime | None = None) -> None:
    at = at or timezone.now()
    told = {"edition_id": digest.edition_id, "said": said[:300], "at": at}
    _row, is_new = Bounce.objects.get_or_create(digest=digest, kind=kind, defaults=told)
    if not is_new:
        return
    address = digest.subscription.user.email
    if kind == Kind.COMPLAINT:
        suppress(address, Suppression.Reason.COMPLAINT, said)
    elif kind == Kind.HARD:
        suppress(address, Suppression.Reason.BOUNCE, said)
    else:
        since = at - timedelta(days=settings.SOFT_BOUNCE_DAYS)
        recent = Bounce.objects.filter(digest__subscription=digest.subscription_id, kind=Kind.SOFT, at__gte=since)
        if (count := recent.count()) >= settings.SOFT_BOUNCES:
            suppress(address, Suppression.Reason.BOUNCE, f"{count} soft bounces, the last: {said}")
    note_changes([digest.subscription_id], at)
