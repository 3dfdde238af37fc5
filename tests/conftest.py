"""The shared cast and what every test may ask for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.core.cache import cache

from accounts.models import User
from tests.factories import make_reader


@pytest.fixture(autouse=True)
def _fresh_cache() -> Iterator[None]:
    """allauth's limits live in the cache; one test's sign-ups must not count against the next one's."""
    cache.clear()
    yield


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
