"""Subscriptions, editions, digests and suppressions."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Self

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from newsletter.links import digest_web_url
from papers.models import Paper, Topic
from recommender.models import Group, RankerVersion


class SubscriptionQuerySet(models.QuerySet["Subscription"]):
    def due(self, at: datetime | None = None) -> Self:
        return self.filter(next_digest_at__lte=at or timezone.now(), user__is_active=True).order_by("next_digest_at")

    def running(self, at: datetime | None = None) -> Self:
        """Whoever may be mailed now, their turn or not."""
        at = at or timezone.now()
        return self.filter(
            Q(paused_until__isnull=True) | Q(paused_until__lte=at.date()),
            confirmed_at__isnull=False,
            unsubscribed_at__isnull=True,
            user__is_active=True,
        ).exclude(cadence=Subscription.Cadence.PAUSED)


class Subscription(models.Model):
    """What a reader asked to be mailed. `next_digest_at` is null while nothing is to be sent: unconfirmed or paused."""

    class Cadence(models.TextChoices):
        DAILY = "daily", _("every day")
        WEEKLY = "weekly", _("once a week")
        PAUSED = "paused", _("paused")

    class Weekday(models.IntegerChoices):
        MONDAY = 0, _("Monday")
        TUESDAY = 1, _("Tuesday")
        WEDNESDAY = 2, _("Wednesday")
        THURSDAY = 3, _("Thursday")
        FRIDAY = 4, _("Friday")
        SATURDAY = 5, _("Saturday")
        SUNDAY = 6, _("Sunday")

    class Order(models.TextChoices):
        RANK = "rank", _("best first")
        TOPIC = "topic", _("grouped by topic")

    class Threshold(models.TextChoices):
        LOW = "low", _("anything that may interest me")
        USUAL = "usual", _("what is likely to interest me")
        HIGH = "high", _("only the best")

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="subscription")
    cadence = models.CharField(max_length=6, choices=Cadence.choices, default=Cadence.DAILY)
    hour = models.PositiveSmallIntegerField(
        default=7, validators=[MaxValueValidator(23)], help_text=_("The reader's local hour, 0 to 23.")
    )
    weekday = models.PositiveSmallIntegerField(choices=Weekday.choices, default=Weekday.MONDAY)
    time_zone = models.CharField(max_length=60, default="UTC")
    n_papers = models.PositiveSmallIntegerField(default=10, validators=[MinValueValidator(3), MaxValueValidator(30)])
    order = models.CharField(max_length=5, choices=Order.choices, default=Order.RANK)
    threshold = models.CharField(max_length=5, choices=Threshold.choices, default=Threshold.USUAL)
    confirmed_at = models.DateTimeField(
        null=True, blank=True, help_text=_("When the reader proved the address theirs.")
    )
    paused_until = models.DateField(null=True, blank=True)
    unsubscribed_at = models.DateTimeField(null=True, blank=True)
    next_digest_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = SubscriptionQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["next_digest_at"]),
            models.Index(fields=["confirmed_at"]),
            models.Index(fields=["unsubscribed_at"]),
        ]

    def __str__(self) -> str:
        return f"{self.user} ({self.cadence})"


class SubscriptionChange(models.Model):
    """That a reader was won or lost: by turns, for each subscription. Kept without the reader once they are erased."""

    class Kind(models.TextChoices):
        SUBSCRIBED = "subscribed", _("subscribed")
        RETURNED = "returned", _("came back")
        UNSUBSCRIBED = "unsubscribe", _("unsubscribed")
        BOUNCED = "bounce", _("bounced")
        COMPLAINED = "complaint", _("complained")
        CLOSED = "closed", _("account closed")
        ERASED = "erased", _("erased")

    WON = (Kind.SUBSCRIBED, Kind.RETURNED)

    subscription = models.ForeignKey(
        Subscription, models.SET_NULL, null=True, blank=True, related_name="changes", help_text=_("Empty once erased.")
    )
    kind = models.CharField(max_length=11, choices=Kind.choices)
    at = models.DateTimeField(default=timezone.now)
    edition = models.ForeignKey(
        "Edition",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        help_text=_("Of the last digest that the reader got before."),
    )

    class Meta:
        ordering = ["-at", "-id"]
        indexes = [models.Index(fields=["at", "kind"]), models.Index(fields=["edition", "kind"])]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}, {self.at:%Y-%m-%d %H:%M}"


class Edition(models.Model):
    """One publication day: the editor's note, the picks, the candidate window, the ranker version used."""

    date = models.DateField(unique=True)
    note = models.TextField(blank=True, help_text=_("Markdown; stands on top of every digest of the day."))
    window_start = models.DateTimeField(help_text=_("Papers published from here on are candidates ..."))
    window_end = models.DateTimeField(help_text=_("... up to here, this instant excluded."))
    ranker = models.ForeignKey(RankerVersion, models.SET_NULL, null=True, blank=True, related_name="editions")
    created_at = models.DateTimeField(auto_now_add=True)
    frozen_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text=_("From then on nobody changes note, picks or window.")
    )
    stopped_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text=_("Since then none of its digests is sent, until resumed.")
    )

    class Meta:
        ordering = ["-date"]
        permissions = [
            ("send_edition", _("Can freeze, send, stop and resume an edition")),
            ("view_operations", _("Can see how the site runs")),
        ]

    def __str__(self) -> str:
        return f"{self.date:%A, %-d %B %Y}"


