"""The numbers page: how editions did, each figure with a link to the rows behind it for whoever may see them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe
from unfold.contrib.filters.admin import RangeDateTimeFilter

from newsletter.charts import Chart, Part, bars
from newsletter.models import Bounce, Click, Digest, Edition, SubscriptionChange, Vote
from newsletter.numbers import MOST_DAYS, REASONS, EditionNumbers, Numbers, Span, Week, subscribers
from papers.admin_base import ReadOnlyAdmin

Kind = SubscriptionChange.Kind
READERS_CLICKS = {"scanner__isempty": "1"}


@admin.register(SubscriptionChange)
class SubscriptionChangeAdmin(ReadOnlyAdmin):
    list_display = ["at", "reader", "kind", "edition"]
    list_filter = ["kind", ("at", RangeDateTimeFilter), "edition__date"]
    list_filter_submit = True
    list_select_related = ["subscription__user", "edition"]
    sortable_by = ["at"]
    search_fields = ["subscription__user__email"]
    search_help_text = _("The reader's e-mail address.")

    @admin.display(description=_("reader"))
    def reader(self, change: SubscriptionChange) -> str:
        return change.subscription.user.email if change.subscription else str(_("erased"))


class SpanForm(forms.Form):
    first = forms.DateField(label=_("From"), widget=forms.DateInput(attrs={"type": "date"}))
    last = forms.DateField(label=_("to"), widget=forms.DateInput(attrs={"type": "date"}))

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        first, last = cleaned.get("first"), cleaned.get("last")
        if first and last and not timedelta(0) <= last - first < timedelta(days=MOST_DAYS):
            self.add_error("last", _("Choose a day on or after the first, at most %d days in all.") % MOST_DAYS)
        return cleaned


class Figure(NamedTuple):
    """A column: what it counts, and the rows that it counts them in."""

    label: str | Promise
    of: Callable[[EditionNumbers], int]
    model: type[Model]
    where: dict[str, str]


FIGURES = [
    Figure(_("composed"), lambda row: row.composed, Digest, {}),
    Figure(_("waiting"), lambda row: row.waiting, Digest, {"state__in": "composed,sending"}),
    Figure(_("sent"), lambda row: row.states["sent"], Digest, {"state__exact": "sent"}),
    Figure(_("skipped"), lambda row: row.states["skipped"], Digest, {"state__exact": "skipped"}),
    Figure(_("suppressed"), lambda row: row.states["suppressed"], Digest, {"state__exact": "suppressed"}),
    Figure(_("failed"), lambda row: row.states["failed"], Digest, {"state__exact": "failed"}),
    Figure(_("uncertain"), lambda row: row.states["uncertain"], Digest, {"state__exact": "uncertain"}),
    Figure(_("bounced"), lambda row: row.bounced, Bounce, {"kind__in": "hard,soft"}),
    Figure(_("complained"), lambda row: row.complained, Bounce, {"kind__exact": "complaint"}),
    Figure(_("unsubscribed"), lambda row: row.unsubscribed, SubscriptionChange, {"kind__exact": "unsubscribe"}),
    Figure(_("clicks"), lambda row: row.clicks, Click, READERS_CLICKS),
    Figure(_("saved"), lambda row: row.votes["save"], Vote, {"kind__exact": "save"}),
    Figure(_("more"), lambda row: row.votes["more"], Vote, {"kind__exact": "more"}),
    Figure(_("less"), lambda row: row.votes["less"], Vote, {"kind__exact": "less"}),
]
# (title, (colour, column) of each part)
CHARTS = [
    (_("Digests"), [("good", 2), ("calm", 1), ("pale", 3), ("grey", 4), ("warn", 6), ("bad", 5)]),
    (_("What readers did"), [("good", 10), ("calm", 11), ("pale", 12), ("bad", 13)]),
    (_("What came back"), [("warn", 7), ("bad", 8), ("grey", 9)]),
]
ANSWERS = [("click", Click, READERS_CLICKS)] + [(kind, Vote, {"kind__exact": kind}) for kind in Vote.Kind.values]


class Cell(NamedTuple):
    n: int
    url: str


class Rows:
    """Addresses of the lists behind figures: empty for whoever may not see them."""

    def __init__(self, request: HttpRequest, span: Span) -> None:
        self.user = request.user
        self.span = span

    def url(self, model: type[Model], where: dict[str, Any], edition: Edition | None = None) -> str:
        name = model._meta.model_name
        if not self.user.has_perm(f"newsletter.view_{name}"):
            return ""
        return f"{reverse(f'admin:newsletter_{name}_changelist')}?{urlencode(where | self.within(model, edition))}"

    def within(self, model: type[Model], edition: Edition | None) -> dict[str, Any]:
        """Of a digest the edition's day and its own are the same, and its list is kept by its own."""
        if edition is not None:
            day = {"period__exact": edition.date} if model is Digest else {}
            return {"edition__id__exact": edition.pk} | day
        if model is Digest:
            return {"period__gte": self.span.first, "period__lte": self.span.last, "edition__isnull": "False"}
        return {"edition__date__gte": self.span.first, "edition__date__lte": self.span.last}

    def week(self, week: Week, kinds: tuple[str, ...]) -> str:
        if not self.user.has_perm("newsletter.view_subscriptionchange"):
            return ""
        first, end = (f"{day}T00:00:00+00:00" for day in (week.monday, week.next_monday))
        where = {"kind__in": ",".join(kinds), "at__gte": first, "at__lt": end}
        return f"{reverse('admin:newsletter_subscriptionchange_changelist')}?{urlencode(where)}"


