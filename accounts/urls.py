"""The account pages that allauth does not have, and its page to change the address behind a door of ours."""

from django.urls import path
from django.views.generic import RedirectView

from accounts import token_views, views

urlpatterns = [
    path("account/", views.account, name="account"),
    path("account/old-address/", views.old_address, name="account_old_address"),
    path("accounts/email/", views.change_address, name="account_email"),
    path("accounts/2fa/", RedirectView.as_view(pattern_name="mfa_list_webauthn"), name="mfa_index"),
    path("account/tokens/", token_views.tokens, name="api_tokens"),
    path("account/tokens/<int:pk>/revoke/", token_views.revoke_token, name="api_token_revoke"),
    path("account/export/", views.export, name="account_export"),
    path("account/erase/", views.erase, name="account_erase"),
]
