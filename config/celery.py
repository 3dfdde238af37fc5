"""The Celery app. It runs in UTC: a reader's local hour exists only in newsletter/schedule.py."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("broadsheet")
app.config_from_object("django.conf:settings", namespace="CELERY")
# Two beats are safe: the second waits for the first one's lock. redbeat reads these two without a prefix.
app.conf.redbeat_lock_timeout = 15
app.conf.beat_max_loop_interval = 5
app.autodiscover_tasks()
