"""Who may do what on the desk, no more than the work asks for. A superuser may give and take more in the admin."""

from __future__ import annotations

from typing import Any

from django.apps import apps as installed
from django.contrib.auth.management import create_permissions
from django.db import migrations

SEE = "view"
EDIT = "view add change"
ALL = "view add change delete"

GROUPS: dict[str, dict[str, str]] = {
    # The publication: editions, picks, and what readers may see of a paper. No reader's name is needed for it.
    "Editors": {
        "newsletter.edition": "view add change send",
        "newsletter.pick": ALL,
        "newsletter.experiment": SEE,
        "papers.paper": "view change",
        "papers.authorship": SEE,
        "papers.identifier": SEE,
        "papers.author": SEE,
        "papers.topic": EDIT,
        "papers.submission": "view change",
        "papers.merge": "view change",
        "papers.source": SEE,
        "recommender.rankerversion": SEE,
    },
    # The catalogue: what comes in, what is one paper, what is two.
    "Moderators": {
        "papers.paper": EDIT,
        "papers.authorship": ALL,
        "papers.identifier": ALL,
        "papers.author": EDIT,
        "papers.topic": SEE,
        "papers.submission": "view change",
        "papers.merge": "view change",
        "papers.setaside": "view change",
        "papers.source": SEE,
        "papers.sourcerun": SEE,
    },
    # The machine and its readers: that mail arrives, and that whoever wants to be left alone is.
    "Operators": {
        "accounts.user": "view change delete",
        "account.emailaddress": SEE,
        "newsletter.subscription": "view change",
        "newsletter.digest": "view change",
        "newsletter.click": SEE,
        "newsletter.vote": SEE,
        "newsletter.bounce": SEE,
        "newsletter.subscriptionchange": SEE,
        "newsletter.suppression": ALL,
        "newsletter.edition": "view send view_operations",
        "newsletter.pick": SEE,
        "newsletter.experiment": EDIT,
        "papers.paper": SEE,
        "papers.topic": SEE,
        "papers.source": EDIT,
        "papers.sourcerun": SEE,
        "papers.setaside": SEE,
        "recommender.rankerversion": "view change",
    },
}


def codenames(model: str, rights: str) -> list[str]:
    return [right if "_" in right else f"{right}_{model}" for right in rights.split()]


def make_groups(apps: Any, schema_editor: Any) -> None:
    Group, Permission = apps.get_model("auth", "Group"), apps.get_model("auth", "Permission")
    for label in {name.partition(".")[0] for rights in GROUPS.values() for name in rights}:
        # Django makes permissions after the last migration; here they are needed before.
        create_permissions(installed.get_app_config(label), verbosity=0, apps=apps)
    for name, models in GROUPS.items():
        group, _created = Group.objects.get_or_create(name=name)
        for path, rights in models.items():
            label, model = path.split(".")
            wanted = codenames(model, rights)
            found = Permission.objects.filter(content_type__app_label=label, codename__in=wanted)
            assert found.count() == len(wanted), f"{path}: {wanted}"
            group.permissions.add(*found)


class Migration(migrations.Migration):
    initial = True
    dependencies = [
        ("account", "0009_emailaddress_unique_primary_email"),
        ("accounts", "0001_initial"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("newsletter", "0009_count_without_opening_digests"),
        ("papers", "0007_submissions"),
        ("recommender", "0001_initial"),
    ]
    # Going back leaves the groups: people are in them.
    operations = [migrations.RunPython(make_groups, migrations.RunPython.noop)]
