"""How editions did, and who came and left: what the desk's numbers page shows.

Each figure is one count over an index that holds all it is counted by, so that no digest is opened (docs/decisions).
Whatever the span, the number of queries is the same.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple

from django.db.models import Count, QuerySet
from django.db.models.functions import TruncDay
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from newsletter.models import Bounce, Click, Digest, Edition, Subscription, SubscriptionChange, Vote

State = Digest.State
SPAN_DAYS = 28  # shown unless asked otherwise
MOST_DAYS = 366
MOST_REASONS = 20
WAITING = (State.COMPOSED, State.SENDING)
NOT_SENT = (State.SKIPPED, State.SUPPRESSED)
A_WEEK = timedelta(days=7)

REASONS = {  # shown to readers, by kind
    "read": _("because of what they read"),
    "topic": _("in a topic they follow"),
    "author": _("by an author they follow"),
    "interest": _("a sentence of their own"),
    "pick": _("picked by the editors"),
    "trending": _("trending"),
    "new": _("new"),
    "": _("unknown"),
}


class Span(NamedTuple):
    """Days, the last one included."""

    first: date
    last: date

    @classmethod
    def until(cls, last: date) -> Span:
        return cls(last - timedelta(days=SPAN_DAYS - 1), last)

    @property
    def weeks(self) -> list[date]:
        """The Mondays of all weeks that have a day in it."""
        monday = self.first - timedelta(days=self.first.weekday())
        return [monday + A_WEEK * number for number in range((self.last - monday).days // 7 + 1)]


class Week(NamedTuple):
    monday: date
    changes: Counter[str]  # by kind

    @property
    def next_monday(self) -> date:
        return self.monday + A_WEEK

    @property
    def won(self) -> int:
        return sum(self.changes[kind] for kind in SubscriptionChange.WON)

    @property
    def lost(self) -> int:
        return self.changes.total() - self.won


class EditionNumbers(NamedTuple):
    """One edition's figures; of all editions together where `edition` is None."""

    edition: Edition | None
    states: Counter[str]
    clicks: int
    votes: Counter[str]  # by kind
    bounces: Counter[str]  # by kind
    unsubscribed: int

    @property
    def composed(self) -> int:
        return self.states.total()

    @property
    def waiting(self) -> int:
        return sum(self.states[state] for state in WAITING)

    @property
    def bounced(self) -> int:
        return self.bounces[Bounce.Kind.HARD] + self.bounces[Bounce.Kind.SOFT]

    @property
    def complained(self) -> int:
        return self.bounces[Bounce.Kind.COMPLAINT]


