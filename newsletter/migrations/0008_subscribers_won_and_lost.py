import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


def edition():
    """Filled and made compulsory by the next migration."""
    return models.ForeignKey(
        db_index=False,
        null=True,
        on_delete=django.db.models.deletion.CASCADE,
        related_name="+",
        to="newsletter.edition",
    )


class Migration(migrations.Migration):
    dependencies = [
        ("newsletter", "0007_votes_and_places"),
        ("papers", "0007_submissions"),
    ]

    operations = [
        migrations.CreateModel(
            name="SubscriptionChange",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("subscribed", "subscribed"),
                            ("returned", "came back"),
                            ("unsubscribe", "unsubscribed"),
                            ("bounce", "bounced"),
                            ("complaint", "complained"),
                            ("erased", "erased"),
                        ],
                        max_length=11,
                    ),
                ),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "subscription",
                    models.ForeignKey(
                        blank=True,
                        help_text="Empty once erased.",
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="changes",
                        to="newsletter.subscription",
                    ),
                ),
                (
                    "edition",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        help_text="Of the last digest that the reader got before.",
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="newsletter.edition",
                    ),
                ),
            ],
            options={
                "ordering": ["-at", "-id"],
                "indexes": [
                    models.Index(fields=["at", "kind"], name="newsletter__at_ee119a_idx"),
                    models.Index(fields=["edition", "kind"], name="newsletter__edition_0b5957_idx"),
                ],
            },
        ),
        migrations.AddField(model_name="bounce", name="edition", field=edition()),
        migrations.AddField(model_name="click", name="edition", field=edition()),
        migrations.AddField(model_name="vote", name="edition", field=edition()),
    ]
