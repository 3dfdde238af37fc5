"""The editors' desk: editions and their picks, previews, and what became of every digest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from csp.decorators import csp_update
from django import forms
from django.contrib import admin, messages
from django.db import IntegrityError
from django.db.models import Count, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action
from unfold.widgets import UnfoldAdminEmailInputWidget, UnfoldAdminSelectWidget

from accounts.addresses import normalise_email
from newsletter.delivery import send_uncertain_again
from newsletter.experiments import judge, start, stop
from newsletter.models import (
    Bounce,
    Click,
    Digest,
    DigestQuerySet,
    Edition,
    Experiment,
    Pick,
    Subscription,
    Suppression,
)
from newsletter.subscriptions import reschedule
from newsletter.suppression import address_hashes, suppress
from papers.admin_base import AdminBase, ReadOnlyAdmin, StackedInline


class PickInline(StackedInline):
    model = Pick
    fields = ["paper", "note", "position"]
    autocomplete_fields = ["paper"]
    ordering_field = "position"
    hide_ordering_field = True
    extra = 0


class PreviewForm(forms.Form):
    """Whose digest, and how it is looked at."""

    email = forms.EmailField(label=_("Reader's e-mail address"), widget=UnfoldAdminEmailInputWidget)
    width = forms.TypedChoiceField(
        label=_("Window"),
        choices=[("800", _("wide")), ("360", _("narrow"))],
        empty_value="800",
        required=False,
        widget=UnfoldAdminSelectWidget,
    )
    scheme = forms.TypedChoiceField(
        label=_("Colours"),
        choices=[("light", _("light")), ("dark", _("dark"))],
        empty_value="light",
        required=False,
        widget=UnfoldAdminSelectWidget,
    )

    def clean_email(self) -> str:
        email = normalise_email(self.cleaned_data["email"])
        self.subscription = Subscription.objects.filter(user__email=email).select_related("user").first()
        if self.subscription is None:
            raise forms.ValidationError(_("No reader with a subscription has this address."))
        return email


@admin.register(Edition)
class EditionAdmin(AdminBase):
    inlines = [PickInline]
    list_display = ["date", "n_picks", "n_sent", "n_waiting", "n_skipped", "n_failed", "ranker"]
    list_filter = ["date"]
    list_select_related = ["ranker"]
    search_fields = ["note"]
    date_hierarchy = "date"
    fields = ["date", "note", "window_start", "window_end", "ranker"]
    autocomplete_fields: list[str] = []
    actions_detail = ["preview_as_reader"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["ranker"] if obj is None else ["date", "ranker"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Edition]:
        state = Digest.State
        editions: QuerySet[Edition] = (
            super()
            .get_queryset(request)
            .annotate(
                picks_count=Count("picks", distinct=True),
                sent_count=Count("digests", filter=Q(digests__state=state.SENT), distinct=True),
                waiting_count=Count(
                    "digests", filter=Q(digests__state__in=(state.COMPOSED, state.SENDING)), distinct=True
                ),
                skipped_count=Count("digests", filter=Q(digests__state=state.SKIPPED), distinct=True),
                failed_count=Count("digests", filter=Q(digests__state=state.FAILED), distinct=True),
            )
        )
        return editions

    @admin.display(description=_("picks"))
    def n_picks(self, edition: Any) -> int:
        return int(edition.picks_count)

    @admin.display(description=_("sent"), ordering="sent_count")
    def n_sent(self, edition: Any) -> int:
        return int(edition.sent_count)

    @admin.display(description=_("waiting"), ordering="waiting_count")
    def n_waiting(self, edition: Any) -> int:
        return int(edition.waiting_count)

    @admin.display(description=_("skipped"), ordering="skipped_count")
    def n_skipped(self, edition: Any) -> int:
        return int(edition.skipped_count)

    @admin.display(description=_("failed"), ordering="failed_count")
    def n_failed(self, edition: Any) -> int:
        return int(edition.failed_count)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        for pick_form in formset.forms:
            if formset.model is Pick and pick_form.instance.editor_id is None:
                pick_form.instance.editor = request.user
        super().save_formset(request, form, formset, change)

    @action(description=_("Preview as reader"), url_path="preview")
    @method_decorator(csp_update({"style-src": ["'unsafe-inline'"]}))
    def preview_as_reader(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The digest of a reader the editor chooses, as it would be sent now."""
        from newsletter.preview import preview_for  # brings the ranker along, which no command but a few needs

        edition = self.get_object(request, object_id)
        if edition is None or not self.has_view_permission(request, edition):
            raise Http404
        form = PreviewForm(request.GET if "email" in request.GET else {"email": request.user.get_username()})
        context = {
            **self.admin_site.each_context(request),
            "title": _("Preview as reader"),
            "opts": self.opts,
            "edition": edition,
            "form": form,
            "preview": preview_for(form.subscription, edition.date) if form.is_valid() and form.subscription else None,
        }
        return TemplateResponse(request, "newsletter/admin_preview.html", context)


