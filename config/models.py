"""What the wiring keeps: how the schedule goes."""

from __future__ import annotations

from datetime import timedelta

from django.db import models


class TaskRun(models.Model):
    """The last run of one task: `ended_at` is null while it runs, or since its worker died."""

    task = models.CharField(max_length=120, unique=True)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    error = models.CharField(max_length=300, blank=True)

    def __str__(self) -> str:
        return f"{self.task} {self.started_at:%Y-%m-%d %H:%M:%S}"

    @property
    def took(self) -> timedelta | None:
        return self.ended_at - self.started_at if self.ended_at else None
