"""Addresses that belong to mail: preferences, unsubscribing, the web copy. Short, since they stand in headers."""

from django.conf import settings
from django.urls import URLPattern, URLResolver, include, path

from newsletter import first_digest, group_views, preferences_views, views

urlpatterns: list[URLPattern | URLResolver] = [
    path("u/<str:token>", views.Unsubscribe.as_view(), name="unsubscribe"),
    path("g/<str:token>", views.GroupUnsubscribe.as_view(), name="group_unsubscribe"),
    path("groups/<int:pk>/digest/", group_views.next_digest, name="group_digest"),
    path("c/<str:token>", views.click, name="click"),
    path("c/<str:token>/<str:link>", views.click),
    path("v/<str:token>", views.Vote.as_view(), name="vote"),
    path("v/<str:token>/<str:kind>", views.Vote.as_view()),
    path("d/<str:token>", views.digest_web, name="digest_web"),
    path("start/", first_digest.start, name="start"),
    path("start/digest/", first_digest.first_digest, name="first_digest"),
    path("preferences/", preferences_views.preferences, name="preferences"),
    path("digests/", views.digest_archive, name="digest_archive"),
]
if settings.ANYMAIL:  # no provider, no door for its webhooks
    urlpatterns.append(path("anymail/", include("anymail.urls")))
