"""The outbox's pages."""

from django.urls import path

from config import outbox_views

urlpatterns = [
    path("", outbox_views.mails, name="outbox"),
    path("<str:name>/", outbox_views.mail, name="outbox_mail"),
    path("<str:name>/html/", outbox_views.mail_html, name="outbox_mail_html"),
]
