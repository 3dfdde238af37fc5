"""What beat and the queue may ask for. Each asks the database what is so and does the work once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import partial

from celery import shared_task
from django.conf import settings
from django.db import transaction

from newsletter import digest, experiments, group_digest, invitations, retention, submission_answers
from newsletter.delivery import MailServerUnavailable, logger

SENT_AT_ONCE = 200  # digests a task: their papers are read once, and each digest is still claimed by itself


@shared_task
def dispatch_due() -> None:
    ask_to_compose(digest.due())


@shared_task
def dispatch_group_digests() -> None:
    ready = group_digest.compose_due()
    transaction.on_commit(partial(ask_to_deliver, ready))


@shared_task
def mail_invitations() -> None:
    invitations.mail_all()


@shared_task
def compose_digests(
    subscription_ids: list[int], day: str | None = None, force: bool = False, window_days: int | None = None
) -> None:
    edition_day = date.fromisoformat(day) if day else None
    ready = digest.compose(subscription_ids, day=edition_day, force=force, window_days=window_days)
    transaction.on_commit(partial(ask_to_deliver, ready))


@shared_task
def deliver_digests(digest_ids: list[int]) -> None:
    try:
        digest.deliver(digest_ids)
    except MailServerUnavailable as error:
        logger.error("The mail server does not answer, digests stay composed: %s", error)


@shared_task
def sweep() -> None:
    found = digest.sweep()
    ask_to_compose(found.due)
    ask_to_deliver(found.to_send)


@shared_task
def stop_experiments() -> None:
    experiments.stop_when_complete()


@shared_task
def forget_old() -> None:
    retention.forget_old()


@shared_task
def answer_submissions() -> None:
    submission_answers.answer_all()


def ask_to_compose(
    subscription_ids: Sequence[int], day: date | None = None, force: bool = False, window_days: int | None = None
) -> None:
    for chunk in chunks(subscription_ids, settings.DIGEST_CHUNK):
        compose_digests.delay(chunk, day and day.isoformat(), force, window_days)


def ask_to_deliver(digest_ids: Sequence[int]) -> None:
    for chunk in chunks(digest_ids, SENT_AT_ONCE):
        deliver_digests.delay(chunk)


def chunks(ids: Sequence[int], size: int) -> list[list[int]]:
    return [list(ids[start : start + size]) for start in range(0, len(ids), size)]
