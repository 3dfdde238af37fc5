"""The account pages that allauth does not have; its own are included beside these in config/urls.py."""

from django.urls import path

from accounts import views

urlpatterns = [
    path("account/", views.account, name="account"),
    path("account/export/", views.export, name="account_export"),
    path("account/erase/", views.erase, name="account_erase"),
]
