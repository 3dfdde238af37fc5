"""The one base of every model's page in the admin; which admin it is, is decided here."""

from typing import Any

from django.contrib.admin.models import CHANGE, LogEntry
from django.db import models
from django.http import HttpRequest, HttpResponse
from unfold.admin import ModelAdmin, StackedInline, TabularInline

from papers.two_editors import mark_of, told

__all__ = ["AdminBase", "ReadOnlyAdmin", "StackedInline", "TabularInline"]


class AdminBase(ModelAdmin):  # type: ignore[type-arg]
    """Of two editors who have one page open, the second to save is told (papers/two_editors.py)."""

    list_per_page = 50
    show_full_result_count = False
    warn_unsaved_form = True
    formfield_overrides = {models.URLField: {"assume_scheme": "https"}}
    change_form_before_template = "admin/mark.html"

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        mark = request.POST.get("mark", "") if change and obj is not None else ""
        if not mark:
            return form
        model_admin = self

        class CheckedForm(form):  # type: ignore[misc, valid-type]
            def clean(self) -> Any:
                cleaned = super().clean()
                if mark_of(model_admin, request, obj.pk, lock=True) != mark:
                    self.add_error(None, told(obj))
                return cleaned

        return CheckedForm

    def log_each(self, request: HttpRequest, rows: Any, message: str) -> None:
        """Who did what, for an action on many rows. Before they change, where what is chosen depends on it."""
        LogEntry.objects.log_actions(int(request.user.pk or 0), list(rows), CHANGE, message)

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any = None,
    ) -> HttpResponse:
        if change and obj is not None and self.has_change_permission(request, obj):
            context["mark"] = mark_of(self, request, obj.pk)
        response: HttpResponse = super().render_change_form(request, context, add, change, form_url, obj)
        return response


class ReadOnlyAdmin(AdminBase):
    """For what only the software writes: seen, searched and filtered, never edited by hand."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
