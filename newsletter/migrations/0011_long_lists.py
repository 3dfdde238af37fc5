import django.db.models.deletion
from django.db import migrations, models
from django.db.models import OuterRef, Subquery

WON = ("subscribed", "returned")


def tell_closed(apps, schema_editor):
    """Nobody knows when an account was closed before; it counts as lost from now on."""
    Change, Subscription = (apps.get_model("newsletter", name) for name in ("SubscriptionChange", "Subscription"))
    last = Change.objects.filter(subscription=OuterRef("pk")).order_by("-pk").values("kind")[:1]
    closed = Subscription.objects.filter(user__is_active=False).annotate(last=Subquery(last)).filter(last__in=WON)
    Change.objects.bulk_create([Change(subscription=subscription, kind="closed") for subscription in closed])


class Migration(migrations.Migration):
    dependencies = [
        ("newsletter", "0010_group_digests"),
        ("recommender", "0006_reading_lists_and_groups"),
    ]

    operations = [
        migrations.AlterField(
            model_name="digest",
            name="edition",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="digests",
                to="newsletter.edition",
            ),
        ),
        migrations.AlterField(
            model_name="subscriptionchange",
            name="kind",
            field=models.CharField(
                choices=[
                    ("subscribed", "subscribed"),
                    ("returned", "came back"),
                    ("unsubscribe", "unsubscribed"),
                    ("bounce", "bounced"),
                    ("complaint", "complained"),
                    ("closed", "account closed"),
                    ("erased", "erased"),
                ],
                max_length=11,
            ),
        ),
        migrations.RemoveIndex(model_name="digest", name="newsletter__period_fb288e_idx"),
        migrations.AddIndex(
            model_name="digest",
            index=models.Index(fields=["-period", "-id", "edition"], name="newsletter__period_4d1ff4_idx"),
        ),
        migrations.AddIndex(
            model_name="digest",
            index=models.Index(fields=["state", "-period", "-id", "edition"], name="newsletter__state_455337_idx"),
        ),
        migrations.RunPython(tell_closed, migrations.RunPython.noop, elidable=True),
    ]
