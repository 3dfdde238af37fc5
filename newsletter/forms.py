"""When, how often and how much: what a reader decides about their mails."""

from __future__ import annotations

from functools import cache
from itertools import groupby
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from newsletter.models import Subscription

NO_PLACES = {"Factory", "localtime"}  # what some systems keep among their zones


@cache
def zone_choices() -> list[tuple[str, list[tuple[str, str]]]]:
    """Every zone this machine knows, by continent."""
    zones = sorted(available_timezones() - NO_PLACES, key=lambda zone: ("/" not in zone, zone))
    return [
        (str(area), [(zone, zone.replace("_", " ")) for zone in group])
        for area, group in groupby(zones, key=lambda zone: zone.partition("/")[0] if "/" in zone else _("Other"))
    ]


class SubscriptionForm(forms.ModelForm):
    hour = forms.TypedChoiceField(
        coerce=int, choices=[(hour, f"{hour:02}:00") for hour in range(24)], label=_("Hour, your time")
    )
    time_zone = forms.ChoiceField(choices=zone_choices, label=_("Time zone"))

    class Meta:
        model = Subscription
        fields: tuple[str, ...] = (
            *("cadence", "weekday", "hour", "time_zone"),
            *("n_papers", "order", "threshold", "paused_until"),
        )
        labels = {
            "cadence": _("How often"),
            "weekday": _("Weekday, of weekly mails"),
            "n_papers": _("Papers in a digest, at most"),
            "order": _("Order"),
            "threshold": _("Send me"),
            "paused_until": _("Pause until"),
        }
        help_texts = {
            "n_papers": _("From 3 to 30. On thin days there are fewer: better six good ones than ten."),
            "threshold": _("While a site has few readers, how likely is a rule of thumb; it is learnt as they read."),
            "paused_until": _("The day of the first digest after it. Leave empty for no pause."),
        }
        widgets = {
            "paused_until": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
            "n_papers": forms.NumberInput(attrs={"min": 3, "max": 30}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.time_zone not in available_timezones():
            self.initial["time_zone"] = "UTC"
        if self.instance.paused_until and self.instance.paused_until <= timezone.now().date():
            self.initial["paused_until"] = None

    def clean_paused_until(self) -> Any:
        """Compared with today anywhere: a day that has gone by in every zone is a slip."""
        until = self.cleaned_data["paused_until"]
        if until and until < timezone.now().date():
            raise forms.ValidationError(_("That day has gone by."))
        return until


class WhenForm(SubscriptionForm):
    """The little that a newcomer is asked."""

    class Meta(SubscriptionForm.Meta):
        fields = ("cadence", "hour", "time_zone")
