"""Addresses that belong to mail: preferences, unsubscribing, the web copy."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
