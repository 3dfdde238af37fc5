from __future__ import annotations

from typing import Any

from allauth.account.fields import EmailField
from django import forms

from accounts.addresses import clean_address


class AddressField(EmailField):  # type: ignore[misc]
    """An e-mail address a reader can have: refused with the reason, otherwise in the one spelling that is stored."""

    default_validators: list[Any] = []  # clean_address validates, and says why

    def clean(self, value: Any) -> str:
        return clean_address(forms.CharField.clean(self, value))
