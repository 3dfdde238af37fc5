from typing import Any

from django.apps import AppConfig
from django.db import connections
from django.db.models.signals import post_migrate


class RecommenderConfig(AppConfig):
    name = "recommender"

    def ready(self) -> None:
        post_migrate.connect(_install_search_index, sender=self)


def _install_search_index(using: str, **_kwargs: Any) -> None:
    from recommender.search_index import install

    install(connections[using])
