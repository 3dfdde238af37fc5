"""The catalogue: papers, their authors in order, topics and identifiers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from papers.titles import title_key

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise as StrOrPromise


class Topic(models.Model):
    """A subject readers can follow: an arXiv category or an editor's own."""

    slug = models.SlugField(max_length=80, unique=True)
    name = models.CharField(max_length=120)
    description = models.TextField(blank=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("topic", args=[self.slug])


class Author(models.Model):
    """One name as it stands on papers. Two people of one name are one row: a catalogue cannot tell them apart."""

    name = models.CharField(max_length=200, unique=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class PaperQuerySet(models.QuerySet["Paper"]):
    def published(self, at: datetime | None = None) -> Self:
        """What readers may see at an instant (now): published, or embargoed until a time that has passed."""
        at = at or timezone.now()
        return self.filter(Q(status=Paper.Status.PUBLISHED) | Q(status=Paper.Status.EMBARGOED, embargoed_until__lte=at))

    def in_topics(self, topics: Iterable[Topic]) -> Self:
        return self.filter(topics__in=list(topics)).distinct()

    def between(self, start: datetime, end: datetime) -> Self:
        """Announced in [start, end)."""
        return self.filter(published_at__gte=start, published_at__lt=end)

    def candidates_between(self, start: datetime, end: datetime, at: datetime | None = None) -> Self:
        """What a digest may call new: visible, and announced in [start, end) as far as anybody can tell."""
        return self.published(at).between(start, end).exclude(announcement=Paper.Announcement.UNKNOWN)

    def newest_first(self) -> Self:
        return self.order_by("-published_at", "-id")

    def for_lists(self) -> Self:
        """With all that a line in a list shows, in two more queries however many papers there are."""
        return self.prefetch_related("topics", "authorships__author")


class Paper(models.Model):
    """One catalogue entry. Its text is plain: LaTeX and markup became text when it was imported."""

    class Status(models.TextChoices):
        PENDING = "pending", _("pending")
        PUBLISHED = "published", _("published")
        EMBARGOED = "embargoed", _("embargoed")
        HIDDEN = "hidden", _("hidden")
        WITHDRAWN = "withdrawn", _("withdrawn")

    class Precision(models.TextChoices):
        YEAR = "year", _("year")
        MONTH = "month", _("month")
        DAY = "day", _("day")
        INSTANT = "instant", _("instant")

    class Announcement(models.TextChoices):
        SEEN = "seen", _("seen")
        ESTIMATED = "estimated", _("estimated")  # from its submission and from its neighbours' announcements
        UNKNOWN = "unknown", _("unknown")  # first met as a replacement, or in a reader's library

    title = models.TextField()
    abstract = models.TextField(blank=True)
    # As the source gave them, for KaTeX on the page.
    raw_title = models.TextField(blank=True)
    raw_abstract = models.TextField(blank=True)

    # When the paper was announced; its new-ness is counted from here. UTC, midnight where only the day is known.
    published_at = models.DateTimeField(db_index=True)
    published_precision = models.CharField(max_length=8, choices=Precision.choices, default=Precision.DAY)

    announcement = models.CharField(
        max_length=9,
        choices=Announcement.choices,
        default=Announcement.SEEN,
        help_text=_("How well the day of its announcement is known. Unknown: never a candidate."),
    )

    status = models.CharField(max_length=10, choices=Status.choices, default=Status.PUBLISHED)
    status_reason = models.CharField(max_length=300, blank=True)
    embargoed_until = models.DateTimeField(null=True, blank=True)

    url = models.URLField(max_length=500, blank=True)
    pdf_url = models.URLField(max_length=500, blank=True)
    code_url = models.URLField(max_length=500, blank=True)
    upvotes = models.PositiveIntegerField(default=0, help_text=_("As the source counted them."))
    submitter = models.CharField(max_length=120, blank=True, help_text=_("Who listed it, as the source says."))

    # Both written with the title: what finds a paper again under another identifier. See docs/one-paper-once.md.
    title_key = models.CharField(max_length=32, blank=True, db_index=True, editable=False)
    merged_into = models.ForeignKey(
        "self", models.SET_NULL, null=True, blank=True, editable=False, related_name="absorbed"
    )

    authors = models.ManyToManyField(Author, through="Authorship", related_name="papers")
    topics = models.ManyToManyField(Topic, related_name="papers", blank=True)

    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = PaperQuerySet.as_manager()

    class Meta:
        ordering = ["-published_at", "-id"]
        indexes = [models.Index(fields=["status", "published_at"])]

    def __str__(self) -> str:
        return self.title

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.title_key = title_key(self.title)
        if (fields := kwargs.get("update_fields")) is not None and "title" in fields:
            kwargs["update_fields"] = {*fields, "title_key"}
        super().save(*args, **kwargs)

    def get_absolute_url(self) -> str:
        return reverse("paper", args=[self.pk])

    @property
    def author_names(self) -> list[str]:
        """In the paper's own order."""
        return [authorship.author.name for authorship in self.authorships.all()]

    @property
    def text(self) -> str:
        """What is embedded and indexed: the title first, since an encoder cuts at its end."""
        return f"{self.title}\n{self.abstract}" if self.abstract else self.title

    @property
    def text_hash(self) -> str:
        """16 hexadecimal digits that change when the text does."""
        return hashlib.blake2b(self.text.encode("utf-8", "replace"), digest_size=8).hexdigest()

    def is_visible(self, at: datetime | None = None) -> bool:
        """Whether readers may see it at an instant (now). The same rule as PaperQuerySet.published."""
        if self.status == self.Status.EMBARGOED:
            return self.embargoed_until is not None and self.embargoed_until <= (at or timezone.now())
        return self.status == self.Status.PUBLISHED


class Authorship(models.Model):
    paper = models.ForeignKey(Paper, models.CASCADE, related_name="authorships")
    author = models.ForeignKey(Author, models.PROTECT, related_name="authorships")
    position = models.PositiveSmallIntegerField(help_text=_("From 0, in the paper's own order."))

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["paper", "position"], name="one_author_a_position")]

    def __str__(self) -> str:
        return f"{self.author} ({self.position})"


