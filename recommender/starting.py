"""What a newcomer picks from, and what becomes of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from papers.models import Paper, Topic
from recommender import interactions
from recommender.engine.spread import well_spread
from recommender.features import papers_of
from recommender.interest_forms import LinesField
from recommender.models import Interaction, Interest
from recommender.published import model
from recommender.trending import by_points

OFFERED = 12
POPULAR = 150  # of the last days that have papers, from which those far apart are chosen
DAYS = timedelta(days=30)


def papers_to_pick_from() -> list[Paper]:
    """OFFERED papers that many noticed lately, as far apart as they can be."""
    published = Paper.objects.published()
    newest = published.order_by("-published_at").values_list("published_at", flat=True).first()
    if newest is None:
        return []
    popular = by_points(published.filter(published_at__gt=newest - DAYS), DAYS / 2).values_list("pk", flat=True)
    ids = list(popular[:POPULAR])
    ranker = model()
    vectors = ranker.ranker.known_.projection.transform(papers_of(ids, ranker))
    chosen = [ids[row] for row in well_spread(vectors, OFFERED)]
    rows = Paper.objects.for_lists().in_bulk(chosen)
    return [rows[pk] for pk in chosen]


class StartForm(forms.Form):
    """Adds to what a reader has said already; nothing is asked for, and nothing said is fine as well."""

    topics = forms.ModelMultipleChoiceField(
        Topic.objects.all(), required=False, widget=forms.CheckboxSelectMultiple, label=_("Topics")
    )
    sentences = LinesField(
        most=5,
        longest=500,
        required=False,
        label=_("What do you work on?"),
        help_text=_("A sentence or two, in your own words, each on its own line."),
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    papers = forms.ModelMultipleChoiceField(
        Paper.objects.none(), required=False, widget=forms.CheckboxSelectMultiple, label=_("Papers")
    )

    def __init__(self, data: Any = None) -> None:
        super().__init__(data)
        papers = self.fields["papers"]
        assert isinstance(papers, forms.ModelMultipleChoiceField)
        papers.queryset = Paper.objects.published()

    @transaction.atomic
    def save(self, user: User) -> None:
        interest, _created = Interest.objects.get_or_create(user=user, name="")
        interest.topics.add(*self.cleaned_data["topics"])
        interest.sentences = list(dict.fromkeys([*interest.sentences, *self.cleaned_data["sentences"]]))
        interest.save(update_fields=["sentences"])
        for paper in self.cleaned_data["papers"][:OFFERED]:
            interactions.record(user, paper, Interaction.Kind.MORE)