class Numbers:
    """The editions of a span and what came of them."""

    def __init__(self, span: Span) -> None:
        self.span = span

    @cached_property
    def editions(self) -> list[Edition]:
        return list(Edition.objects.filter(date__range=self.span).order_by("date").only("pk", "date"))

    @cached_property
    def ids(self) -> list[int]:
        return [edition.pk for edition in self.editions]

    @cached_property
    def by_edition(self) -> list[EditionNumbers]:
        """Oldest first."""
        states: dict[int, Counter[str]] = defaultdict(Counter)
        for edition_id, state, _reason, n in self.digests:
            states[edition_id][state] += n
        votes = pairs(self.of(Vote), "kind")
        bounces = pairs(self.of(Bounce), "kind")
        clicks = Counter(dict(counted(self.clicks(), "edition")))
        left = self.of(SubscriptionChange).filter(kind=SubscriptionChange.Kind.UNSUBSCRIBED)
        unsubscribed = Counter(dict(counted(left, "edition")))
        return [
            EditionNumbers(
                edition,
                states[edition.pk],
                clicks[edition.pk],
                votes[edition.pk],
                bounces[edition.pk],
                unsubscribed[edition.pk],
            )
            for edition in self.editions
        ]

    @property
    def total(self) -> EditionNumbers:
        rows = self.by_edition
        return EditionNumbers(
            None,
            sum((row.states for row in rows), Counter()),
            sum(row.clicks for row in rows),
            sum((row.votes for row in rows), Counter()),
            sum((row.bounces for row in rows), Counter()),
            sum(row.unsubscribed for row in rows),
        )

    @cached_property
    def digests(self) -> list[tuple[int, str, str, int]]:
        """(edition id, state, reason, digests), by one walk along the index of these."""
        return list(counted(self.of(Digest), "edition", "state", "state_reason"))

    @property
    def why_not_sent(self) -> list[tuple[str, str, int]]:
        """(state, reason, digests), the most frequent first."""
        found: Counter[tuple[str, str]] = Counter()
        for _edition_id, state, reason, n in self.digests:
            if state in NOT_SENT:
                found[state, reason] += n
        rows = sorted((-n, state, reason) for (state, reason), n in found.items())
        return [(state, reason, -n) for n, state, reason in rows[:MOST_REASONS]]

    @cached_property
    def answers(self) -> dict[tuple[int | None, str], Counter[str]]:
        """(position, reason) -> clicks and votes of each kind."""
        found: dict[tuple[int | None, str], Counter[str]] = defaultdict(Counter)
        for position, reason, n in counted(self.clicks(), "position", "reason"):
            found[position, reason]["click"] += n
        for kind, position, reason, n in counted(self.of(Vote), "kind", "position", "reason"):
            found[position, reason][kind] += n
        return found

    @property
    def by_position(self) -> list[tuple[int | None, Counter[str]]]:
        """From the first on; None is of before positions were kept."""
        return sorted(merged((position, n) for (position, _), n in self.answers.items()), key=lambda row: row[0] or 999)

    @property
    def by_reason(self) -> list[tuple[str, Counter[str]]]:
        rows = merged((reason, n) for (_, reason), n in self.answers.items())
        return sorted(rows, key=lambda row: (-row[1].total(), row[0]))

    @cached_property
    def weeks(self) -> list[Week]:
        """Whole weeks, Monday to Sunday in UTC, also where the span begins or ends within one."""
        mondays = self.span.weeks
        first, end = (datetime.combine(day, time(), UTC) for day in (mondays[0], mondays[-1] + A_WEEK))
        changes: dict[date, Counter[str]] = defaultdict(Counter)
        days = SubscriptionChange.objects.filter(at__gte=first, at__lt=end).annotate(day=TruncDay("at", tzinfo=UTC))
        for day, kind, n in counted(days, "day", "kind"):
            changes[day.date() - timedelta(days=day.weekday())][kind] += n
        return [Week(monday, changes[monday]) for monday in mondays]

    def clicks(self) -> QuerySet[Any]:
        """Readers' own."""
        return self.of(Click).filter(scanner="")

    def of(self, model: Any) -> QuerySet[Any]:
        rows: QuerySet[Any] = model.objects.filter(edition__in=self.ids)
        return rows


def subscribers() -> int:
    """Who confirmed and has not left, paused or not."""
    return Subscription.objects.filter(
        confirmed_at__isnull=False, unsubscribed_at__isnull=True, user__is_active=True
    ).count()


def counted(rows: QuerySet[Any], *by: str) -> Iterator[tuple[Any, ...]]:
    yield from rows.order_by().values_list(*by).annotate(n=Count("*"))


def pairs(rows: QuerySet[Any], by: str) -> Mapping[int, Counter[str]]:
    """Edition id -> value -> rows."""
    found: dict[int, Counter[str]] = defaultdict(Counter)
    for edition_id, value, n in counted(rows, "edition", by):
        found[edition_id][value] = n
    return found


def merged(rows: Iterable[tuple[Any, Counter[str]]]) -> list[tuple[Any, Counter[str]]]:
    found: dict[Any, Counter[str]] = defaultdict(Counter)
    for key, n in rows:
        found[key].update(n)
    return list(found.items())
