"""What a mail server's answer means for one digest: sent, later, never, or not to be known."""

from __future__ import annotations

import re
from enum import Enum
from typing import NamedTuple


class Verdict(Enum):
    SENT = "sent"
    LATER = "later"
    REFUSED = "refused"
    UNKNOWN = "unknown"  # the message was handed over and the answer was lost
    LEASE_LOST = "lease lost"  # nothing was handed over: somebody else has the digest


class Answer(NamedTuple):
    verdict: Verdict
    said: str = ""
    is_address_error: bool = False  # there is nobody at this address
    is_connection_over: bool = False


ENHANCED = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")
# RFC 3463: no such mailbox, no such domain, bad syntax, moved without a new address; RFC 7505: takes no mail at all.
ADDRESS_ERRORS = {"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10"}
# A bare 550 says "no such user" as often as "we do not like you"; these words tell the second.
POLICY_WORDS = re.compile(
    r"spam|block|polic|reputation|blacklist|denied|dmarc|spf|dkim|rate limit|too many",
    re.IGNORECASE,
)
NOT_THE_ADDRESS = re.compile(POLICY_WORDS.pattern + "|reject|quota|full|size|limit", re.IGNORECASE)
NO_SUCH_MAILBOX_CODES = (550, 551, 553)


def enhanced_code(said: str) -> str | None:
    found = ENHANCED.search(said)
    return found[0] if found else None


def is_address_error(code: int, said: str, *, at_recipient: bool) -> bool:
    if code < 500:
        return False
    if enhanced := enhanced_code(said):
        return enhanced in ADDRESS_ERRORS
    return at_recipient and code in NO_SUCH_MAILBOX_CODES and not NOT_THE_ADDRESS.search(said)


def answer_of(code: int, said: str, *, at_recipient: bool = False) -> Answer:
    """Of a refusal: 4xx is for now, 5xx for good (RFC 5321, 4.2.1); 421 also ends the connection."""
    told = f"{code} {said}".strip()
    if code >= 500:
        return Answer(Verdict.REFUSED, told, is_address_error(code, said, at_recipient=at_recipient))
    return Answer(Verdict.LATER, told, is_connection_over=code in (421, -1))