class Pick(models.Model):
    """A paper the editors put on top of an edition: of everybody's digests, or of those who follow a topic."""

    edition = models.ForeignKey(Edition, models.CASCADE, related_name="picks")
    paper = models.ForeignKey(Paper, models.CASCADE, related_name="picks")
    position = models.PositiveSmallIntegerField(default=0)
    note = models.TextField(blank=True, help_text=_("Markdown."))
    topic = models.ForeignKey(
        Topic,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("for followers of"),
        help_text=_("Empty: for everybody."),
    )
    editor = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta:
        ordering = ["position", "id"]
        constraints = [models.UniqueConstraint(fields=["edition", "paper"], name="picked_once_an_edition")]

    def __str__(self) -> str:
        return str(self.paper)


class Experiment(models.Model):
    """Two rankers interleaved in one digest, and the rule by which it ends, stated before it starts."""

    class State(models.TextChoices):
        DRAFT = "draft", _("draft")
        RUNNING = "running", _("running")
        STOPPED = "stopped", _("stopped")

    name = models.CharField(max_length=120)
    ranker_a = models.ForeignKey(RankerVersion, models.PROTECT, related_name="+")
    ranker_b = models.ForeignKey(RankerVersion, models.PROTECT, related_name="+")
    readers_wanted = models.PositiveIntegerField(
        default=100, help_text=_("It ends when so many readers have preferred one of the two ...")
    )
    last_day = models.DateField(help_text=_("... or after this day, whichever comes first."))
    state = models.CharField(max_length=7, choices=State.choices, default=State.DRAFT)
    started_at = models.DateTimeField(null=True, blank=True)
    stopped_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["state"], condition=Q(state="running"), name="one_running_experiment"),
            models.CheckConstraint(condition=~Q(ranker_a=models.F("ranker_b")), name="two_different_rankers"),
        ]

    def __str__(self) -> str:
        return self.name


class DigestQuerySet(models.QuerySet["Digest"]):
    def deliverable(self, at: datetime | None = None) -> Self:
        """Composed, not waiting for a later try, and of an edition that no editor has stopped.

        The stopped ones are asked for by id: a join would hide the digest's own state from a claim that waited for
        another one's lock.
        """
        at = at or timezone.now()
        stopped = Edition.objects.filter(stopped_at__isnull=False).values("pk")
        return (
            self.filter(state=Digest.State.COMPOSED)
            .filter(Q(next_attempt_at__isnull=True) | Q(next_attempt_at__lte=at))
            .exclude(edition__in=stopped)
        )

    def own(self) -> Self:
        """Readers' own, not their groups'."""
        return self.filter(group__isnull=True)

    def reached_reader(self) -> Self:
        """Whose papers the reader has, may have or is about to have: they are not sent again."""
        states = (Digest.State.COMPOSED, Digest.State.SENDING, Digest.State.SENT, Digest.State.UNCERTAIN)
        return self.filter(Q(state__in=states) | Q(times_handed_over__gt=0))

    def claim(self, pk: int, until: datetime, token: str) -> bool:
        """Take one composed digest for sending. True for exactly one of any number of callers."""
        return bool(
            self.deliverable()
            .filter(pk=pk)
            .update(
                state=Digest.State.SENDING,
                lease_until=until,
                lease_token=token,
                handed_over_at=None,
                attempts=models.F("attempts") + 1,
            )
        )

    def ask_again(self, at: datetime, until: datetime, limit: int) -> list[int]:
        """Composed digests that nobody has been asked for lately, oldest first; from now on somebody has."""
        forgotten = self.deliverable(at).filter(Q(lease_until__isnull=True) | Q(lease_until__lte=at))
        ids = list(forgotten.order_by("composed_at").values_list("pk", flat=True)[:limit])
        self.filter(pk__in=ids, state=Digest.State.COMPOSED).update(lease_until=until)
        return ids


