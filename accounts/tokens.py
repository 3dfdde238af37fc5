"""Keys to the API: shown once when made, kept as a digest, looked up by it.

SHA-256 without salt or stretching is enough: a token is 256 random bits, which nobody guesses from a digest.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from accounts.models import ApiToken, User

PREFIX = "broadsheet_"  # so that programs that look for leaked keys know one
MOST_TOKENS = 20  # a reader
NOTED_EVERY = timedelta(minutes=1)


def make_token(user: User, name: str) -> str:
    """The token itself, which nobody can show again."""
    token = PREFIX + secrets.token_urlsafe(32)
    ApiToken.objects.create(user=user, name=name, digest=digest(token))
    return token


def reader_with(token: str) -> User | None:
    """Whose token it is, and that it was used."""
    found = ApiToken.objects.select_related("user").filter(digest=digest(token), user__is_active=True).first()
    if found is None:
        return None
    now = timezone.now()
    is_stale = Q(last_used_at__isnull=True) | Q(last_used_at__lt=now - NOTED_EVERY)
    ApiToken.objects.filter(is_stale, pk=found.pk).update(last_used_at=now)
    return found.user


def digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
