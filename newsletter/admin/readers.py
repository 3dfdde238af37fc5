"""Readers as the newsletter knows them: what they asked for, and whom nobody may mail."""

from __future__ import annotations

from functools import partial
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Max, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminEmailInputWidget

from newsletter import reader_desk
from newsletter.admin.why import why_view
from newsletter.edition_desk import DeskError
from newsletter.models import Bounce, Digest, Edition, Subscription, Suppression
from newsletter.subscription_changes import note_changes_of
from newsletter.subscriptions import reschedule
from newsletter.suppression import address_hashes, suppress, suppression_of
from papers.admin_base import AdminBase
from recommender.models import Interaction

DIGESTS_SHOWN = 10


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
    search_help_text = _("The reader's e-mail address. Who never proved one has no subscription: see Users.")
    raw_id_fields = ["user"]
    # Consent is the reader's own; the next turn follows from the rest.
    readonly_fields = ["confirmed_at", "unsubscribed_at", "next_digest_at", "created_at"]
    change_form_outer_before_template = "admin/newsletter/subscription/reader.html"

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return [*self.readonly_fields, *(["user"] if obj else [])]  # a reader's consent is nobody else's

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        subscription = self.get_object(request, object_id)
        if subscription is not None:
            extra_context = (extra_context or {}) | self.reader(request, subscription)
        response: HttpResponse = super().change_view(request, object_id, form_url, extra_context)
        return response

    def reader(self, request: HttpRequest, subscription: Subscription) -> dict[str, Any]:
        """What stands above the form: a dozen queries, however long they have read."""
        user = subscription.user
        digests = subscription.digests.order_by("-period").annotate(
            n_clicks=Count("clicks", filter=Q(clicks__scanner=""), distinct=True), n_votes=Count("votes", distinct=True)
        )
        may_change = self.has_change_permission(request, subscription)
        has_perm = request.user.has_perm  # type: ignore[union-attr]
        return {
            "subscription": subscription,
            "seen_as": reader_desk.mark(subscription),
            "is_paused": reader_desk.is_paused(subscription),
            "suppression": suppression_of(user.email),
            "digests": list(digests.defer("items")[:DIGESTS_SHOWN]),
            "bounces": list(Bounce.objects.filter(digest__subscription=subscription)[:DIGESTS_SHOWN]),
            "done": Interaction.objects.filter(user=user).aggregate(n=Count("pk"), last=Max("at")),
            "may_pause": may_change and not subscription.unsubscribed_at,
            "may_resend": has_perm("newsletter.change_digest"),
            "may_erase": has_perm("accounts.delete_user"),
            "may_see_editions": has_perm("newsletter.view_edition"),
            "may_see_rankers": has_perm("newsletter.view_edition") and has_perm("recommender.view_rankerversion"),
            "today": Edition.objects.filter(date=timezone.now().date()).first(),
            "log": list(log_of(subscription)),
        }

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        own = [
            path("why/", wrap(partial(why_view, self)), name="newsletter_subscription_why"),
            path("<int:pk>/do/<str:what>/", wrap(self.do), name="newsletter_subscription_do"),
        ]
        return [*own, *super().get_urls()]

    def do(self, request: HttpRequest, pk: int, what: str) -> HttpResponse:
        """A button of the reader's page: pause or resume."""
        subscription = get_object_or_404(Subscription, pk=pk)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.has_change_permission(request, subscription):
            raise PermissionDenied
        seen_as = request.POST.get("seen_as", "")
        form = PauseForm(request.POST)
        try:
            if what == "pause" and form.is_valid():
                until = form.cleaned_data["until"]
                reader_desk.pause(pk, until, seen_as=seen_as)
                done = _("Paused until %s.") % until if until else _("Paused until somebody resumes it.")
            elif what == "pause":
                raise DeskError(_("The day is not a date: write it as 2026-01-31."))
            elif what == "resume":
                resumed = reader_desk.resume(pk, request.POST.get("cadence", ""), seen_as=seen_as)
                done = _("Resumed: %s.") % resumed.get_cadence_display()
            else:
                raise Http404
        except DeskError as error:
            messages.error(request, str(error))
        else:
            self.log_change(request, subscription, str(done))
            messages.success(request, done)
        return redirect("admin:newsletter_subscription_change", pk)

    def save_model(self, request: HttpRequest, obj: Subscription, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        reschedule(obj)


class PauseForm(forms.Form):
    until = forms.DateField(required=False)


def log_of(subscription: Subscription) -> QuerySet[LogEntry]:
    """Who did what for this reader: with their subscription, their digests, their account."""
    kinds = ContentType.objects.get_for_models(Subscription, Digest, type(subscription.user))
    digests = [str(pk) for pk in subscription.digests.order_by("-period").values_list("pk", flat=True)[:DIGESTS_SHOWN]]
    about = (
        Q(content_type=kinds[Subscription], object_id=str(subscription.pk))
        | Q(content_type=kinds[Digest], object_id__in=digests)
        | Q(content_type=kinds[type(subscription.user)], object_id=str(subscription.user_id))
    )
    return LogEntry.objects.filter(about).select_related("user", "content_type")[:20]


class SuppressionForm(forms.ModelForm):
    address = forms.EmailField(label=_("Address"), widget=UnfoldAdminEmailInputWidget)

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
        note_changes_of([obj.address])

    def delete_model(self, request: HttpRequest, obj: Suppression) -> None:
        super().delete_model(request, obj)
        note_changes_of([obj.address])

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Suppression]) -> None:
        addresses = list(queryset.values_list("address", flat=True))
        super().delete_queryset(request, queryset)
        note_changes_of(addresses)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Suppression], search_term: str
    ) -> tuple[QuerySet[Suppression], bool]:
        found, may_repeat = super().get_search_results(request, queryset, search_term)
        if "@" in search_term:
            found |= queryset.filter(address_hash__in=address_hashes(search_term))
        return found, may_repeat
