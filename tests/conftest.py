"""The shared cast and what every test may ask for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from celery import current_app
from django.core.cache import cache
from hypothesis import HealthCheck, settings

from accounts.models import User
from tests.factories import make_reader

# The same examples every time, and no failure because the machine is busy.
settings.register_profile("suite", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")


@pytest.fixture(autouse=True)
def _fresh_cache() -> None:
    """allauth's limits live in the cache; one test's sign-ups must not count against the next one's."""
    cache.clear()


@pytest.fixture
def own_connections() -> Iterator[None]:
    """For a test with another broker: Celery keeps its connections to the first one asked, and must not afterwards."""
    current_app._after_fork()
    yield
    current_app._after_fork()


@pytest.fixture
def alice(db: None) -> User:
    """Reads about speech."""
    return make_reader("alice@example.org")


@pytest.fixture
def bob(db: None) -> User:
    """Reads about robots."""
    return make_reader("bob@example.org")


@pytest.fixture
def charlie(db: None) -> User:
    """Has read nothing yet."""
    return make_reader("charlie@example.org")
