"""The one base of every model's page in the admin; which admin it is, is decided here."""

from typing import Any

from django.db import models
from django.http import HttpRequest
from unfold.admin import ModelAdmin, StackedInline, TabularInline

__all__ = ["AdminBase", "ReadOnlyAdmin", "StackedInline", "TabularInline"]


class AdminBase(ModelAdmin):  # type: ignore[type-arg]
    list_per_page = 50
    show_full_result_count = False
    warn_unsaved_form = True
    formfield_overrides = {models.URLField: {"assume_scheme": "https"}}


class ReadOnlyAdmin(AdminBase):
    """For what only the software writes: seen, searched and filtered, never edited by hand."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
