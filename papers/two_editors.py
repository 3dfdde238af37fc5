"""Two editors on one page: what each saw when it opened, so that the second to save is told of the first."""

from __future__ import annotations

import hashlib
from typing import Any

from django.contrib.admin.models import LogEntry
from django.contrib.admin.utils import flatten_fieldsets
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.forms.models import _get_foreign_key, model_to_dict
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _


def mark_of(model_admin: Any, request: HttpRequest, pk: Any, *, lock: bool = False) -> str:
    """Of all that the page would save, the row's fields and those of its inlines: another mark, another content.

    What the software writes by itself meanwhile, such as when a source ran last, is nobody's change.
    """
    rows = model_admin.model._default_manager.all()
    row = (rows.select_for_update(of=("self",)) if lock else rows).get(pk=pk)
    readonly = set(model_admin.get_readonly_fields(request, row))
    names = [name for name in flatten_fieldsets(model_admin.get_fieldsets(request, row)) if name not in readonly]
    seen = [_values(row, names)]
    for inline in model_admin.get_inline_instances(request, row):
        key = _get_foreign_key(model_admin.model, inline.model, fk_name=inline.fk_name).name
        names = list(inline.get_formset(request, row).form.base_fields)
        listed = inline.model._default_manager.filter(**{key: row}).order_by("pk")
        seen += [(one.pk, *_values(one, names)) for one in listed]
    return hashlib.blake2b(repr(seen).encode("utf-8", "replace"), digest_size=12).hexdigest()


def _values(row: Model, names: list[str]) -> tuple[tuple[str, str], ...]:
    values = model_to_dict(row, names)
    return tuple(
        (name, str(sorted(one.pk for one in value) if isinstance(value, list) and _are_rows(value) else value))
        for name, value in sorted(values.items())
    )


def _are_rows(values: list[Any]) -> bool:
    return bool(values) and all(isinstance(value, Model) for value in values)


def told(row: Model) -> str:
    """To the second: who was first, as far as the log knows, and what to do."""
    kind = ContentType.objects.get_for_model(row)
    last = LogEntry.objects.filter(content_type=kind, object_id=str(row.pk)).select_related("user").first()
    if last is None:
        return _(
            "This was changed after you opened it, and nothing of yours is saved yet. Look at it in another tab, then "
            "save again to put yours over it."
        )
    at = date_format(timezone.localtime(last.action_time), "H:i")
    return _(
        "%(who)s changed this at %(at)s, after you opened it, and nothing of yours is saved yet. Look at it in another "
        "tab, then save again to put yours over it."
    ) % {"who": last.user, "at": at}
