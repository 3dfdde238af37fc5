"""The embedded outbox in the browser, for developers: there only with DEBUG, and read-only."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from pathlib import Path

from csp.decorators import csp_replace
from django.conf import settings
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_safe

from config.embedded.outbox import text_part

MAILS_A_PAGE = 50


@require_safe
def mails(request: HttpRequest) -> HttpResponse:
    page = Paginator(kept_newest_first(), MAILS_A_PAGE).get_page(request.GET.get("page"))
    headers = BytesHeaderParser(policy=policy.default)
    rows = []
    for path in page:
        with path.open("rb") as file:
            rows.append({"name": path.stem, "headers": headers.parse(file)})
    return render(request, "outbox/mails.html", {"page": page, "rows": rows, "folder": settings.OUTBOX_DIR})


@require_safe
def mail(request: HttpRequest, name: str) -> HttpResponse:
    message = kept_mail(name)
    shown = {
        "name": name,
        "subject": message["Subject"],
        "headers": message.items(),
        "text": text_part(message, "plain"),
        "has_html": text_part(message, "html") is not None,
    }
    return render(request, "outbox/mail.html", shown)


# A mail's own page: no script, nothing fetched, its links open beside it.
@csp_replace(  # type: ignore[arg-type]  # its types know no view with arguments
    {
        "default-src": ["'none'"],
        "script-src": None,
        "style-src": ["'unsafe-inline'"],
        "img-src": ["data:"],
        "frame-ancestors": ["'self'"],
        "sandbox": ["allow-popups", "allow-popups-to-escape-sandbox"],
    }
)
@xframe_options_sameorigin
@require_safe
def mail_html(request: HttpRequest, name: str) -> HttpResponse:
    html = text_part(kept_mail(name), "html")
    if html is None:
        raise Http404
    return HttpResponse('<base target="_blank">' + html)


def kept_newest_first() -> list[Path]:
    return sorted(settings.OUTBOX_DIR.glob("*.eml"), key=lambda path: path.name, reverse=True)


def kept_mail(name: str) -> EmailMessage:
    path = settings.OUTBOX_DIR / f"{name}.eml"
    if path not in kept_newest_first():  # so that no name leads out of the folder
        raise Http404
    return message_from_bytes(path.read_bytes(), policy=policy.default)
