"""The operations page of the desk."""

from __future__ import annotations

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from config import operations as now
from newsletter.deliverability import settings_found
from recommender.models import RankerVersion


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def operations(request: HttpRequest) -> HttpResponse:
    """The button posts: name servers are asked, which a look at the page must not wait for."""
    if not request.user.has_perm("newsletter.view_operations"):  # type: ignore[union-attr]
        raise PermissionDenied
    broker = now.broker()
    ranker = RankerVersion.in_use()
    context = {
        **admin.site.each_context(request),
        "title": _("Operations"),
        "broker": broker,
        "workers": [] if broker.error else now.workers(),
        "scheduled": now.scheduled(),
        "sources": [(source, source.health()) for source in now.sources()],
        "may_see_sources": request.user.has_perm("papers.view_source"),  # type: ignore[union-attr]
        "ranker": ranker,
        "is_old": ranker and now.is_old(ranker),
        "may_see_rankers": request.user.has_perm("recommender.view_rankerversion"),  # type: ignore[union-attr]
        "folders": now.artifacts(ranker.name if ranker else ""),
        "free": now.free_space(),
        "settings_found": list(settings_found()),
        "records": now.ask_name_servers() if request.method == "POST" else now.records_known(),
    }
    context["size"] = sum(folder.size for folder in context["folders"])
    return TemplateResponse(request, "admin/operations.html", context)
