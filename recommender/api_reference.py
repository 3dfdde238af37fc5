"""The API's description as a page of the site: no script, no style of its own, nothing from elsewhere."""

from __future__ import annotations

import json
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from ninja import NinjaAPI
from ninja.openapi.docs import DocsBase


class Reference(DocsBase):
    def render_page(self, request: HttpRequest, api: NinjaAPI, **kwargs: Any) -> HttpResponse:
        described = api.get_openapi_schema()
        schemas = described["components"]["schemas"]
        context = {
            "described": described,
            "openapi_url": self.get_openapi_url(api, kwargs),
            "operations": [
                operation(method.upper(), path, told, schemas)
                for path, methods in described["paths"].items()
                for method, told in methods.items()
            ],
        }
        return render(request, "recommender/api_reference.html", context)


def operation(method: str, path: str, told: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    """What the page says of one: its arguments, and what it takes and answers as an example would look."""
    body = content_schema(told.get("requestBody"))
    answer = content_schema(told["responses"].get(200))
    return {
        "method": method,
        "path": path,
        "url": f"{settings.BASE_URL}{path}",
        "summary": told["summary"],
        "description": told.get("description", ""),
        "needs_token": bool(told.get("security")),
        "parameters": [
            {
                "name": parameter["name"],
                "is_required": parameter.get("required", False),
                "kind": kind_of(parameter["schema"]),
                "default": parameter["schema"].get("default"),
                "description": parameter["schema"].get("description", ""),
            }
            for parameter in told.get("parameters", [])
        ],
        "body": shown(body, schemas),
        "answer": shown(answer, schemas),
    }


def content_schema(part: dict[str, Any] | None) -> dict[str, Any] | None:
    schema: dict[str, Any] | None = (part or {}).get("content", {}).get("application/json", {}).get("schema")
    return schema


def shown(schema: dict[str, Any] | None, schemas: dict[str, Any]) -> str:
    return json.dumps(outline(schema, schemas), indent=2) if schema else ""


def outline(schema: dict[str, Any], schemas: dict[str, Any]) -> Any:
    """The shape of a value, with the kind of each part in its place."""
    if "$ref" in schema:
        return outline(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    if schema.get("type") == "object" and "properties" in schema:
        return {name: outline(part, schemas) for name, part in schema["properties"].items()}
    if schema.get("type") == "array":
        return [outline(schema["items"], schemas)]
    return kind_of(schema)


def kind_of(schema: dict[str, Any]) -> str:
    if values := schema.get("enum"):
        return " | ".join(values)
    if either := schema.get("anyOf"):
        return " | ".join(kind_of(one) for one in either)
    return str(schema.get("format") or schema.get("type", "any"))
