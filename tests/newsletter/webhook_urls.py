"""The site with a mail provider configured."""

from django.urls import include, path

from config.urls import urlpatterns as site

urlpatterns = [*site, path("anymail/", include("anymail.urls"))]
