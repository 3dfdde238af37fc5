"""due -> claimed -> pages -> papers -> noted: one run of a source.

A run takes page after page, each with its papers, its set-aside entries and the place where to go on in one
transaction, so that one that is killed goes on where it was. What is wrong is told on the source's row, never passed
over as a quiet day.
"""

from __future__ import annotations

import hashlib
import logging
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils import timezone

from papers.fetching import Client, FetchError, TryLater
from papers.importing import Report
from papers.ingest import take_lines
from papers.jsonlines import Line, Place
from papers.models import SetAside, Source, SourceRun
from papers.parsers import BadDocument, Entry
from papers.sources import Asking, Page, kinds
from papers.sources.announcement_days import EASTERN, last_expected

LEASE = timedelta(minutes=5)  # longer than any single request; a process that died frees its source after it
# What moderators held turns up days late, and an outage leaves gaps: every run looks again at so much before.
LOOK_BACK = timedelta(days=7)
COUNTS = ("added", "updated", "unchanged", "set_aside")
RETRY = timedelta(minutes=60)
MAX_KEPT_ENTRY = 200_000
logger = logging.getLogger(__name__)


class AlreadyRunning(Exception):
    """Another process runs this source."""


class LostLease(Exception):
    """This run took so long that another one began."""


@dataclass
class Run:
    """A run under way."""

    source: Source
    row: SourceRun
    token: str
    dry_run: bool
    on_page: Callable[[SourceRun], None]
    faults: list[str] = field(default_factory=list)


def run_source(
    source: Source,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    dry_run: bool = False,
    client: Client | None = None,
    on_page: Callable[[SourceRun], None] = lambda run: None,
) -> SourceRun:
    """One run, from claim to noted result. AlreadyRunning if it is not ours to run."""
    token = uuid.uuid4().hex
    if not Source.objects.claim(source.pk, token, timezone.now() + LEASE):
        raise AlreadyRunning(f"{source} is being fetched by another process")
    source.refresh_from_db()
    source.runs.filter(state=SourceRun.State.RUNNING).update(state=SourceRun.State.LOST, ended_at=timezone.now())
    row = SourceRun(source=source, **window(source, since, until))
    if not dry_run:
        row.save()
        Source.objects.filter(pk=source.pk).update(last_run_at=row.started_at)
    run = Run(source, row, token, dry_run, on_page)
    client = client or Client(pause=lambda seconds: wait(run, seconds))
    asking = asked_by(run, client, is_backfill=since is not None)
    try:
        go(run, asking)
    except LostLease:
        finish(run, "it was overtaken by another run", asking)
    except (FetchError, BadDocument) as error:
        finish(run, str(error), asking, not_before=error.until if isinstance(error, TryLater) else None)
    except Exception as error:
        logger.exception("a run of %s failed", source)
        finish(run, f"a fault in the software: {type(error).__name__}: {error}", asking)
        raise
    except BaseException:  # stopped by hand: the next run goes on at once
        release(run)
        raise
    else:
        finish(run, "; ".join(run.faults) or staleness(source, timezone.now()), asking)
    return row


def window(source: Source, since: datetime | None, until: datetime | None) -> dict[str, datetime]:
    """Of the run that was broken off, or a week before all that is known to be in, or what somebody asked for."""
    now = timezone.now()
    if since or until:
        return {"since": since or (until or now) - LOOK_BACK, "until": until or now}
    if source.resume:
        return {name: datetime.fromisoformat(source.resume[name]) for name in ("since", "until")}
    return {"since": (source.complete_until or now) - LOOK_BACK, "until": now}


def asked_by(run: Run, client: Client, *, is_backfill: bool) -> Asking:
    source, row = run.source, run.row
    resumed = bool(source.resume) and not is_backfill
    return Asking(
        client,
        source.url or kinds()[source.kind].url,
        source.query,
        row.since,
        row.until,
        is_first=source.complete_until is None,
        resume=source.resume["page"] if resumed else {},
        validators={} if is_backfill or source.failing_since else dict(source.validators),
    )


def go(run: Run, asking: Asking) -> None:
    for page in kinds()[run.source.kind].pages(asking):
        before = {name: getattr(run.row, name) for name in COUNTS}
        with transaction.atomic():
            take_page(run, page)
            if not run.dry_run and not is_still_ours(run):
                vars(run.row).update(before)
                transaction.set_rollback(True)
                raise LostLease
            if run.dry_run:
                transaction.set_rollback(True)
            else:
                run.row.n_requests = asking.client.n_requests
                run.row.save()
                keep_place(run, page)
        if page.fault:
            run.faults.append(page.fault)
        run.on_page(run.row)


