"""What readers did and said, and the rankers learnt from it, as the editors see them."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import (
    AutocompleteSelectFilter,
    ChoicesDropdownFilter,
    RangeDateTimeFilter,
)
from unfold.decorators import display
from unfold.forms import ActionForm

from papers.admin_base import ReadOnlyAdmin
from recommender import list_admin as list_admin  # registers its own model
from recommender.models import Interaction, Interest, RankerVersion


@admin.register(Interaction)
class InteractionAdmin(ReadOnlyAdmin):
    list_display = ["user", "kind", "title", "source", "when"]
    list_filter = [
        ("kind", ChoicesDropdownFilter),
        ("source", ChoicesDropdownFilter),
        ("at", RangeDateTimeFilter),
        ("user", AutocompleteSelectFilter),
        ("paper", AutocompleteSelectFilter),
    ]
    list_filter_submit = True
    list_select_related = ["user", "paper"]
    search_fields = ["user__email", "paper__title"]
    ordering = ["-at", "-pk"]
    fields = ["user", "paper", "kind", "source", "at", "at_is_known"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Interaction]:
        interactions: QuerySet[Interaction] = super().get_queryset(request)
        return interactions.defer("paper__abstract", "paper__raw_abstract", "paper__raw_title")

    @display(description=_("paper"), ordering="paper__title")
    def title(self, interaction: Interaction) -> str:
        return Truncator(interaction.paper.title).chars(90)

    @display(description=_("at"), ordering="at")
    def when(self, interaction: Interaction) -> object:
        return interaction.at if interaction.at_is_known else _("unknown")


@admin.register(Interest)
class InterestAdmin(ReadOnlyAdmin):
    """What readers say of themselves, which only they change."""

    list_display = ["user", "n_topics", "n_authors", "n_sentences"]
    list_filter = [("topics", AutocompleteSelectFilter)]
    list_filter_submit = True
    list_select_related = ["user"]
    search_fields = ["user__email"]
    ordering = ["user__email"]
    fields = ["user", "topics", "authors", "sentences", "muted_words"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Interest]:
        interests: QuerySet[Interest] = super().get_queryset(request)
        return interests.annotate(n_topics=Count("topics", distinct=True), n_authors=Count("authors", distinct=True))

    @display(description=_("topics"), ordering="n_topics")
    def n_topics(self, interest: Interest) -> int:
        return int(interest.n_topics)  # type: ignore[attr-defined]

    @display(description=_("authors"), ordering="n_authors")
    def n_authors(self, interest: Interest) -> int:
        return int(interest.n_authors)  # type: ignore[attr-defined]

    @display(description=_("sentences"))
    def n_sentences(self, interest: Interest) -> int:
        return len(interest.sentences)


class PublishForm(ActionForm):
    """Keeps which version was in use when the list was opened."""

    instead_of = forms.CharField(label="", required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        in_use = RankerVersion.in_use()
        self.fields["instead_of"].initial = in_use.pk if in_use else ""


@admin.register(RankerVersion)
class RankerVersionAdmin(ReadOnlyAdmin):
    list_display = [
        "name",
        "labelled_state",
        "recall",
        "popularity_recall",
        "n_interactions",
        "created_at",
        "published_at",
    ]
    list_filter = ["state"]
    search_fields = ["name", "state_reason"]
    ordering = ["-created_at"]
    actions = ["publish"]
    action_form = PublishForm
    change_form_outer_before_template = "admin/recommender/rankerversion/publish.html"
    fields = [
        "name",
        "state",
        "state_reason",
        "created_at",
        "published_at",
        "measurements",
        "plots",
        "what_it_learnt_from",
        "notes",
    ]
    readonly_fields = ["measurements", "plots", "what_it_learnt_from", "notes"]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """With the list's own action as a button, unless it is the one in use."""
        in_use = RankerVersion.in_use()
        may_publish = self.has_publish_permission(request) and str(in_use and in_use.pk) != object_id
        context = (extra_context or {}) | {"in_use": in_use, "may_publish": may_publish}
        response: HttpResponse = super().change_view(request, object_id, form_url, context)
        return response

    def has_publish_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("recommender.change_rankerversion")

    @admin.action(description=_("Publish, or roll back to, the selected version"), permissions=["publish"])
    def publish(self, request: HttpRequest, queryset: QuerySet[RankerVersion]) -> None:
        # Every process discovers the admin: scikit-learn's second and a half is for those that need it.
        from recommender.engine.errors import ArtifactError
        from recommender.published import load
        from recommender.training import PublishedMeanwhile, publish_version

        versions = list(queryset[:2])
        if len(versions) != 1:
            self.message_user(request, _("Select one version."), messages.WARNING)
            return
        try:
            load(versions[0].name)
        except ArtifactError as error:
            self.message_user(request, _("Nothing has changed. %s") % error, messages.ERROR)
            return
        try:
            publish_version(versions[0], instead_of=request.POST.get("instead_of"))
        except PublishedMeanwhile as error:
            self.message_user(request, who_was_first(error.version), messages.ERROR)
            return
        self.log_change(request, versions[0], _("Published"))
        self.message_user(request, _("%s is published: it ranks from now on.") % versions[0], messages.SUCCESS)

    @display(
        description=_("state"),
        ordering="state",
        label={
            RankerVersion.State.PUBLISHED: "success",
            RankerVersion.State.TRAINED: "info",
            RankerVersion.State.REJECTED: "danger",
        },
    )
    def labelled_state(self, version: RankerVersion) -> tuple[str, str]:
        return version.state, version.get_state_display()

    @display(description="recall@20")
    def recall(self, version: RankerVersion) -> str:
        return measured(version, "ranker", "recall@20")

    @display(description=_("popularity's"))
    def popularity_recall(self, version: RankerVersion) -> str:
        return measured(version, "popularity", "recall@20")

    @display(description=_("interactions"))
    def n_interactions(self, version: RankerVersion) -> object:
        return version.manifest.get("counts", {}).get("interactions", "–")

    @display(description=_("measurements"))
    def measurements(self, version: RankerVersion) -> str:
        """A row a ranker, a column a metric, each with its interval over readers."""
        metrics: dict[str, dict[str, float]] = version.manifest.get("metrics", {})
        if not metrics:
            return str(_("Nothing was measured."))
        from recommender.engine.evaluation import METRICS  # brings the mathematics, which only this page needs

        intervals = version.manifest.get("intervals", {})
        rows = [
            [name, *(with_interval(metrics[name].get(of), intervals.get(name, {}).get(of)) for of in METRICS)]
            for name in sorted(metrics, key=lambda name: -metrics[name].get("ndcg@10", 0))
        ]
        return table(rows, head=["", *METRICS])

    @display(description=_("plots"))
    def plots(self, version: RankerVersion) -> str:
        from recommender.plots import figures_of, inline  # matplotlib's second is for those who look

        captions = {
            "metrics": _("Each ranker, with 95% intervals over readers"),
            "reliability": _("The chance that the ranker gave, and the share of papers that readers took"),
        }
        if version.manifest.get("guesses_chances"):
            captions["reliability"] = _(
                "The chance that the ranker gave, and the share of papers that readers took: a rule of thumb so far, "
                "until twenty readers have read papers both old and new"
            )
        images = [(captions[name], inline(figure)) for name, figure in figures_of(version.manifest).items()]
        return render_to_string("admin/recommender/plots.html", {"images": images}) if images else "–"

    @display(description=_("what it learnt from"))
    def what_it_learnt_from(self, version: RankerVersion) -> str:
        """The manifest's plain values: cut-off, counts, seconds, libraries."""
        manifest = version.manifest
        rows = [[name, manifest[name]] for name in ("data_cutoff", "encoder") if name in manifest]
        for group in ("counts", "held_out", "seconds", "versions"):
            rows += [[f"{group}: {name}", value] for name, value in manifest.get(group, {}).items()]
        return table(rows)

    @display(description=_("notes"))
    def notes(self, version: RankerVersion) -> str:
        return "\n".join(version.manifest.get("notes", [])) or "–"


def who_was_first(in_use: RankerVersion | None) -> str:
    """To the second of two editors, or to one whom a training was ahead of."""
    if in_use is None:
        return str(
            _("No ranker is in use any more, and nothing of yours was done. Look at the list, and choose again.")
        )
    kind = ContentType.objects.get_for_model(RankerVersion)
    last = LogEntry.objects.filter(content_type=kind, object_id=str(in_use.pk)).select_related("user").first()
    told = _(
        "%(who)s published %(version)s after you opened the list, and nothing of yours was done. Look at it, and "
        "choose again."
    )
    return str(told % {"who": last.user if last else _("A training"), "version": in_use})


def measured(version: RankerVersion, ranker: str, metric: str) -> str:
    value = version.manifest.get("metrics", {}).get(ranker, {}).get(metric)
    return "–" if value is None else f"{value:.4f}"


def with_interval(value: float | None, interval: list[float] | None) -> str:
    if value is None:
        return "–"
    return f"{value:.4f} [{interval[0]:.4f}, {interval[1]:.4f}]" if interval else f"{value:.4f}"


def table(rows: list[list[Any]], head: list[str] | None = None) -> str:
    return render_to_string("admin/recommender/table.html", {"rows": rows, "head": head})
