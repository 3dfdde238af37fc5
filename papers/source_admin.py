"""The editors' view of where papers come from: every source green or red and since when, what was set aside, merges."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from celery.exceptions import CeleryError
from django import forms
from django.contrib import admin, messages
from django.db import transaction
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from kombu.exceptions import OperationalError as BrokerError
from unfold.decorators import display

from papers.admin_base import AdminBase, ReadOnlyAdmin
from papers.merging import CannotMerge, merge, take_apart
from papers.models import Merge, SetAside, Source, SourceRun
from papers.set_aside import StillRefused, take_mended
from papers.sources import kinds
from papers.tasks import fetch_source


class SourceForm(forms.ModelForm):
    kind = forms.ChoiceField(label=_("kind"), choices=lambda: [(kind.name, kind.label) for kind in kinds().values()])

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        kind = kinds().get(values.get("kind", ""))
        if kind and not kind.url and not values.get("url"):
            self.add_error("url", _("A source of this kind needs an address."))
        return values


@admin.register(Source)
class SourceAdmin(AdminBase):
    form = SourceForm
    list_display = ["name", "health", "since", "kind_label", "last_run_at", "newest_at", "last_counts", "last_error"]
    list_filter = ["enabled", "kind"]
    search_fields = ["name", "query", "last_error"]
    autocomplete_fields = ["topics"]
    readonly_fields = ["what_to_ask", "last_run_at", "last_success_at", "newest_at", "complete_until", "next_run_at",
                       "failing_since", "last_error"]  # fmt: skip
    actions = ["run_now", "enable", "disable"]
    fieldsets = [
        (None, {"fields": ["name", "kind", "enabled", "url", "query", "what_to_ask", "topics"]}),
        (_("When"), {"fields": ["every_minutes", "expects", "quiet_days"]}),
        (_("How it goes"), {"fields": ["last_run_at", "last_success_at", "newest_at", "complete_until", "next_run_at",
                                       "failing_since", "last_error"]}),
    ]  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Source]:
        last = SourceRun.objects.filter(source=OuterRef("pk")).order_by("-started_at", "-id")
        counts = {f"last_{name}": Subquery(last.values(name)[:1]) for name in ("added", "updated", "set_aside")}
        sources: QuerySet[Source] = super().get_queryset(request)
        return sources.annotate(**counts)

    @display(description=_("state"), label={"green": "success", "red": "danger", "off": "info", "new": "info"})
    def health(self, source: Source) -> tuple[str, Any]:
        health = source.health()
        return health.colour, health.words

    @display(description=_("since"), ordering="failing_since")
    def since(self, source: Source) -> str:
        since = source.health().since
        return f"{since:%Y-%m-%d %H:%M} ({timesince(since, depth=1)})" if since else "–"

    @display(description=_("kind"), ordering="kind")
    def kind_label(self, source: Source) -> str:
        return kinds()[source.kind].label if source.kind in kinds() else source.kind

    @display(description=_("last: added, updated, set aside"))
    def last_counts(self, source: Any) -> str:
        return (
            "–" if source.last_added is None else f"{source.last_added}, {source.last_updated}, {source.last_set_aside}"
        )

    @display(description=_("what the query is"))
    def what_to_ask(self, source: Source) -> str:
        return kinds()[source.kind].ask if source.kind in kinds() else "–"

    @admin.action(description=_("Run now"))
    def run_now(self, request: HttpRequest, sources: QuerySet[Source]) -> None:
        pks = list(sources.values_list("pk", flat=True))
        Source.objects.filter(pk__in=pks).update(next_run_at=None)
        self.log_each(request, sources, "Run now")
        transaction.on_commit(partial(ask_for, pks))
        self.message_user(request, ngettext("%d source will run now.", "%d sources will run now.", len(pks)) % len(pks))

    @admin.action(description=_("Enable"))
    def enable(self, request: HttpRequest, sources: QuerySet[Source]) -> None:
        self.log_each(request, sources.filter(enabled=False), "Enabled")
        sources.update(enabled=True)

    @admin.action(description=_("Disable"))
    def disable(self, request: HttpRequest, sources: QuerySet[Source]) -> None:
        self.log_each(request, sources.filter(enabled=True), "Disabled")
        sources.update(enabled=False)


def ask_for(pks: list[int]) -> None:
    """Without a broker nothing is lost: the schedule finds what is due within five minutes."""
    for pk in pks:
        try:
            fetch_source.delay(pk)
        except (BrokerError, CeleryError):
            return


@admin.register(SourceRun)
class SourceRunAdmin(ReadOnlyAdmin):
    list_display = [
        "source",
        "state_label",
        "started_at",
        "ended_at",
        "added",
        "updated",
        "unchanged",
        "set_aside",
        "error",
    ]
    list_filter = ["state", "source"]
    search_fields = ["source__name", "error"]
    list_select_related = ["source"]
    date_hierarchy = "started_at"

    @display(description=_("state"), ordering="state",
             label={"done": "success", "failed": "danger", "lost": "warning", "running": "info"})  # fmt: skip
    def state_label(self, run: SourceRun) -> tuple[str, Any]:
        return run.state, run.get_state_display()


@admin.register(SetAside)
class SetAsideAdmin(AdminBase):
    list_display = ["reason", "source", "short_place", "state", "at"]
    list_filter = ["state", "source"]
    list_select_related = ["source"]
    search_fields = ["reason", "place", "entry"]
    date_hierarchy = "at"
    fields = ["reason", "source", "place", "state", "at", "as_it_came", "record"]
    readonly_fields = ["reason", "source", "place", "state", "at", "as_it_came"]
    actions = ["try_again", "drop"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    @display(description=_("place"))
    def short_place(self, entry: SetAside) -> str:
        return entry.place[-60:]

    @display(description=_("as it came"))
    def as_it_came(self, entry: SetAside) -> SafeString:
        return format_html("<pre class='whitespace-pre-wrap'>{}</pre>", entry.entry)

    @admin.action(description=_("Try again"))
    def try_again(self, request: HttpRequest, entries: QuerySet[SetAside]) -> None:
        n_taken = 0
        for entry in entries:
            try:
                take_mended(entry)
                self.log_change(request, entry, "Taken")
                n_taken += 1
            except StillRefused as error:
                self.message_user(request, f"{entry.short_name}: {error}", messages.ERROR)
        if n_taken:
            self.message_user(request, ngettext("%d entry was taken.", "%d entries were taken.", n_taken) % n_taken)

    @admin.action(description=_("Drop"))
    def drop(self, request: HttpRequest, entries: QuerySet[SetAside]) -> None:
        self.log_each(request, entries.exclude(state=SetAside.State.DROPPED), "Dropped")
        entries.update(state=SetAside.State.DROPPED)

    def save_model(self, request: HttpRequest, obj: SetAside, form: Any, change: bool) -> None:
        """Mending is trying: what an editor saves is taken at once, or the reason is shown."""
        super().save_model(request, obj, form, change)
        if "record" in form.changed_data:
            try:
                take_mended(obj)
                self.message_user(request, _("The paper was taken."))
            except StillRefused as error:
                self.message_user(request, str(error), messages.ERROR)


MAY_DO = {
    Merge.State.PROPOSED: ["merge_them", "they_are_two"],
    Merge.State.DONE: ["undo"],
    Merge.State.UNDONE: ["merge_them"],
    Merge.State.DECLINED: ["merge_them"],
}


@admin.register(Merge)
class MergeAdmin(ReadOnlyAdmin):
    list_display = ["kept_title", "absorbed_title", "reason", "state", "at"]
    list_filter = ["state"]
    list_select_related = ["kept", "absorbed"]
    search_fields = ["kept__title", "absorbed__title", "reason"]
    fields = ["kept", "absorbed", "state", "reason", "at", "what_moved"]
    readonly_fields = ["what_moved"]
    actions = ["merge_them", "they_are_two", "undo"]
    change_form_outer_before_template = "admin/papers/merge/decide.html"

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("papers.change_merge")  # type: ignore[union-attr]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """There is nothing to save on it; what may be decided are the list's own actions, a button each."""
        row = self.get_object(request, object_id)
        may = row is not None and self.has_change_permission(request, row)
        names = MAY_DO[Merge.State(row.state)] if may else []
        context = {
            "choices": [(name, getattr(self, name).short_description) for name in names],
            "show_save": False,
            "show_save_and_continue": False,
        }
        response: HttpResponse = super().change_view(request, object_id, form_url, (extra_context or {}) | context)
        return response

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return self.fields  # type: ignore[return-value]

    @display(description=_("kept"), ordering="kept")
    def kept_title(self, row: Merge) -> str:
        return f"{row.kept} ({row.kept.published_at:%Y})"

    @display(description=_("absorbed"), ordering="absorbed")
    def absorbed_title(self, row: Merge) -> str:
        return f"{row.absorbed} ({row.absorbed.published_at:%Y})"

    @display(description=_("what was moved and changed"))
    def what_moved(self, row: Merge) -> SafeString:
        told = json.dumps({"moved": row.moved, "changed": row.changed}, indent=2, ensure_ascii=False)
        return format_html("<pre class='whitespace-pre-wrap'>{}</pre>", told)

    @admin.action(description=_("Merge: they are one paper"))
    def merge_them(self, request: HttpRequest, rows: QuerySet[Merge]) -> None:
        waiting = rows.exclude(state=Merge.State.DONE)

        def do(row: Merge) -> None:
            merge(row.kept, row.absorbed, f"{row.reason}; by {request.user}")

        self._each(request, rows, waiting, do, "Merged")

    @admin.action(description=_("Decline: they are two papers"))
    def they_are_two(self, request: HttpRequest, rows: QuerySet[Merge]) -> None:
        self._each(request, rows, rows.filter(state=Merge.State.PROPOSED), decline, "Declined: two papers")

    @admin.action(description=_("Take apart again"))
    def undo(self, request: HttpRequest, rows: QuerySet[Merge]) -> None:
        self._each(request, rows, rows.filter(state=Merge.State.DONE), take_apart, "Taken apart")

    def _each(self, request: HttpRequest, chosen: QuerySet[Merge], rows: QuerySet[Merge], do: Any, done: str) -> None:
        """Those of the chosen that are still as it takes; of the others, what became of them meanwhile."""
        pks = set(rows.values_list("pk", flat=True))
        n_done = 0
        for row in chosen:
            if row.pk not in pks:
                told = _("%(pair)s: nothing to do, it is %(state)s.")
                self.message_user(request, told % {"pair": row, "state": row.get_state_display()}, messages.WARNING)
                continue
            try:
                do(row)
            except CannotMerge as error:
                self.message_user(request, f"{row}: {error}", messages.ERROR)
            else:
                n_done += 1
                self.log_change(request, row, done)
        self.message_user(request, ngettext("%d pair done.", "%d pairs done.", n_done) % n_done)


def decline(row: Merge) -> None:
    if not Merge.objects.filter(pk=row.pk, state=Merge.State.PROPOSED).update(state=Merge.State.DECLINED):
        raise CannotMerge(_("Somebody else has just decided about it."))