@require_safe
def numbers(request: HttpRequest) -> HttpResponse:
    if not request.user.has_perm("newsletter.view_edition"):  # type: ignore[union-attr]
        raise PermissionDenied
    form = SpanForm(request.GET if {"first", "last"} & set(request.GET) else None)
    span = Span(form.cleaned_data["first"], form.cleaned_data["last"]) if form.is_valid() else usual_span()
    if not form.is_bound:
        form = SpanForm(initial=span._asdict())
    found, rows = Numbers(span), Rows(request, span)
    context = {
        **admin.site.each_context(request),
        "title": _("Numbers"),
        "form": form,
        "span": span,
        "subscribers": subscribers(),
        "columns": [figure.label for figure in FIGURES],
        "total": cells(found.total, rows),
        "editions": [(row.edition, cells(row, rows)) for row in reversed(found.by_edition)],
        "charts": [*(chart(title, parts, found, rows) for title, parts in CHARTS), weeks_chart(found, rows)],
        "why_not_sent": [
            (
                Digest.State(state).label,
                reason or _("no reason kept"),
                Cell(n, rows.url(Digest, {"state__exact": state, "state_reason__exact": reason})),
            )
            for state, reason, n in found.why_not_sent
        ],
        "answer_columns": [_("clicks"), *Vote.Kind.labels],
        "by_position": [
            (position or _("unknown"), answers(n, rows, at_position(position))) for position, n in found.by_position
        ],
        "by_reason": [
            (REASONS.get(reason, reason), answers(n, rows, {"reason__exact": reason})) for reason, n in found.by_reason
        ],
        "kinds": Kind.labels,
        "weeks": [
            (week, [Cell(week.changes[kind], rows.week(week, (kind,))) for kind in Kind.values])
            for week in reversed(found.weeks)
        ],
    }
    return TemplateResponse(request, "admin/newsletter/numbers.html", context)


def usual_span() -> Span:
    """Up to today, or to the newest edition of a publication that rests."""
    today = timezone.now().date()
    newest = Edition.objects.filter(date__lte=today).order_by("-date").values_list("date", flat=True).first()
    return Span.until(newest or today)


def cells(row: EditionNumbers, rows: Rows) -> list[Cell]:
    return [Cell(figure.of(row), rows.url(figure.model, figure.where, row.edition)) for figure in FIGURES]


def answers(n: Counter[str], rows: Rows, where: dict[str, Any]) -> list[Cell]:
    return [Cell(n[kind], rows.url(model, kinds | where)) for kind, model, kinds in ANSWERS]


def at_position(position: int | None) -> dict[str, Any]:
    return {"position__isnull": "True"} if position is None else {"position__exact": position}


def chart(title: str | Promise, parts: list[tuple[str, int]], found: Numbers, rows: Rows) -> Chart:
    columns = []
    for row in found.by_edition:
        drawn = cells(row, rows)
        day = short(row.edition.date) if row.edition else ""
        told = [(colour, drawn[number], FIGURES[number].label) for colour, number in parts]
        columns.append(
            (day, [Part(cell.n, colour, f"{day}: {cell.n} {label}", cell.url) for colour, cell, label in told])
        )
    return bars(title, [(colour, FIGURES[number].label) for colour, number in parts], columns)


def weeks_chart(found: Numbers, rows: Rows) -> Chart:
    won, lost = tuple(SubscriptionChange.WON), tuple(kind for kind in Kind if kind not in SubscriptionChange.WON)
    columns = [
        (
            short(week.monday),
            [
                Part(week.won, "good", f"{short(week.monday)}: {week.won} {_('won')}", rows.week(week, won)),
                Part(-week.lost, "bad", f"{short(week.monday)}: {week.lost} {_('lost')}", rows.week(week, lost)),
            ],
        )
        for week in found.weeks
    ]
    return bars(_("Subscribers won and lost by week"), [("good", _("won")), ("bad", _("lost"))], columns)


def short(day: date) -> str:
    return f"{day.day} {day:%b}"
