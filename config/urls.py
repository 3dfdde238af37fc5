"""Every address of the site."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path

from config.plain_pages import healthz, robots

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("robots.txt", robots),
    path("admin/", admin.site.urls),
    path("", include("accounts.urls")),
    path("accounts/", include("allauth.urls")),
    path("", include("newsletter.urls")),
    path("", include("recommender.urls")),
]
if settings.DEBUG:
    urlpatterns.append(path("outbox/", include("config.outbox_urls")))
