"""Every address of the site."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path

from config.operations_views import operations
from config.plain_pages import favicon, healthz, robots
from newsletter.admin.numbers import numbers
from recommender.api import api

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("robots.txt", robots),
    path("favicon.ico", favicon),  # asked for by pages that name no icon: the desk, a bare PDF
    path("admin/numbers/", admin.site.admin_view(numbers), name="desk_numbers"),
    path("admin/operations/", admin.site.admin_view(operations), name="desk_operations"),
    path("admin/", admin.site.urls),
    path("", include("accounts.urls")),
    path("accounts/", include("allauth.urls")),
    path("api/v1/", api.urls),
    path("", include("papers.urls")),
    path("", include("newsletter.urls")),
    path("", include("recommender.urls")),
]
if settings.DEBUG:
    urlpatterns.append(path("outbox/", include("config.outbox_urls")))
