"""What readers keep and share: tags and notes on papers of their library, feeds of their own."""

from __future__ import annotations

import secrets

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from papers.models import Paper


def new_secret() -> str:
    """For addresses whose only lock is that nobody guesses them: 256 bits, in 43 letters."""
    return secrets.token_urlsafe(32)


class Tag(models.Model):
    """One word of one reader's on one paper."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="tags")
    paper = models.ForeignKey(Paper, models.CASCADE, related_name="tags")
    name = models.CharField(max_length=40)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["user", "paper", "name"], name="one_tag_a_name")]

    def __str__(self) -> str:
        return self.name


class Note(models.Model):
    """What one reader wrote down about one paper, for themselves alone."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="notes")
    paper = models.ForeignKey(Paper, models.CASCADE, related_name="notes")
    text = models.TextField(_("note"))
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "paper"], name="one_note_a_paper")]

    def __str__(self) -> str:
        return f"{self.user_id} on {self.paper_id}"


class FeedAddress(models.Model):
    """The secret part of the addresses of one reader's own feeds: whoever has it reads them."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="feed_address")
    secret = models.CharField(max_length=43, unique=True, default=new_secret)
    renewed_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"of {self.user_id}, since {self.renewed_at:%Y-%m-%d}"
