"""EMAIL_URL as Django's settings: an SMTP server, or a provider of django-anymail by its name."""

from __future__ import annotations

from importlib.util import find_spec
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

SMTP_PORTS = {"smtp": 25, "smtp+tls": 587, "smtp+ssl": 465}  # +tls begins plain (STARTTLS), +ssl does not
NO_PROVIDERS = ("base", "base_requests", "test")
EXAMPLES = "smtp+tls://user:secret@smtp.example.org:587 or postmark://"


class MailServer(NamedTuple):
    backend: str
    host: str = ""
    port: int = 0
    user: str = ""
    password: str = ""
    use_tls: bool = False
    use_ssl: bool = False


def mail_server(url: str) -> MailServer:
    """Its password stands in no message: an error names the scheme only."""
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname
    except ValueError as error:
        raise ImproperlyConfigured(f"EMAIL_URL is no address ({error}), such as {EXAMPLES}") from error
    if parts.scheme in SMTP_PORTS:
        if not host:
            raise ImproperlyConfigured(f"EMAIL_URL names no mail server, as {EXAMPLES} would")
        return MailServer(
            "django.core.mail.backends.smtp.EmailBackend",
            host,
            port or SMTP_PORTS[parts.scheme],
            unquote(parts.username or ""),
            unquote(parts.password or ""),
            use_tls=parts.scheme == "smtp+tls",
            use_ssl=parts.scheme == "smtp+ssl",
        )
    provider = parts.scheme.replace("-", "_")  # a scheme has no underscore: amazon-ses://
    if provider and provider not in NO_PROVIDERS and find_spec(f"anymail.backends.{provider}"):
        return MailServer(f"anymail.backends.{provider}.EmailBackend")
    raise ImproperlyConfigured(f"EMAIL_URL begins with {parts.scheme or 'no scheme'}://, use such as {EXAMPLES}")