class Digest(models.Model):
    """One reader's copy of an edition, or what a group of theirs saved in a week (newsletter/group_digest.py). It is
    sent from this row, never from what would be computed now.

    `items` is a list of {"paper": id, "score": float, "reason": {"kind": ..., ...}, "arm": str, "sentence": int}, the
    editors' picks first, then best first. `sentence` counts the sentences of the abstract.
    """

    class State(models.TextChoices):
        COMPOSED = "composed", _("composed")
        SENDING = "sending", _("sending")
        SENT = "sent", _("sent")
        FAILED = "failed", _("failed")
        SKIPPED = "skipped", _("skipped")
        SUPPRESSED = "suppressed", _("suppressed")
        UNCERTAIN = "uncertain", _("uncertain")

    subscription = models.ForeignKey(Subscription, models.CASCADE, related_name="digests")
    edition = models.ForeignKey(
        Edition, models.PROTECT, null=True, blank=True, related_name="digests", db_index=False
    )  # the index by edition and state serves
    group = models.ForeignKey(Group, models.CASCADE, null=True, blank=True, related_name="digests")
    period = models.DateField(help_text=_("The reader's local date it is for; of a group's, the week's Monday."))
    experiment = models.ForeignKey(Experiment, models.SET_NULL, null=True, blank=True, related_name="digests")
    state = models.CharField(max_length=10, choices=State.choices, default=State.COMPOSED)
    state_reason = models.CharField(max_length=300, blank=True)
    subject = models.CharField(max_length=200, blank=True)
    message_id = models.CharField(max_length=200, unique=True)
    items = models.JSONField(default=list)

    composed_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    # Sending: when whoever claimed it counts as dead. Composed: until when it counts as asked for, so that a long queue
    # is not asked for the same digests again and again.
    lease_until = models.DateTimeField(null=True, blank=True)
    lease_token = models.CharField(max_length=40, blank=True)
    # Set just before the final dot makes the message the mail server's: a lease that ends after this is `uncertain`.
    handed_over_at = models.DateTimeField(null=True, blank=True)
    times_handed_over = models.PositiveSmallIntegerField(default=0)  # and not refused: copies the reader may have

    objects = DigestQuerySet.as_manager()

    class Meta:
        ordering = ["-period", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["subscription", "period"], condition=Q(group__isnull=True), name="one_digest_a_period"
            ),
            models.UniqueConstraint(
                fields=["subscription", "group", "period"],
                condition=Q(group__isnull=False),
                name="one_group_digest_a_week",
            ),
            models.CheckConstraint(
                condition=Q(group__isnull=True, edition__isnull=False) | Q(group__isnull=False, edition__isnull=True),
                name="of_an_edition_or_a_group",
            ),
        ]
        indexes = [
            models.Index(fields=["state", "next_attempt_at"]),
            models.Index(fields=["state", "lease_until"]),
            # Whoever counts an edition's digests, and why they were not sent, reads nothing but this.
            models.Index(fields=["edition", "state", "state_reason"]),
            # The desk's lists, newest first: of all digests, and of those in one state; readers' own have an edition.
            models.Index(fields=["-period", "-id", "edition"]),
            models.Index(fields=["state", "-period", "-id", "edition"]),
        ]

    def __str__(self) -> str:
        return f"{self.subscription.user} {self.period} {self.state}"

    def get_absolute_url(self) -> str:
        """The web copy, at its signed address."""
        return digest_web_url(self.pk)

    @property
    def paper_ids(self) -> list[int]:
        return [item["paper"] for item in self.items]

    def place_of(self, paper_id: int) -> dict[str, Any]:
        """Its edition, where a paper stands in it, counted from 1, and the kind of reason: what a click or vote is
        counted by."""
        place = {"edition_id": self.edition_id}
        for position, item in enumerate(self.items, start=1):
            if item["paper"] == paper_id:
                return place | {"position": position, "reason": item["reason"].get("kind", "")}
        return place


