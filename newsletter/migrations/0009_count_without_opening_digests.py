import django.db.models.deletion
from django.db import migrations, models
from django.db.models import OuterRef, Subquery

AT_ONCE = 2000
GOT = ("sent", "uncertain")


def fill_editions(apps, schema_editor):
    Digest = apps.get_model("newsletter", "Digest")
    edition = Digest.objects.filter(pk=OuterRef("digest_id")).values("edition_id")[:1]
    for name in ("Bounce", "Click", "Vote"):
        apps.get_model("newsletter", name).objects.filter(edition=None).update(edition_id=Subquery(edition))


def tell_changes(apps, schema_editor):
    """Of each reader's past all that their subscription still says; an earlier leave of who came back it does not."""
    Change, Digest, Subscription, Suppression = (
        apps.get_model("newsletter", name) for name in ("SubscriptionChange", "Digest", "Subscription", "Suppression")
    )
    if Change.objects.exists():  # begun before: it must not count twice
        Change.objects.all().delete()
    lost = {
        address: (reason, at)
        for address, reason, at in Suppression.objects.filter(reason__in=("bounce", "complaint"))
        .exclude(address="")
        .values_list("address", "reason", "at")
    }
    rows = []
    for subscription in Subscription.objects.filter(confirmed_at__isnull=False).select_related("user").iterator():
        rows.append(Change(subscription=subscription, kind="subscribed", at=subscription.confirmed_at))
        left = [("unsubscribe", subscription.unsubscribed_at)] if subscription.unsubscribed_at else []
        left += [lost[subscription.user.email]] if subscription.user.email in lost else []
        if left:
            kind, at = min(left, key=lambda one: one[1])
            digests = Digest.objects.filter(subscription=subscription, state__in=GOT, sent_at__lte=at)
            last = digests.order_by("-period").values_list("edition_id", flat=True).first()
            rows.append(Change(subscription=subscription, kind=kind, at=at, edition_id=last))
        if len(rows) >= AT_ONCE:
            Change.objects.bulk_create(rows)
            rows = []
    Change.objects.bulk_create(rows)


def edition():
    return models.ForeignKey(
        db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="newsletter.edition"
    )


class Migration(migrations.Migration):
    # PostgreSQL refuses to alter a table in the transaction that has filled it.
    atomic = False
    dependencies = [("newsletter", "0008_subscribers_won_and_lost")]

    operations = [
        migrations.RunPython(fill_editions, migrations.RunPython.noop, elidable=True),
        migrations.RunPython(tell_changes, migrations.RunPython.noop, elidable=True),
        migrations.AlterField(model_name="bounce", name="edition", field=edition()),
        migrations.AlterField(model_name="click", name="edition", field=edition()),
        migrations.AlterField(model_name="vote", name="edition", field=edition()),
        migrations.AddIndex(
            model_name="bounce",
            index=models.Index(fields=["edition", "kind"], name="newsletter__edition_1bf328_idx"),
        ),
        migrations.AddIndex(
            model_name="click",
            index=models.Index(
                fields=["edition", "scanner", "position", "reason"], name="newsletter__edition_5254ab_idx"
            ),
        ),
        migrations.AddIndex(
            model_name="vote",
            index=models.Index(fields=["edition", "kind", "position", "reason"], name="newsletter__edition_2a3c12_idx"),
        ),
        migrations.AddIndex(
            model_name="digest",
            index=models.Index(fields=["edition", "state", "state_reason"], name="newsletter__edition_cc44c7_idx"),
        ),
        migrations.AddIndex(
            model_name="digest",
            index=models.Index(fields=["-period", "-id"], name="newsletter__period_fb288e_idx"),
        ),
        migrations.RemoveIndex(model_name="digest", name="newsletter__edition_4c0450_idx"),
    ]
