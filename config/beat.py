"""Celery's beat: redbeat, so that a second beat waits for the first one's lock."""

from typing import Any

from redbeat import RedBeatScheduler

from config.commandline import clear_errors


class Scheduler(RedBeatScheduler):
    def __init__(self, *args: Any, **options: Any) -> None:
        with clear_errors():  # a broker that does not answer
            super().__init__(*args, **options)