class Answered(models.Model):
    """What a reader did with a paper of a digest, with its edition, where it stood and why: so that it is counted
    without opening the digest."""

    edition = models.ForeignKey(
        Edition, models.CASCADE, null=True, blank=True, related_name="+", db_index=False, help_text=_("Not a group's.")
    )
    paper = models.ForeignKey(Paper, models.CASCADE, related_name="+")
    position = models.PositiveSmallIntegerField(null=True, blank=True, help_text=_("In the digest, from 1."))
    reason = models.CharField(max_length=12, blank=True)

    class Meta:
        abstract = True


class Click(Answered):
    """A link of a digest that was followed. Scanners' are kept and marked, and count for nothing."""

    class Link(models.TextChoices):
        PAGE = "page", _("paper")
        PDF = "pdf", "PDF"
        CODE = "code", _("code")

    digest = models.ForeignKey(Digest, models.CASCADE, related_name="clicks")
    link = models.CharField(max_length=4, choices=Link.choices, default=Link.PAGE)
    scanner = models.CharField(max_length=60, blank=True, help_text=_("How we know it was none of the reader's."))
    at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        ordering = ["-at"]
        indexes = [models.Index(fields=["edition", "scanner", "position", "reason"])]

    def __str__(self) -> str:
        return f"{self.digest_id} {self.link} {self.paper_id}"


class Vote(Answered):
    """A button of a digest that was pressed. One a kind, however often; the interaction itself is the recommender's."""

    class Kind(models.TextChoices):
        SAVE = "save", _("saved")
        MORE = "more", _("more like this")
        LESS = "less", _("less like this")

    digest = models.ForeignKey(Digest, models.CASCADE, related_name="votes")
    kind = models.CharField(max_length=4, choices=Kind.choices)
    at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        ordering = ["-at"]
        constraints = [models.UniqueConstraint(fields=["digest", "paper", "kind"], name="one_vote_a_kind")]
        indexes = [models.Index(fields=["edition", "kind", "position", "reason"])]

    def __str__(self) -> str:
        return f"{self.digest_id} {self.kind} {self.paper_id}"


class Bounce(models.Model):
    """What came back for a digest. One a kind, however often it is reported."""

    class Kind(models.TextChoices):
        HARD = "hard", _("for good")
        SOFT = "soft", _("for now")
        COMPLAINT = "complaint", _("complaint")

    digest = models.ForeignKey(Digest, models.CASCADE, related_name="bounces")
    edition = models.ForeignKey(Edition, models.CASCADE, related_name="+", db_index=False)
    kind = models.CharField(max_length=9, choices=Kind.choices)
    said = models.CharField(max_length=300, blank=True)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-at"]
        constraints = [models.UniqueConstraint(fields=["digest", "kind"], name="one_bounce_a_digest_and_kind")]
        indexes = [models.Index(fields=["edition", "kind"])]

    def __str__(self) -> str:
        return f"{self.digest_id} {self.kind}"


class Suppression(models.Model):
    """An address that must not be mailed, and why. Looked up at the moment of sending."""

    class Reason(models.TextChoices):
        BOUNCE = "bounce", _("bounced")
        COMPLAINT = "complaint", _("complained")
        UNSUBSCRIBE = "unsubscribe", _("unsubscribed")
        ERASED = "erased", _("erased")

    address_hash = models.CharField(
        max_length=64, unique=True, help_text=_("HMAC-SHA256 of the address in lower case.")
    )
    address = models.EmailField(blank=True, help_text=_("Empty once the reader was erased."))
    reason = models.CharField(max_length=12, choices=Reason.choices)
    note = models.CharField(max_length=300, blank=True)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-at"]

    def __str__(self) -> str:
        return self.address or self.address_hash[:12]
