"""What a worker does for accounts: load, call, save."""

from celery import shared_task

from accounts import unproven


@shared_task
def forget_unproven() -> None:
    unproven.forget_unproven()