class Identifier(models.Model):
    """A name the world has for a paper. arXiv ids stand without their version, DOIs in lower case without resolver."""

    class Scheme(models.TextChoices):
        ARXIV = "arxiv", "arXiv"
        DOI = "doi", "DOI"
        OTHER = "other", _("other")  # whatever a source calls it, as it stands: citeulike:42

    paper = models.ForeignKey(Paper, models.CASCADE, related_name="identifiers")
    scheme = models.CharField(max_length=12, choices=Scheme.choices)
    value = models.CharField(max_length=300)
    version = models.PositiveSmallIntegerField(null=True, blank=True)

    class Meta:
        ordering = ["scheme", "value"]
        constraints = [models.UniqueConstraint(fields=["scheme", "value"], name="one_paper_an_identifier")]

    def __str__(self) -> str:
        return f"{self.scheme}:{self.value}"


class RequestTurnQuerySet(models.QuerySet["RequestTurn"]):
    def claim(self, group: str, token: str, until: datetime) -> bool:
        """Take the turn if it is free. True for exactly one of any number of callers."""
        return bool(self.filter(group=group, free_at__lte=timezone.now()).update(free_at=until, token=token))


class RequestTurn(models.Model):
    """When a group of hosts may be asked next: one request at a time over all workers, with a pause between two."""

    group = models.CharField(max_length=255, unique=True)
    free_at = models.DateTimeField(default=timezone.now)
    token = models.CharField(max_length=32, blank=True)

    objects = RequestTurnQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.group} from {self.free_at:%Y-%m-%d %H:%M:%S}"


