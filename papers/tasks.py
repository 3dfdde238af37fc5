"""Thin shells of papers/source_runs.py for the worker and its schedule."""

from __future__ import annotations

from celery import current_app, shared_task
from django.conf import settings

from papers.merging import propose_for
from papers.models import Paper, Source
from papers.source_runs import AlreadyRunning, run_source
from papers.submission_lookup import look_up_waiting


@shared_task
def fetch_due() -> None:
    for pk in Source.objects.due().values_list("pk", flat=True):
        fetch_source.delay(pk)


@shared_task
def fetch_source(pk: int) -> None:
    """The claim in the database makes a second one harmless, so it may be asked for any number of times."""
    source = Source.objects.filter(pk=pk).first()
    if source is None:
        return
    try:
        run = run_source(source)
    except AlreadyRunning:
        return
    if run.added or run.updated:
        for name in settings.AFTER_PAPERS_ARRIVED:
            current_app.send_task(name)
    if run.added:
        propose_for(Paper.objects.filter(created_at__gte=run.started_at))


@shared_task
def look_up_submissions() -> None:
    look_up_waiting()
