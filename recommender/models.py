"""What readers did and said, and the rankers learnt from it."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from papers.models import Author, Paper, Topic
from recommender.library_models import FeedAddress, Note, Tag
from recommender.list_models import Group, Invitation, ListEntry, Membership, ReadingList

__all__ = [
    "FeedAddress",
    "Group",
    "Interaction",
    "Interest",
    "Invitation",
    "ListEntry",
    "Membership",
    "Note",
    "RankerVersion",
    "ReadingList",
    "SavedSearch",
    "Tag",
]


class InteractionQuerySet(models.QuerySet["Interaction"]):
    def positive(self) -> Self:
        return self.exclude(kind__in=Interaction.NEGATIVE)


class Interaction(models.Model):
    """One kind of implicit feedback of one user on one paper; a repeated event moves its instant."""

    class Kind(models.TextChoices):
        CLICK = "click", _("clicked in a mail")
        READ = "read", _("read")
        SAVE = "save", _("saved")
        UPVOTE = "upvote", _("upvoted")
        MORE = "more", _("more like this")
        LESS = "less", _("less like this")
        DISMISS = "dismiss", _("not this")
        IMPORT = "import", _("imported library")

    class Source(models.TextChoices):
        WEB = "web", _("web")
        EMAIL = "email", _("e-mail")
        API = "api", _("API")
        IMPORT = "import", _("import")

    NEGATIVE = (Kind.LESS, Kind.DISMISS)

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="interactions")
    paper = models.ForeignKey(Paper, models.CASCADE, related_name="interactions")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    source = models.CharField(max_length=6, choices=Source.choices, default=Source.WEB)
    at = models.DateTimeField(default=timezone.now, help_text=_("When it last happened."))
    # False where an import gave no time: such an interaction counts for taste, never for a trend.
    at_is_known = models.BooleanField(default=True)

    objects = InteractionQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "paper", "kind"], name="one_row_a_kind")]
        indexes = [models.Index(fields=["at"]), models.Index(fields=["paper", "kind"])]

    def __str__(self) -> str:
        return f"{self.user_id} {self.kind} {self.paper_id}"


class Interest(models.Model):
    """What a reader says of themselves. The one without a name is theirs as a whole, and steers their page; those with
    a name are kept apart from it, so that a small one is not drowned by a big one."""

    MIDDLE = 50  # of the dial

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="interests")
    name = models.CharField(max_length=60, blank=True)
    topics = models.ManyToManyField(Topic, blank=True, related_name="followers")
    authors = models.ManyToManyField(Author, blank=True, related_name="followers")
    sentences = models.JSONField(default=list, blank=True, help_text=_("Sentences about one's work, as a list."))
    muted_words = models.JSONField(default=list, blank=True)
    dial = models.PositiveSmallIntegerField(
        default=MIDDLE,
        validators=[MaxValueValidator(100)],
        help_text=_("From 0, the reader's own reading, to 100, what others like them read."),
    )
    seen_until = models.DateTimeField(null=True, blank=True, help_text=_("What was here by then is not new to them."))
    learnt_since = models.DateTimeField(
        null=True, blank=True, help_text=_("What they did before it steers their page no longer.")
    )

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["user", "name"], name="one_interest_a_name")]

    def __str__(self) -> str:
        return f"Interest of {self.user}: {self.name}" if self.name else f"Interest of {self.user}"

    @classmethod
    def of(cls, user: User) -> Interest:
        """Theirs as a whole; not saved yet where they have said nothing."""
        return cls.objects.filter(user=user, name="").first() or cls(user=user)


class SavedSearch(models.Model):
    """What a reader looks for again and again."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="saved_searches")
    query = models.CharField(max_length=300)
    topic = models.ForeignKey(Topic, models.CASCADE, null=True, blank=True, related_name="+")
    in_digest = models.BooleanField(default=True, help_text=_("New papers that it finds come in the digest, marked."))
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["query", "id"]

    def __str__(self) -> str:
        return self.query

    def get_absolute_url(self) -> str:
        """Where it is asked again."""
        asked = {"q": self.query} | ({"topic": self.topic.slug} if self.topic else {})
        return f"{reverse('search')}?{urlencode(asked)}"


class RankerVersion(models.Model):
    """A trained ranker: a directory of artifacts with a manifest. Immutable once published; one at a time is."""

    class State(models.TextChoices):
        TRAINED = "trained", _("trained")
        PUBLISHED = "published", _("published")
        RETIRED = "retired", _("retired")  # published once; rolling back publishes it again
        REJECTED = "rejected", _("rejected")  # lost to the published one, or not finite

    name = models.CharField(max_length=60, unique=True, help_text=_("The name of its artifact directory."))
    state = models.CharField(max_length=10, choices=State.choices, default=State.TRAINED)
    state_reason = models.CharField(max_length=300, blank=True)
    manifest = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)
    published_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(fields=["state"], condition=Q(state="published"), name="one_published_ranker")
        ]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def in_use(cls) -> RankerVersion | None:
        return cls.objects.filter(state=cls.State.PUBLISHED).first()
