"""Signed addresses in mails: no login, no expiry, and each does only what it was signed for.

A token is its numbers and a keyed hash, `12.345.mAc`, 16 characters of it (96 bits). It holds no address to redirect
to and no name, so it still works when the reader or the digest is gone, and stays short enough for a header. A paper in
a digest has two: one to follow (to the paper, its PDF or code), which people pass on, and one to vote, which is theirs.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from functools import lru_cache

from django.conf import settings
from django.core.signing import BadSignature
from django.urls import reverse
from django.utils.safestring import SafeString

HASH_BYTES = 12


def click_url(digest_id: int, paper_id: int) -> SafeString:
    """The paper; with /pdf or /code after it, that."""
    return _address("click", digest_id, paper_id)


def vote_url(digest_id: int, paper_id: int) -> SafeString:
    """A page with all buttons; with /save, /more or /less after it, one with that button."""
    return _address("vote", digest_id, paper_id)


def digest_web_url(digest_id: int) -> SafeString:
    return _address("digest_web", digest_id)


def unsubscribe_url(subscription_id: int) -> SafeString:
    return _address("unsubscribe", subscription_id)


def group_unsubscribe_url(group_id: int, user_id: int) -> SafeString:
    return _address("group_unsubscribe", group_id, user_id)


def sign(purpose: str, *parts: int) -> str:
    value = ".".join(map(str, parts))
    return f"{value}.{_hash(settings.SECRET_KEY, purpose, value)}"


def read(purpose: str, token: str) -> list[int]:
    """The numbers that were signed for this purpose; older keys count too (SECRET_KEY_FALLBACKS)."""
    value, _, given = token.rpartition(".")
    for key in map(str, (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)):
        if hmac.compare_digest(given.encode(), _hash(key, purpose, value).encode()):
            return [int(part) for part in value.split(".")]
    raise BadSignature("This link is not one of ours, or it was cut.")


def _address(name: str, *parts: int) -> SafeString:
    """Nothing in it needs escaping in HTML."""
    return SafeString(f"{settings.BASE_URL}{_path(name)}{sign(name, *parts)}")


@lru_cache
def _path(name: str) -> str:
    """The part of the address before the token; reversing costs more than signing, and a mail has forty links."""
    return reverse(name, args=["token"]).removesuffix("token")


def _hash(key: str, purpose: str, value: str) -> str:
    digest = hmac.digest(_key(key, purpose), value.encode("utf-8", "replace"), "sha256")
    return base64.urlsafe_b64encode(digest[:HASH_BYTES]).decode()


@lru_cache
def _key(key: str, purpose: str) -> bytes:
    return hashlib.sha256(f"newsletter.links.{purpose}.{key}".encode()).digest()
