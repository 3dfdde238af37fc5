from collections.abc import Mapping
from typing import Any

from django import template

register = template.Library()


@register.filter
def at_key(mapping: Mapping[Any, Any] | None, key: Any) -> Any:
    """`kinds|at_key:paper.pk`, which the template language cannot say: an empty set where there is nothing."""
    return mapping.get(key, frozenset()) if mapping else frozenset()