class Health(NamedTuple):
    """How a source is: a colour, the words for it, and since when."""

    colour: str  # green, red, off, new
    words: StrOrPromise
    since: datetime | None


class SourceQuerySet(models.QuerySet["Source"]):
    def due(self, at: datetime | None = None) -> Self:
        at = at or timezone.now()
        return (
            self.filter(enabled=True)
            .filter(Q(next_run_at__isnull=True) | Q(next_run_at__lte=at))
            .filter(Q(lease_until__isnull=True) | Q(lease_until__lte=at))
        )

    def claim(self, pk: int, token: str, until: datetime) -> bool:
        """Take a source for one run. True for exactly one of any number of callers."""
        free = Q(lease_until__isnull=True) | Q(lease_until__lte=timezone.now())
        return bool(self.filter(free, pk=pk).update(lease_until=until, lease_token=token))


class Source(models.Model):
    """Where papers come from by themselves: a kind (see papers/sources/), what to ask it for, and how it went."""

    class Expects(models.TextChoices):
        WEEKDAYS = "weekdays", _("new papers every working day")
        DAILY = "daily", _("new papers every day")
        ANY_TIME = "any time", _("new papers whenever they come")

    name = models.SlugField(max_length=60, unique=True, help_text=_("As in: manage.py fetch_papers NAME"))
    kind = models.CharField(max_length=20)
    enabled = models.BooleanField(default=True)
    url = models.URLField(max_length=500, blank=True, help_text=_("Empty: the service's own address."))
    query = models.TextField(blank=True, help_text=_("What to ask for, in the kind's own words."))
    topics = models.ManyToManyField(
        Topic, blank=True, related_name="sources", help_text=_("Given to every paper from here, beside its own.")
    )
    expects = models.CharField(max_length=8, choices=Expects.choices, default=Expects.ANY_TIME)
    quiet_days = models.JSONField(
        default=list, blank=True, help_text=_('Further days without new papers, as ["2026-12-24", ...].')
    )
    every_minutes = models.PositiveIntegerField(default=360)

    next_run_at = models.DateTimeField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True, editable=False)
    lease_token = models.CharField(max_length=32, blank=True, editable=False)

    # All that was announced before this instant is in; the next run begins a week before it.
    complete_until = models.DateTimeField(null=True, blank=True)
    resume = models.JSONField(default=dict, blank=True, editable=False)  # where a run that did not end was
    validators = models.JSONField(default=dict, blank=True, editable=False)  # for conditional requests
    newest_at = models.DateTimeField(null=True, blank=True, help_text=_("The newest announcement it told of."))

    last_run_at = models.DateTimeField(null=True, blank=True)
    last_success_at = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=500, blank=True)
    failing_since = models.DateTimeField(null=True, blank=True)
    well_since = models.DateTimeField(null=True, blank=True)

    objects = SourceQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def is_running(self) -> bool:
        return self.lease_until is not None and self.lease_until > timezone.now()

    def health(self, at: datetime | None = None) -> Health:
        """Red while runs fail, and when none has come for twice as long as it should."""
        at = at or timezone.now()
        if not self.enabled:
            return Health("off", _("off"), None)
        if self.failing_since:
            return Health("red", _("failing"), self.failing_since)
        if self.last_success_at is None:
            return Health("new", _("not run yet"), None)
        late = self.last_success_at + 2 * timedelta(minutes=self.every_minutes)
        if at > late and not self.is_running:
            return Health("red", _("not run"), late)
        return Health("green", _("well"), self.well_since)


class SourceRun(models.Model):
    """One run of a source, with what it did."""

    class State(models.TextChoices):
        RUNNING = "running", _("running")
        DONE = "done", _("done")
        FAILED = "failed", _("failed")
        LOST = "lost", _("lost")  # its process ended without a word; the next run went on where it was

    source = models.ForeignKey(Source, models.CASCADE, related_name="runs")
    state = models.CharField(max_length=7, choices=State.choices, default=State.RUNNING)
    started_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)
    since = models.DateTimeField()
    until = models.DateTimeField()
    n_requests = models.PositiveIntegerField(default=0)
    added = models.PositiveIntegerField(default=0)
    updated = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    set_aside = models.PositiveIntegerField(default=0)
    error = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["-started_at", "-id"]
        indexes = [models.Index(fields=["source", "-started_at"])]

    def __str__(self) -> str:
        return f"{self.source} {self.started_at:%Y-%m-%d %H:%M} {self.state}"


