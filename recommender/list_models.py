"""Reading lists, and the groups that keep one together."""

from __future__ import annotations

from datetime import timedelta
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from papers.models import Paper
from recommender.library_models import new_secret

INVITATION_DAYS = 14


class GroupQuerySet(models.QuerySet["Group"]):
    def of(self, user: User) -> Self:
        return self.filter(memberships__user=user)


class Group(models.Model):
    """Readers who share a list: a lab, a seminar. They are told every week what was put on it."""

    name = models.CharField(_("name"), max_length=80)
    created_at = models.DateTimeField(default=timezone.now)

    objects = GroupQuerySet.as_manager()

    class Meta:
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("group", args=[self.pk])


class Membership(models.Model):
    """A reader in a group, under the name by which the others know them: they never see an address."""

    group = models.ForeignKey(Group, models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="memberships")
    name = models.CharField(_("your name in the group"), max_length=60)
    is_owner = models.BooleanField(default=False)
    is_mailed = models.BooleanField(default=True, help_text=_("Whether they want the weekly mail."))
    next_mail_at = models.DateTimeField(
        null=True,
        blank=True,
        db_index=True,
        help_text=_("When it is due; empty until the newsletter has looked at the reader's hour."),
    )
    joined_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["joined_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["group", "user"], name="once_in_a_group"),
            models.UniqueConstraint(fields=["group"], condition=Q(is_owner=True), name="one_owner_a_group"),
        ]

    def __str__(self) -> str:
        return f"{self.name} in {self.group_id}"


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def open(self) -> Self:
        return self.filter(created_at__gt=timezone.now() - timedelta(days=INVITATION_DAYS))


class Invitation(models.Model):
    """Into a group, for whoever holds its secret: once, and for two weeks."""

    group = models.ForeignKey(Group, models.CASCADE, related_name="invitations")
    email = models.EmailField(_("e-mail address"))
    secret = models.CharField(max_length=43, unique=True, default=new_secret, editable=False)
    invited_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="invitations")
    created_at = models.DateTimeField(default=timezone.now)
    mailed_at = models.DateTimeField(null=True, blank=True)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        ordering = ["created_at", "id"]
        constraints = [models.UniqueConstraint(fields=["group", "email"], name="invited_once_to_a_group")]

    def __str__(self) -> str:
        return f"{self.email} into {self.group_id}"

    def get_absolute_url(self) -> str:
        return reverse("group_join", args=[self.secret])


class ReadingListQuerySet(models.QuerySet["ReadingList"]):
    def of(self, user: User) -> Self:
        """Theirs, and those of their groups: what they may read and write."""
        groups = Membership.objects.filter(user=user).values("group")
        return self.filter(Q(owner=user) | Q(group__in=groups))

    def with_counts(self) -> Self:
        """With `n_papers`."""
        return self.annotate(n_papers=models.Count("entries"))


class ReadingList(models.Model):
    """Papers in somebody's choice: one reader's, or one group's."""

    class Sharing(models.TextChoices):
        PRIVATE = "private", _("nobody else")
        SECRET = "secret", _("whoever has its secret address")
        PUBLIC = "public", _("everybody")

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="reading_lists")
    group = models.OneToOneField(Group, models.CASCADE, null=True, related_name="reading_list")
    name = models.CharField(_("name"), max_length=80)
    sharing = models.CharField(max_length=7, choices=Sharing.choices, default=Sharing.PRIVATE)
    kept_private = models.CharField(
        _("keep it private, because"),
        max_length=300,
        blank=True,
        help_text=_("Nobody else reads it, and its owner sees why. Empty: its owner may share it."),
    )
    secret = models.CharField(max_length=43, unique=True, default=new_secret, editable=False)
    created_at = models.DateTimeField(default=timezone.now)

    objects = ReadingListQuerySet.as_manager()

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(owner__isnull=True, group__isnull=False) | Q(owner__isnull=False, group__isnull=True),
                name="of_a_reader_or_a_group",
            )
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("reading_list", args=[self.pk])

    def shared_path(self) -> str:
        """Where others read it; empty where nobody may."""
        if self.sharing == self.Sharing.PUBLIC:
            return reverse("public_list", args=[self.pk])
        return reverse("secret_list", args=[self.secret]) if self.sharing == self.Sharing.SECRET else ""


class ListEntry(models.Model):
    """One paper on a list. Whoever put it there may be gone; the paper stays."""

    reading_list = models.ForeignKey(ReadingList, models.CASCADE, related_name="entries")
    paper = models.ForeignKey(Paper, models.CASCADE, related_name="list_entries")
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="list_entries")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-at", "-id"]
        constraints = [models.UniqueConstraint(fields=["reading_list", "paper"], name="once_on_a_list")]
        indexes = [models.Index(fields=["reading_list", "at"])]

    def __str__(self) -> str:
        return f"{self.paper_id} on {self.reading_list_id}"
