"""Editors and moderators see the lists that readers share, and may keep one private."""

from __future__ import annotations

from typing import Any

from django.apps import apps as installed
from django.contrib.auth.management import create_permissions
from django.db import migrations


def give_rights(apps: Any, schema_editor: Any) -> None:
    # Django makes permissions after the last migration; here they are needed before.
    create_permissions(installed.get_app_config("recommender"), verbosity=0, apps=apps)
    rights = apps.get_model("auth", "Permission").objects.filter(
        content_type__app_label="recommender", codename__in=["view_readinglist", "change_readinglist"]
    )
    assert rights.count() == 2
    for group in apps.get_model("auth", "Group").objects.filter(name__in=["Editors", "Moderators"]):
        group.permissions.add(*rights)


class Migration(migrations.Migration):
    dependencies = [
        ("config", "0002_how_the_schedule_goes"),
        ("recommender", "0007_lists_kept_private"),
    ]
    operations = [migrations.RunPython(give_rights, migrations.RunPython.noop)]
