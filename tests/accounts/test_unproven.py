"""What was typed into the subscribe box and never proved is forgotten; nobody else is."""

from __future__ import annotations

from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from django.utils import timezone

from accounts.models import User
from accounts.unproven import forget_unproven
from recommender.interactions import record
from tests.factories import make_paper, make_reader, make_subscription

pytestmark = pytest.mark.django_db


def test_only_old_addresses_with_nothing_behind_them_are_forgotten() -> None:
    long_ago, lately = (timezone.now() - timedelta(days=days) for days in (31, 29))
    make_reader("typed@example.org", date_joined=long_ago)
    make_reader("lately@example.org", date_joined=lately)
    make_reader("entered@example.org", date_joined=long_ago, last_login=long_ago)
    make_reader("editor@example.org", date_joined=long_ago, is_staff=True)
    make_subscription(make_reader("subscribed@example.org", date_joined=long_ago))
    record(make_reader("imported@example.org", date_joined=long_ago), make_paper(), "save")
    proved = make_reader("proved@example.org", date_joined=long_ago)
    EmailAddress.objects.create(user=proved, email=proved.email, verified=True, primary=True)
    before = set(User.objects.values_list("email", flat=True))
    assert forget_unproven() == 1
    assert before - set(User.objects.values_list("email", flat=True)) == {"typed@example.org"}
    assert forget_unproven() == 0
