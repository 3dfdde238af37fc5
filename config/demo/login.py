"""The demo's own account: an editor who reads what the first reader reads, so that no page is empty for them."""

from __future__ import annotations

from dataclasses import replace

from allauth.account.models import EmailAddress

from accounts.models import User
from config.demo.kept import KeptDemo
from recommender.models import Interaction


def make_login(login: KeptDemo, window_days: int) -> KeptDemo:
    editor = User.objects.create_superuser(login.email, login.password, name="Demo editor")
    address = {"verified": True, "primary": True}
    EmailAddress.objects.update_or_create(user=editor, email=editor.email, defaults=address)
    first = User.objects.filter(interactions__isnull=False).order_by("pk").first()
    if first:
        reads = Interaction.objects.filter(user=first)
        fields = ("paper_id", "kind", "source", "at", "at_is_known")
        Interaction.objects.bulk_create(Interaction(user=editor, **read) for read in reads.values(*fields))
    return replace(login, window_days=window_days)
