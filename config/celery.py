"""The Celery app. It runs in UTC: a reader's local hour exists only in newsletter/schedule.py."""

import os
from typing import Any

from celery import Celery
from django.conf import settings

from config import task_runs as task_runs
from config.commandline import clear_errors

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("broadsheet")
app.config_from_object("django.conf:settings", namespace="CELERY")
# Two beats are safe: the second waits for the first one's lock. redbeat reads its settings without a prefix.
app.conf.redbeat_lock_timeout = 15
app.conf.beat_max_loop_interval = 5
app.autodiscover_tasks()


@app.on_configure.connect
def read_settings(**_: Any) -> None:
    """`celery -A config ...` tells of a wrong setting in one line, as manage.py does."""
    with clear_errors():
        app.conf.redbeat_redis_url = settings.REDBEAT_REDIS_URL
        app.conf.redbeat_redis_options = settings.REDBEAT_REDIS_OPTIONS
