"""Readers as the newsletter knows them: what they asked for, and whom nobody may mail."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from newsletter.models import Subscription, Suppression
from newsletter.subscription_changes import note_changes_of
from newsletter.subscriptions import reschedule
from newsletter.suppression import address_hashes, suppress
from papers.admin_base import AdminBase


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
