from __future__ import annotations

from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession

from accounts.models import ApiToken, User


def export(user: User) -> dict[str, Any]:
    return {
        "email": user.email,
        "name": user.name,
        "date_joined": user.date_joined,
        "last_login": user.last_login,
        "addresses": list(EmailAddress.objects.filter(user=user).values("email", "verified", "primary")),
        "passkeys": [
            {"name": str(passkey), "created_at": passkey.created_at, "last_used_at": passkey.last_used_at}
            for passkey in Authenticator.objects.filter(user=user)
        ],
        "accounts_elsewhere": list(SocialAccount.objects.filter(user=user).values("provider", "uid", "extra_data")),
        "api_tokens": list(ApiToken.objects.filter(user=user).values("name", "created_at", "last_used_at")),
        "sessions": list(
            UserSession.objects.filter(user=user).values("ip", "user_agent", "created_at", "last_seen_at")
        ),
    }


def erase(user: User) -> None:
    """The account, and by the database's cascades whatever still hangs on it. Its sessions end everywhere."""
    for session in UserSession.objects.filter(user=user):
        session.end()
    user.delete()
