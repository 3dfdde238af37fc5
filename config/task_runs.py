"""Keep when each scheduled task last ran and how it ended. A run that cannot be noted is a run all the same."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from celery.signals import task_postrun, task_prerun
from django.conf import settings
from django.db import Error
from django.utils import timezone

logger = logging.getLogger(__name__)


@task_prerun.connect
def began(task: Any = None, **_: Any) -> None:
    if is_scheduled(task.name):
        with unhindered(task.name):
            now = timezone.now()
            _runs().update_or_create(task=task.name, defaults={"started_at": now, "ended_at": None, "error": ""})


@task_postrun.connect
def ended(task: Any = None, retval: Any = None, **_: Any) -> None:
    if is_scheduled(task.name):
        error = f"{type(retval).__name__}: {retval}" if isinstance(retval, BaseException) else ""
        with unhindered(task.name):
            told = " ".join(error.replace("\x00", " ").split())[:300]
            _runs().filter(task=task.name).update(ended_at=timezone.now(), error=told)


def is_scheduled(name: str) -> bool:
    return any(entry["task"] == name for entry in settings.CELERY_BEAT_SCHEDULE.values())


@contextmanager
def unhindered(name: str) -> Iterator[None]:
    try:
        yield
    except Error as error:
        logger.warning("The run of %s could not be noted: %s", name, error)


def _runs() -> Any:
    from config.models import TaskRun  # the app is made before Django is ready

    return TaskRun.objects