class SetAside(models.Model):
    """An entry that could not be taken, with its reason: to be looked at, mended as a record, and tried again."""

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        TAKEN = "taken", _("taken after mending")
        DROPPED = "dropped", _("dropped")

    source = models.ForeignKey(Source, models.CASCADE, null=True, blank=True, related_name="set_aside")
    state = models.CharField(max_length=7, choices=State.choices, default=State.WAITING)
    place = models.CharField(max_length=500, help_text=_("The address or file, and which entry of it."))
    reason = models.CharField(max_length=500)
    entry = models.TextField(help_text=_("As it came."))
    record = models.JSONField(default=dict, blank=True, help_text=_("As it was understood; mend it here."))
    # Of source and entry: what comes again with every run is kept once.
    digest = models.CharField(max_length=32, unique=True, editable=False)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-at", "-id"]
        verbose_name = _("entry set aside")
        verbose_name_plural = _("entries set aside")

    def __str__(self) -> str:
        return f"{self.place}: {self.reason}"

    @property
    def short_name(self) -> str:
        """What tells it from others in a message."""
        record = self.record if isinstance(self.record, dict) else {}
        return str(record.get("title") or self.place)[:80]


class Merge(models.Model):
    """Two rows that are one paper. `moved` and `changed` say what to put back when they are not after all."""

    class State(models.TextChoices):
        PROPOSED = "proposed", _("proposed")
        DONE = "done", _("merged")
        UNDONE = "undone", _("taken apart again")
        DECLINED = "declined", _("two papers")

    kept = models.ForeignKey(Paper, models.CASCADE, related_name="merges")
    absorbed = models.ForeignKey(Paper, models.CASCADE, related_name="absorbed_by")
    state = models.CharField(max_length=8, choices=State.choices, default=State.PROPOSED)
    reason = models.CharField(max_length=300)
    moved = models.JSONField(default=dict, editable=False)  # model label -> primary keys
    changed = models.JSONField(default=dict, editable=False)  # what the kept row said before, and says since
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-at", "-id"]
        constraints = [models.UniqueConstraint(fields=["kept", "absorbed"], name="one_merge_a_pair")]

    def __str__(self) -> str:
        return f"{self.absorbed_id} into {self.kept_id}: {self.reason}"


class Submission(models.Model):
    """A paper that a reader asked the editors to list. Whoever else asks for the same one waits for the same answer."""

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting for the editors")
        APPROVED = "approved", _("listed")
        DECLINED = "declined", _("not listed")

    paper = models.ForeignKey(Paper, models.CASCADE, related_name="submissions")
    submitter = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="submissions")
    reason = models.CharField(_("why it is worth reading"), max_length=500, blank=True)
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    word = models.TextField(_("a word to the submitter"), max_length=1000, blank=True)
    submitted_at = models.DateTimeField(default=timezone.now)
    decided_at = models.DateTimeField(null=True, blank=True)
    told_at = models.DateTimeField(null=True, blank=True, help_text=_("When the decision was mailed."))
    looked_up_at = models.DateTimeField(
        null=True, blank=True, help_text=_("When arXiv or Crossref was asked about the paper.")
    )
    lookup_error = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["-submitted_at", "-id"]
        constraints = [models.UniqueConstraint(fields=["paper", "submitter"], name="one_submission_a_reader")]
        indexes = [models.Index(fields=["state", "submitted_at"])]

    def __str__(self) -> str:
        return f"{self.paper} ({self.get_state_display()})"
