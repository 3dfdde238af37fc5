"""A month of arXiv on a local server, asked three times a day, with all that a month brings.

31 days of May 2024: weekends, Memorial Day, an outage of two days, a listing that stays stale until the evening, an
HTML page instead of a feed, a run killed half-way, replacements, cross-lists, withdrawals, deletions and papers that
moderators held for days. At its end every paper is there once, dated by its announcement, and no candidate of any
morning was ever older than the window it was a candidate in.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from pytest_django import Settings

from papers.fetching import Client
from papers.models import Identifier, Paper, RequestTurn, SetAside, Source, SourceRun
from papers.source_runs import run_source
from papers.sources.announcement_days import EASTERN, is_working_day
from tests.papers.sources import documents
from tests.papers.sources.documents import Fact
from tests.papers.sources.local_server import Answer, Request, serving

MAY = [date(2024, 5, 1) + timedelta(days=n) for n in range(31)]
MEMORIAL_DAY = date(2024, 5, 27)
OUTAGE = (date(2024, 5, 14), date(2024, 5, 15))
STALE = date(2024, 5, 22)
HTML_PAGE = date(2024, 5, 9)
KILLED = date(2024, 5, 21)
ASKED_AT = (time(5, 30), time(13, 30), time(21, 30))  # UTC
MORNING = time(7)
WINDOW = timedelta(days=7)
PAGE = 40


@dataclass
class Arxiv:
    """What arXiv knows and says. `announced` maps an id to the listing it was announced in."""

    rng: random.Random
    now: datetime = datetime(2024, 4, 1, tzinfo=UTC)
    listings: dict[date, list[Fact]] = field(default_factory=dict)
    records: dict[str, Fact] = field(default_factory=dict)
    announced: dict[str, date] = field(default_factory=dict)

    # --- what happens ---

    def announce(self, day: date) -> None:
        submitted = previous_working_day(day)  # until 14:00; and from 14:00 on the day before
        new = [self.new_paper(day, previous_working_day(submitted), hour) for hour in (15, 16, 17)]
        new += [self.new_paper(day, submitted, hour) for hour in (9, 11, 13)]
        new.append(self.new_paper(day, submitted - timedelta(days=self.rng.randrange(3, 15)), 12))  # was held
        changes: list[Fact] = []
        known = [fact for fact in self.records.values() if not fact.is_deleted and self.announced[fact.arxiv_id] < day]
        for fact in self.rng.sample(known, min(3, len(known))):
            changes.append(self.changed(fact, day, version=fact.version + 1, announce_type="replace", updated_on=day))
        for fact in self.rng.sample(known, min(1, len(known))):
            categories = (*fact.categories, "cs.CL")
            changes.append(self.changed(fact, day, categories=categories, announce_type="cross"))
        if day.day % 5 == 0 and known:
            note = {
                "comment": "This paper has been withdrawn by the authors",
                "abstract": "This paper has been withdrawn",
            }
            fact = self.rng.choice(known)
            changes.append(
                self.changed(fact, day, version=fact.version + 1, announce_type="replace", updated_on=day, **note)
            )
        if day.day % 9 == 0 and known:
            fact = self.rng.choice(known)
            self.records[fact.arxiv_id] = replace(fact, is_deleted=True, changed_on=day)
        # And papers of five years ago, which nobody here has heard of.
        old = replace(self.ancient(day), changed_on=day, updated_on=day, version=3, announce_type="replace")
        crossed = replace(self.ancient(day, 5000), changed_on=day, announce_type="cross")
        for fact in (old, crossed):
            self.records[fact.arxiv_id], self.announced[fact.arxiv_id] = fact, date(2019, 3, 1)
        self.listings[day] = [*new, *changes, old, crossed]
        self.rng.shuffle(self.listings[day])

    def new_paper(self, day: date, submitted: date, hour: int) -> Fact:
        number = len(self.announced) + 1000
        fact = Fact(
            f"{day:%y%m}.{number:05}",
            f"On the engine number {number}",
            f"We build the engine number {number}.",
            authors=(("Ada", "Lovelace"), ("Number", f"Author{number}")),
            submitted_at=datetime.combine(submitted, time(hour), EASTERN).astimezone(UTC),
            changed_on=day,
        )
        self.records[fact.arxiv_id], self.announced[fact.arxiv_id] = fact, day
        return fact

    def changed(self, fact: Fact, day: date, **values: Any) -> Fact:
        changed = replace(self.records[fact.arxiv_id], changed_on=day, **values)
        self.records[fact.arxiv_id] = changed
        return changed

    def ancient(self, day: date, more: int = 0) -> Fact:
        number = int(f"{day:%m%d}") + more
        return Fact(f"1902.{number:05}", f"An old engine {number}", submitted_at=datetime(2019, 2, 20, 12, tzinfo=UTC))

    # --- what it says ---

    def answer(self, request: Request) -> Answer:
        today = self.now.astimezone(EASTERN).date()
        if today in OUTAGE:
            return Answer(status=503)
        if today == HTML_PAGE and self.now.time() == ASKED_AT[0]:
            return Answer("<html><body>arXiv is down for maintenance</body></html>", content_type="text/html")
        if request.path.startswith("/rss/"):
            return self.listing(today, request)
        return self.harvest(request)

    def listing(self, today: date, request: Request) -> Answer:
        day = today
        if today == STALE and self.now.time() != ASKED_AT[2]:
            day = previous_working_day(today)
        etag = f'"{day}"'
        if request.headers.get("If-None-Match") == etag:
            return Answer(status=304)
        return Answer(documents.arxiv_rss(day, self.listings.get(day, [])), headers={"ETag": etag})

    def harvest(self, request: Request) -> Answer:
        since, start = request.query.get("from", ""), 0
        if token := request.query.get("resumptionToken"):
            since, _, place = token.partition("/")
            start = int(place)
        found = [fact for fact in self.records.values() if fact.changed_on >= date.fromisoformat(since)]
        following = f"{since}/{start + PAGE}" if start + PAGE < len(found) else ""
        return Answer(documents.oai_records(found[start : start + PAGE], following, len(found)))


def previous_working_day(day: date) -> date:
    day -= timedelta(days=1)
    while not is_working_day(day):
        day -= timedelta(days=1)
    return day


class Killed(BaseException):
    """Stands for SIGKILL: nothing of the run goes on after it."""


def ask(source: Source, arxiv: Arxiv, now: datetime) -> SourceRun | None:
    arxiv.now = now

    def wait(seconds: float) -> None:
        RequestTurn.objects.update(free_at=now)

    n_pages = 0

    def die(run: SourceRun) -> None:
        nonlocal n_pages
        n_pages += 1
        if now.date() == KILLED and now.time() == ASKED_AT[0] and n_pages == 2:
            raise Killed

    source.refresh_from_db()
    try:
        return run_source(source, client=Client(pause=wait), on_page=die)
    except Killed:
        return None


@pytest.fixture
def arxiv() -> Arxiv:
    arxiv = Arxiv(random.Random(7))
    for day in [date(2024, 4, 15) + timedelta(days=n) for n in range(16)]:
        if is_working_day(day):
            arxiv.announce(day)
    return arxiv


@pytest.mark.django_db
def test_after_a_month_every_paper_is_there_once_and_none_was_called_new_too_late(
    arxiv: Arxiv, settings: Settings, time_machine: Any
) -> None:
    settings.FETCH_ALLOW_PRIVATE = True
    settings.FETCH_INTERVALS = {}
    settings.FETCH_INTERVAL_SECONDS = 0.0
    failures: dict[date, list[str]] = {}
    called_new: dict[int, date] = {}
    with serving(arxiv.answer) as web:
        source = Source.objects.create(name="arxiv-test", kind="arxiv", url=web.url, query="cs.LG", expects="weekdays")
        for day in MAY:
            if is_working_day(day):
                arxiv.announce(day)
            for hour in ASKED_AT:
                now = datetime.combine(day, hour, UTC)
                time_machine.move_to(now, tick=False)
                run = ask(source, arxiv, now)
                if run is not None and run.state == SourceRun.State.FAILED:
                    failures.setdefault(day, []).append(run.error)
                if hour == ASKED_AT[0]:
                    morning = datetime.combine(day, MORNING, UTC)
                    window = Paper.objects.candidates_between(morning - WINDOW, morning, morning)
                    called_new |= dict.fromkeys(window.values_list("pk", flat=True), day)

    identifiers = {row.value: row for row in Identifier.objects.filter(scheme="arxiv").select_related("paper")}
    listed_in_may = {value: day for value, day in arxiv.announced.items() if day >= MAY[0]}

    # every paper once
    assert set(listed_in_may) <= set(identifiers)
    assert len({row.paper_id for row in identifiers.values()}) == len(identifiers)
    assert set(identifiers) <= set(arxiv.announced)
    # dated by its announcement
    dated = {value: identifiers[value].paper.published_at.date() for value in listed_in_may}
    assert {value: (dated[value], day) for value, day in listed_in_may.items() if dated[value] != day} == {}
    # never called new when it was old
    names = {row.paper_id: row.value for row in identifiers.values()}
    too_late = {names[pk]: last for pk, last in called_new.items() if arxiv.announced[names[pk]] <= last - WINDOW}
    assert too_late == {}
    # and each was a candidate of some morning
    assert {value for value in listed_in_may if identifiers[value].paper_id not in called_new} == set()
    # the newest version of each, and what was taken back is gone
    for value, row in identifiers.items():
        fact = arxiv.records[value]
        is_gone = fact.is_deleted or "withdrawn" in fact.comment
        assert row.paper.is_visible() is not is_gone, value
        if not fact.is_deleted and fact.changed_on in MAY and fact.changed_on not in OUTAGE:
            assert row.version == fact.version, value  # a listing tells it, a harvest does not
    assert SetAside.objects.count() == 0
    # what went wrong was told, and nothing else
    assert set(failures) == {*OUTAGE, STALE, HTML_PAGE}
    assert all("503" in error for day in OUTAGE for error in failures[day])
    assert failures[STALE] == ["no new id since Tuesday, 21 May, where Wednesday, 22 May was expected"]
    assert "HTML page" in failures[HTML_PAGE][0]
    assert source.runs.filter(state=SourceRun.State.LOST).count() == 1
    source.refresh_from_db()
    assert source.health().colour == "green"