@admin.register(Subscription)
class SubscriptionAdmin(AdminBase):
    list_display = [
        "user",
        "cadence",
        "hour",
        "time_zone",
        "n_papers",
        "confirmed_at",
        "next_digest_at",
        "unsubscribed_at",
    ]
    list_filter = [
        "cadence",
        ("confirmed_at", admin.EmptyFieldListFilter),
        ("unsubscribed_at", admin.EmptyFieldListFilter),
    ]
    list_select_related = ["user"]
    search_fields = ["user__email"]
    search_help_text = _("The reader's e-mail address.")
    raw_id_fields = ["user"]
    # Consent is the reader's own; the next turn follows from the rest.
    readonly_fields = ["confirmed_at", "unsubscribed_at", "next_digest_at", "created_at"]

    def save_model(self, request: HttpRequest, obj: Subscription, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        reschedule(obj)


@admin.register(Digest)
class DigestAdmin(ReadOnlyAdmin):
    list_display = ["period", "reader", "state", "state_reason", "subject", "attempts", "sent_at"]
    list_filter = ["state", "period"]
    list_select_related = ["subscription__user"]
    search_fields = ["subscription__user__email", "message_id"]
    search_help_text = _("The reader's e-mail address or a Message-ID.")
    date_hierarchy = "period"
    fields = [
        "reader",
        "edition",
        "period",
        "state",
        "state_reason",
        "web_copy",
        "subject",
        "message_id",
        "composed_at",
        "attempts",
        "next_attempt_at",
        "handed_over_at",
        "sent_at",
        "lease_until",
        "items",
    ]
    readonly_fields = ["reader", "web_copy"]
    actions = ["send_again"]

    @admin.display(description=_("reader"), ordering="subscription__user__email")
    def reader(self, digest: Digest) -> str:
        return digest.subscription.user.email

    @admin.display(description=_("web copy"))
    def web_copy(self, digest: Digest) -> SafeString | str:
        return format_html('<a href="{}">{}</a>', digest.get_absolute_url(), digest.subject) if digest.items else "-"

    @admin.action(description=_("Send uncertain ones again, with the same Message-ID"), permissions=["resend"])
    def send_again(self, request: HttpRequest, digests: DigestQuerySet) -> None:
        count = send_uncertain_again(digests)
        messages.success(request, _("%d digests are sent again by the next sweep.") % count)

    def has_resend_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("newsletter.change_digest")  # type: ignore[union-attr]


@admin.register(Click)
class ClickAdmin(ReadOnlyAdmin):
    list_display = ["at", "reader", "paper", "link", "scanner"]
    list_filter = ["link", ("scanner", admin.EmptyFieldListFilter)]
    list_select_related = ["digest__subscription__user", "paper"]
    search_fields = ["digest__subscription__user__email"]
    date_hierarchy = "at"

    @admin.display(description=_("reader"))
    def reader(self, click: Click) -> str:
        return click.digest.subscription.user.email


@admin.register(Bounce)
class BounceAdmin(ReadOnlyAdmin):
    list_display = ["at", "reader", "kind", "said"]
    list_filter = ["kind"]
    list_select_related = ["digest__subscription__user"]
    search_fields = ["digest__subscription__user__email"]
    date_hierarchy = "at"

    @admin.display(description=_("reader"))
    def reader(self, bounce: Bounce) -> str:
        return bounce.digest.subscription.user.email


@admin.register(Experiment)
class ExperimentAdmin(AdminBase):
    """Set up, start, look at. The rule is fixed once it runs; before it is fulfilled the counts decide nothing."""

    list_display = ["name", "state", "ranker_a", "ranker_b", "started_at", "stopped_at"]
    list_filter = ["state"]
    list_select_related = ["ranker_a", "ranker_b"]
    search_fields = ["name"]
    actions_detail = ["start", "stop"]
    fields = [
        "name",
        "ranker_a",
        "ranker_b",
        "readers_wanted",
        "last_day",
        "state",
        "started_at",
        "stopped_at",
        "result",
    ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        always = ["state", "started_at", "stopped_at", "result"]
        is_draft = obj is None or obj.state == Experiment.State.DRAFT
        return always if is_draft else [*always, "ranker_a", "ranker_b", "readers_wanted", "last_day"]

    @admin.display(description=_("result"))
    def result(self, experiment: Experiment) -> SafeString | str:
        if experiment.started_at is None:
            return "-"
        found = judge(experiment)
        return render_to_string("newsletter/admin_experiment.html", {"experiment": experiment, "found": found})

    @action(description=_("Start"), url_path="start", permissions=["change"])
    def start(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._confirm(request, object_id, Experiment.State.DRAFT, start)

    @action(description=_("Stop"), url_path="stop", permissions=["change"])
    def stop(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._confirm(request, object_id, Experiment.State.RUNNING, stop)

    def _confirm(
        self, request: HttpRequest, object_id: str, state: str, act: Callable[[Experiment], None]
    ) -> HttpResponse:
        """An action of the detail page is a link, so it asks, and the button posts."""
        experiment = self.get_object(request, object_id)
        if experiment is None:
            raise Http404
        back = redirect("admin:newsletter_experiment_change", experiment.pk)
        if experiment.state != state:
            messages.error(request, _("It is %s already.") % experiment.get_state_display())
            return back
        if request.method == "POST":
            try:
                act(experiment)
            except IntegrityError:
                messages.error(request, _("Another experiment is running: stop it first."))
            return back
        context = {**self.admin_site.each_context(request), "title": experiment.name, "opts": self.opts}
        return TemplateResponse(request, "newsletter/admin_confirm.html", context | {"experiment": experiment})


class SuppressionForm(forms.ModelForm):
    address = forms.EmailField(label=_("Address"))

    class Meta:
        model = Suppression
        fields = ["address", "reason", "note"]


@admin.register(Suppression)
class SuppressionAdmin(AdminBase):
    """Adding suppresses an address, deleting lifts it. Searching finds the address of an erased reader by its hash."""

    list_display = ["__str__", "reason", "note", "at"]
    list_filter = ["reason"]
    search_fields = ["address"]
    search_help_text = _("An e-mail address.")
    date_hierarchy = "at"
    readonly_fields = ["at"]

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        return super().get_form(request, obj, change, **({} if obj else {"form": SuppressionForm}), **kwargs)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["address", "address_hash", "at"] if obj else []

    def save_model(self, request: HttpRequest, obj: Suppression, form: Any, change: bool) -> None:
        if change:
            super().save_model(request, obj, form, change)
            return
        obj.pk = suppress(obj.address, obj.reason, obj.note).pk

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Suppression], search_term: str
    ) -> tuple[QuerySet[Suppression], bool]:
        found, may_repeat = super().get_search_results(request, queryset, search_term)
        if "@" in search_term:
            found |= queryset.filter(address_hash__in=address_hashes(search_term))
        return found, may_repeat
