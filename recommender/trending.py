"""What readers are on at the moment.

    points(paper) = sum over its interactions of WEIGHTS[kind] * 0.5 ** (age of the interaction / half-life)
                  + ln(1 + the source's upvotes)              * 0.5 ** (age of the paper / half-life)

Ages are counted back from now; the half-life is half the length of the window, at least a day, so that a month's page
is not this week's. A reader counts once for each kind on a paper, however often it happened. What was imported without
a time says nothing about now and is left out, and so is "less": not wanting a paper is a matter of taste, not of rank.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Case, DateTimeField, F, FloatField, Func, OuterRef, Subquery, Sum, Value, When
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce, Least, Ln, Power
from django.utils import timezone

from papers.models import Paper, PaperQuerySet, Topic
from recommender.models import Interaction

WEIGHTS: dict[str, float] = {
    Interaction.Kind.CLICK: 1,
    Interaction.Kind.READ: 1,
    Interaction.Kind.MORE: 2,
    Interaction.Kind.SAVE: 3,
    Interaction.Kind.UPVOTE: 3,
}
SHORTEST_HALF_LIFE = timedelta(days=1)
FADED = 500.0  # half-lives after which age no longer counts: PostgreSQL refuses what is too small for a double


def trending(start: datetime, end: datetime, topic: Topic | None = None, limit: int = 50) -> list[Paper]:
    """The visible papers announced in [start, end), the most trending first, ready for a list. Four queries."""
    half_life = max((end - start) / 2, SHORTEST_HALF_LIFE)
    papers = Paper.objects.published().between(start, end)
    if topic:
        papers = papers.filter(topics=topic)
    return list(by_points(papers, half_life).for_lists()[:limit])


def by_points(papers: PaperQuerySet, half_life: timedelta) -> PaperQuerySet:
    weight = Case(*(When(kind=kind, then=Value(points)) for kind, points in WEIGHTS.items()))
    from_readers = (
        Interaction.objects.filter(paper=OuterRef("pk"), kind__in=WEIGHTS, at_is_known=True)
        .values("paper")
        .annotate(points=Sum(weight * _decay("at", half_life), output_field=FloatField()))
        .values("points")
    )
    from_source = Ln(F("upvotes") + 1.0) * _decay("published_at", half_life)
    return papers.annotate(
        points=Coalesce(Subquery(from_readers), 0.0, output_field=FloatField()) + from_source
    ).order_by("-points", "-published_at", "-id")


def _decay(instant: str, half_life: timedelta) -> Combinable:
    age = _Days(Value(timezone.now(), DateTimeField())) - _Days(F(instant))
    half_lives = Least(age / (half_life / timedelta(days=1)), FADED, output_field=FloatField())
    return Power(Value(0.5), half_lives, output_field=FloatField())


class _Days(Func):
    """An instant as a number of days, from whichever day the database counts."""

    function = "julianday"
    arity = 1
    output_field = FloatField()

    def as_postgresql(self, compiler, connection, **extra):  # type: ignore[no-untyped-def]
        return self.as_sql(
            compiler, connection, template="(EXTRACT(EPOCH FROM %(expressions)s) / 86400)::double precision", **extra
        )
