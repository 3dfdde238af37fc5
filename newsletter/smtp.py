"""Handing one message over on an open SMTP connection.

Spoken step by step, where `sendmail` would do it in one, because it matters how far one came when a connection breaks:
before the final dot the server cannot have taken the message, after it nobody can know.
"""

from __future__ import annotations

import re
import select
import smtplib
from collections.abc import Callable

from newsletter.answers import Answer, Verdict, answer_of

LINE_STARTS_WITH_DOT = re.compile(rb"(?m)^\.")


def hand_over(
    smtp: smtplib.SMTP, sender: str, recipient: str, message: bytes, may_finish: Callable[[], bool]
) -> Answer:
    answer = _converse(smtp, sender, recipient, message, may_finish)
    if answer.is_connection_over:
        smtp.close()  # without QUIT, which within a text would be text, and after a stall another wait
    return answer


def _converse(
    smtp: smtplib.SMTP, sender: str, recipient: str, message: bytes, may_finish: Callable[[], bool]
) -> Answer:
    """`may_finish` is asked when everything is out but the final dot; if it says no, the server has taken nothing.

    Asking takes a moment in which a server that hangs up within the text is noticed.
    """
    try:
        if answer := _envelope(smtp, sender, recipient, len(message)) or _text(smtp, message):
            return answer
        if not may_finish():
            return Answer(Verdict.LEASE_LOST, is_connection_over=True)
        if smtp.sock and select.select([smtp.sock], [], [], 0)[0]:
            code, said = _reply(smtp)  # it speaks, or hangs up, before we are through
            return answer_of(code, said)._replace(is_connection_over=True)
        smtp.send(b".\r\n")
    except (smtplib.SMTPException, OSError) as error:
        return Answer(Verdict.LATER, f"the connection broke: {_told(error)}", is_connection_over=True)
    try:
        code, said = _reply(smtp)
    except (smtplib.SMTPException, OSError) as error:
        return Answer(Verdict.UNKNOWN, f"the answer was lost: {_told(error)}", is_connection_over=True)
    if 200 <= code < 300:
        return Answer(Verdict.SENT, said)
    return answer_of(code, said)


def _envelope(smtp: smtplib.SMTP, sender: str, recipient: str, size: int) -> Answer | None:
    smtp.ehlo_or_helo_if_needed()
    options = ["body=8bitmime"] if smtp.has_extn("8bitmime") else []
    code, raw = smtp.mail(sender, [*options, f"size={size}"] if smtp.has_extn("size") else options)
    if code != 250:
        answer = answer_of(code, _text_of(raw))
        smtp.rset()
        # Who refuses our sender refuses every digest: an hour's wrong setting must not cost a morning.
        is_too_big = code == 552
        return answer if is_too_big else answer._replace(verdict=Verdict.LATER)
    code, raw = smtp.rcpt(recipient)
    if code not in (250, 251):
        answer = answer_of(code, _text_of(raw), at_recipient=True)
        if not answer.is_connection_over:
            smtp.rset()
        return answer
    return None


def _text(smtp: smtplib.SMTP, message: bytes) -> Answer | None:
    """Everything but the final dot."""
    code, raw = smtp.docmd("DATA")
    if code != 354:
        return answer_of(code, _text_of(raw))
    body = LINE_STARTS_WITH_DOT.sub(b"..", message)
    smtp.send(body if body.endswith(b"\r\n") else body + b"\r\n")
    return None


def _reply(smtp: smtplib.SMTP) -> tuple[int, str]:
    code, raw = smtp.getreply()
    return code, _text_of(raw)


def _text_of(raw: bytes) -> str:
    return raw.decode("utf-8", "replace").replace("\n", " ")


def _told(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
