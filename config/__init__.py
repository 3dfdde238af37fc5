"""The wiring: settings, urls, the Celery app, and the embedded parts."""

from config.celery import app as celery_app

__all__ = ["celery_app"]
