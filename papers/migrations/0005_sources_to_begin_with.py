"""Two sources to begin with, switched off: an operator looks at their queries and enables them in the admin."""

from django.db import migrations

SOURCES = [
    {"name": "arxiv", "kind": "arxiv", "query": "cs.LG, cs.CL, cs.CV, stat.ML", "expects": "weekdays", "every_minutes": 180},
    {"name": "daily-papers", "kind": "daily-papers", "query": "", "expects": "weekdays", "every_minutes": 180},
]


def add(apps, schema_editor):
    Source = apps.get_model("papers", "Source")
    for source in SOURCES:
        Source.objects.get_or_create(name=source["name"], defaults={**source, "enabled": False})


class Migration(migrations.Migration):
    dependencies = [("papers", "0004_since_when_a_source_is_well")]

    operations = [migrations.RunPython(add, migrations.RunPython.noop)]
