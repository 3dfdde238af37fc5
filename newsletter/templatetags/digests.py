from __future__ import annotations

from django import template

from accounts.models import User
from newsletter.models import Digest

register = template.Library()


@register.simple_tag
def latest_digest(user: User) -> Digest | None:
    """The reader's last one, sent or not, so that a page can say what became of it."""
    return Digest.objects.own().filter(subscription__user=user).defer("items").first()
