"""The catalogue: papers, their authors in order, topics and identifiers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


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

    title = models.TextField()
    abstract = models.TextField(blank=True)
    # As the source gave them, for KaTeX on the page.
    raw_title = models.TextField(blank=True)
    raw_abstract = models.TextField(blank=True)

    # When the paper was announced; its new-ness is counted from here. UTC, midnight where only the day is known.
    published_at = models.DateTimeField(db_index=True)
    published_precision = models.CharField(max_length=8, choices=Precision.choices, default=Precision.DAY)

    status = models.CharField(max_length=10, choices=Status.choices, default=Status.PUBLISHED)
    status_reason = models.CharField(max_length=300, blank=True)
    embargoed_until = models.DateTimeField(null=True, blank=True)

    url = models.URLField(max_length=500, blank=True)
    pdf_url = models.URLField(max_length=500, blank=True)
    code_url = models.URLField(max_length=500, blank=True)
    upvotes = models.PositiveIntegerField(default=0, help_text=_("As the source counted them."))

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
