"""How the site runs, asked of the broker, the workers, the database and the disk; each says so if it does not answer.

Nothing here waits long: a page shows it. Name servers are asked by a button only.
"""

from __future__ import annotations

import shutil
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import redis
from celery import current_app
from celery.exceptions import CeleryError
from django.conf import settings
from django.core.cache import cache
from django.utils import timezone
from django.utils.translation import gettext_noop, ngettext
from kombu.exceptions import OperationalError as BrokerError
from redis.backoff import NoBackoff
from redis.retry import Retry

from config.models import TaskRun
from newsletter.deliverability import Finding, NameServersSilent, look_up, records_found
from papers.models import Source
from recommender.models import RankerVersion

BROKER_SECONDS = 1.0
WORKERS_SECONDS = 0.7  # for each of two questions; workers answer in milliseconds, or not at all
OLD_RANKER = timedelta(days=8)  # it is to be trained once a day or a week
UNITS = [  # of seconds
    (86_400, gettext_noop("%d day"), gettext_noop("%d days")),
    (3_600, gettext_noop("%d hour"), gettext_noop("%d hours")),
    (60, gettext_noop("%d minute"), gettext_noop("%d minutes")),
]
RECORDS = "operations.deliverability"
RECORDS_KEPT_SECONDS = 7 * 86_400


class Broker(NamedTuple):
    error: str
    queues: list[tuple[str, int]]
    taken: int  # by workers, and not done yet
    has_beat: bool


class Worker(NamedTuple):
    name: str
    queues: list[str]
    running: list[str]


class Scheduled(NamedTuple):
    name: str
    task: str
    every: timedelta | None
    run: TaskRun | None
    is_late: bool

    @property
    def every_in_words(self) -> str:
        """In the largest unit that has no rest: 90 minutes, not 1.5 hours."""
        if self.every is None:
            return ""
        n = int(self.every.total_seconds())
        for size, one, many in UNITS:
            if n % size == 0:
                return ngettext(one, many, n // size) % (n // size)
        return ngettext("%d second", "%d seconds", n) % n


class Folder(NamedTuple):
    name: str
    size: int
    is_published: bool


class Records(NamedTuple):
    """What the name servers said, and when."""

    findings: list[Finding]
    at: datetime
    error: str


def broker() -> Broker:
    at_once = Retry(NoBackoff(), 0)  # the client's own retries take seconds
    limits: dict[str, Any] = {"socket_timeout": BROKER_SECONDS, "socket_connect_timeout": BROKER_SECONDS}
    try:
        with redis.Redis.from_url(settings.REDBEAT_REDIS_URL, retry=at_once, **limits) as client:
            asked = client.pipeline(transaction=False)
            for name in settings.CELERY_TASK_QUEUES:
                asked.llen(name)
            asked.hlen("unacked")
            asked.exists("redbeat::lock")
            *lengths, taken, has_beat = asked.execute()
    except (redis.RedisError, OSError) as error:
        return Broker(" ".join(str(error).split()) or type(error).__name__, [], 0, False)
    return Broker("", list(zip(settings.CELERY_TASK_QUEUES, lengths, strict=True)), taken, bool(has_beat))


def workers() -> list[Worker]:
    """Those that answer. One that does its tasks itself (--pool solo) cannot while it is at one."""
    ask = current_app.control.inspect(timeout=WORKERS_SECONDS)
    try:
        queues = ask.active_queues() or {}
        running = (ask.active() or {}) if queues else {}
    except (BrokerError, CeleryError, redis.RedisError, OSError):
        return []
    return [
        Worker(name, sorted(queue["name"] for queue in served), [task["name"] for task in running.get(name, [])])
        for name, served in sorted(queues.items())
    ]


def scheduled(at: datetime | None = None) -> list[Scheduled]:
    at = at or timezone.now()
    runs = {run.task: run for run in TaskRun.objects.all()}
    rows = []
    for name, entry in sorted(settings.CELERY_BEAT_SCHEDULE.items()):
        task, seconds = str(entry["task"]), entry["schedule"]
        run = runs.get(task)
        every = timedelta(seconds=seconds) if isinstance(seconds, int | float) else None
        is_late = run is None or (every is not None and at - run.started_at > 2 * every + timedelta(minutes=5))
        rows.append(Scheduled(name, task, every, run, is_late))
    return rows


def sources() -> list[Source]:
    return list(Source.objects.order_by("name"))


def is_old(version: RankerVersion, at: datetime | None = None) -> bool:
    return (at or timezone.now()) - version.created_at > OLD_RANKER


def artifacts(published: str = "") -> list[Folder]:
    """The folders of vectors and of each ranker, the largest first."""
    root = Path(settings.ARTIFACTS_DIR)
    folders = [folder for folder in _folders(root) if folder.name != "rankers"] + _folders(root / "rankers")
    sized = [
        Folder(str(folder.relative_to(root)), size_of(folder), folder == root / "rankers" / published)
        for folder in folders
    ]
    return sorted(sized, key=lambda folder: (-folder.size, folder.name))


def free_space() -> int:
    return shutil.disk_usage(settings.VAR_DIR).free


def size_of(folder: Path) -> int:
    size = 0
    for path in folder.rglob("*"):
        try:
            size += path.lstat().st_size if not path.is_dir() else 0
        except OSError:  # a version may be removed at this very moment
            continue
    return size


def _folders(root: Path) -> list[Path]:
    return [path for path in root.iterdir() if path.is_dir()] if root.is_dir() else []


def ask_name_servers() -> Records:
    """Some seconds at worst; what they said is kept for the next look."""
    try:
        records = Records(list(records_found(look_up)), timezone.now(), "")
    except NameServersSilent as error:
        records = Records([], timezone.now(), str(error))
    cache.set(RECORDS, records._asdict() | {"findings": [tuple(one) for one in records.findings]}, RECORDS_KEPT_SECONDS)
    return records


def records_known() -> Records | None:
    kept = cache.get(RECORDS)
    return kept and Records(**kept | {"findings": [Finding(*one) for one in kept["findings"]]})