def take_page(run: Run, page: Page) -> None:
    report = Report()
    place = Path(page.where)
    good = [Line(Place(place, number), entry.record) for number, entry in enumerate(page.entries) if entry.record]
    given = [topic.name for topic in run.source.topics.all()]
    for line in good:
        if given and "title" in line.record:
            line.record["topics"] = list(dict.fromkeys([*line.record.get("topics", []), *given]))
    take_lines(good, report)
    refused = [(entry, entry.reason) for entry in page.entries if not entry.record]
    refused += [(page.entries[rejection.place.number], rejection.reason) for rejection in report.rejections]
    for entry, reason in refused:
        keep_aside(entry, reason, page.where, run.source)
    run.row.added += report.added
    run.row.updated += report.updated
    run.row.unchanged += report.unchanged
    run.row.set_aside += len(refused)
    if page.newest_at and (run.source.newest_at is None or page.newest_at > run.source.newest_at):
        run.source.newest_at = page.newest_at


def keep_aside(entry: Entry, reason: str, place: str, source: Source | None) -> None:
    """Kept once however often it comes, and left alone once an editor has dealt with it."""
    digest = hashlib.blake2b(f"{source.pk if source else ''}\n{entry.raw}".encode(), digest_size=16).hexdigest()
    values: dict[str, Any] = {
        "source": source,
        "place": place[:500],
        "reason": reason[:500],
        "entry": entry.raw[:MAX_KEPT_ENTRY],
        "record": entry.record or {},
    }
    SetAside.objects.get_or_create(digest=digest, defaults=values)


def keep_place(run: Run, page: Page) -> None:
    """Where to go on, and the lease for another while."""
    resume = {"since": run.row.since.isoformat(), "until": run.row.until.isoformat(), "page": page.resume}
    mine = Source.objects.filter(pk=run.source.pk, lease_token=run.token)
    mine.update(
        resume=resume if page.resume else {}, newest_at=run.source.newest_at, lease_until=timezone.now() + LEASE
    )


def is_still_ours(run: Run) -> bool:
    return Source.objects.filter(pk=run.source.pk, lease_token=run.token).exists()


def wait(run: Run, seconds: float) -> None:
    """Sleep, and stay the holder of the lease meanwhile."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        Source.objects.filter(pk=run.source.pk, lease_token=run.token).update(lease_until=timezone.now() + LEASE)
        time.sleep(min(left, LEASE.total_seconds() / 5))


# --- how it went --------------------------------------------------------------------------------------------------


def finish(run: Run, error: str, asking: Asking, not_before: datetime | None = None) -> None:
    now, source, row = timezone.now(), run.source, run.row
    row.state, row.error = (SourceRun.State.FAILED, error[:500]) if error else (SourceRun.State.DONE, "")
    row.ended_at, row.n_requests = now, asking.client.n_requests
    if run.dry_run:
        release(run)
        return
    row.save()
    every = timedelta(minutes=source.every_minutes)
    values: dict[str, Any] = {"lease_until": None, "last_error": error[:500], "newest_at": source.newest_at}
    if error:
        values |= {
            "failing_since": source.failing_since or now,
            "next_run_at": max(now + min(every, RETRY), not_before or now),
        }
    else:
        well_since = now if source.failing_since or not source.well_since else source.well_since
        values |= {"failing_since": None, "well_since": well_since, "next_run_at": now + every,
                   "last_success_at": now, "resume": {},
                   "validators": asking.validators, "complete_until": complete_until(source, row)}  # fmt: skip
    Source.objects.filter(pk=source.pk, lease_token=run.token).update(**values)


def complete_until(source: Source, row: SourceRun) -> datetime | None:
    """A run that reaches what was complete before extends it; a backfill of long ago says nothing about today."""
    if source.complete_until is None or row.since <= source.complete_until:
        return max(row.until, source.complete_until or row.until)
    return source.complete_until


def release(run: Run) -> None:
    Source.objects.filter(pk=run.source.pk, lease_token=run.token).update(lease_until=None)
    if run.row.pk:
        SourceRun.objects.filter(pk=run.row.pk, state=SourceRun.State.RUNNING).update(
            state=SourceRun.State.LOST, ended_at=timezone.now()
        )


def staleness(source: Source, at: datetime) -> str:
    """Why a run that went well was no good: the papers that should be there by now are not. Empty if all is well."""
    quiet_days = {date.fromisoformat(day) for day in source.quiet_days}
    expected = last_expected(source.expects, at, quiet_days)
    if expected is None:
        return ""
    if source.newest_at is None:
        return "no new id at all" if expected == at.astimezone(EASTERN).date() else ""
    if source.newest_at.date() >= expected:
        return ""
    return f"no new id since {source.newest_at:%A, %-d %B}, where {expected:%A, %-d %B} was expected"
