"""Everything we hold of a reader, shown or erased. Each app's `personal_data.py` answers for that app:

export(user) -> dict   what the app holds, as JSON values
erase(user) -> None    removes it; what may stay (a keyed hash of the address) says so there
account_changed(user)  if it is there: the account was closed or opened again
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any, Protocol, cast

from django.apps import apps
from django.db import transaction
from django.utils import timezone
from django.utils.module_loading import module_has_submodule

from accounts.models import User


class PersonalData(Protocol):
    def export(self, user: User) -> dict[str, Any]: ...

    def erase(self, user: User) -> None: ...


def personal_data() -> Iterator[tuple[str, PersonalData]]:
    """Each app that holds something of readers, by name; what depends on others before them, the account last."""
    dependent_first = list(apps.get_app_configs())[::-1]
    for app in sorted(dependent_first, key=lambda app: app.label == User._meta.app_label):
        if app.module and module_has_submodule(app.module, "personal_data"):
            yield app.label, cast(PersonalData, import_module(f"{app.name}.personal_data"))


def export(user: User) -> dict[str, Any]:
    return {"exported_at": timezone.now()} | {label: held.export(user) for label, held in personal_data()}


@transaction.atomic
def erase(user: User) -> None:
    """All or nothing. The account itself goes last, with `accounts`."""
    for _label, held in personal_data():
        held.erase(user)


def account_changed(user: User) -> None:
    """Called once an account has been closed or opened again."""
    for _label, held in personal_data():
        if told := getattr(held, "account_changed", None):
            told(user)
