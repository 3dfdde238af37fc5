"""Readers in the editors' desk, and the one door to it."""

from __future__ import annotations

from typing import Any

from allauth.account.decorators import secure_admin_login
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from allauth.usersessions.models import UserSession
from django import forms
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import RangeDateFilter
from unfold.widgets import UnfoldAdminEmailInputWidget

from accounts import privacy
from accounts.fields import AddressField
from accounts.models import User
from papers.admin_base import AdminBase, ReadOnlyAdmin, TabularInline

# The admin's own login knows no limits; the site's has them, and mails a code to who has no password.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

# SocialApp and SocialToken stay out: the keys come from the environment, and no tokens are kept.
for model in (Group, EmailAddress, UserSession, Authenticator, SocialAccount, SocialApp, SocialToken):
    admin.site.unregister(model)


class EmailAddressInline(TabularInline):
    model = EmailAddress
    fields = readonly_fields = ["email", "verified", "primary"]
    extra = max_num = 0
    can_delete = False


class UserForm(forms.ModelForm):
    email = AddressField(widget=UnfoldAdminEmailInputWidget)

    class Meta:
        model = User
        fields = ("email", "name", "is_active", "is_staff", "is_superuser", "groups")


@admin.register(User)
class UserAdmin(AdminBase):
    form = UserForm
    list_display = ["email", "name", "is_active", "is_staff", "date_joined", "last_login"]
    list_filter = ["is_active", "is_staff", "is_simulated", "groups", ("date_joined", RangeDateFilter)]
    list_filter_submit = True
    search_fields = ["email", "name"]
    ordering = ["-date_joined", "-pk"]
    inlines = [EmailAddressInline]
    autocomplete_fields = ["groups"]
    readonly_fields = ["is_simulated", "date_joined", "last_login"]
    fieldsets = [
        (None, {"fields": ["email", "name", "is_active"]}),
        (_("Rights"), {"fields": ["is_staff", "is_superuser", "groups"]}),
        (_("History"), {"fields": ["is_simulated", "date_joined", "last_login"]}),
    ]

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> list[str]:
        """An address is changed by its reader only, who proves the new one; rights are given by superusers only, or
        whoever may edit readers could make a superuser of themselves."""
        fields = list(self.readonly_fields)
        if obj is not None:
            fields.append("email")
        if not is_superuser(request):
            fields += ["is_staff", "is_superuser", "groups"]
        return fields

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_change_permission(request, obj) and is_in_reach(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_delete_permission(request, obj) and is_in_reach(request, obj)

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        if not change:
            obj.password = make_password(None)
        super().save_model(request, obj, form, change)
        if change and "is_active" in form.changed_data:
            privacy.account_changed(obj)

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """What hangs on a reader is nobody's to delete by itself, and goes with them."""
        _tree, counts, _forbidden, protected = super().get_deleted_objects(objs, request)
        return [str(user) for user in objs], counts, set(), protected

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        privacy.erase(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        for user in queryset:
            if self.has_delete_permission(request, user):
                privacy.erase(user)


def is_superuser(request: HttpRequest) -> bool:
    return isinstance(request.user, User) and request.user.is_superuser


def is_in_reach(request: HttpRequest, user: User | None) -> bool:
    """Superusers are touched by superusers only."""
    return user is None or not user.is_superuser or is_superuser(request)


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, AdminBase):  # type: ignore[misc]
    pass


@admin.register(EmailAddress)
class EmailAddressAdmin(ReadOnlyAdmin):
    """Which addresses readers have proved to be theirs. Only a code typed in proves one."""

    list_display = ["email", "user", "verified", "primary"]
    list_filter = ["verified", "primary"]
    list_select_related = ["user"]
    search_fields = ["email", "user__email"]
    ordering = ["email"]


@admin.register(UserSession)
class UserSessionAdmin(ReadOnlyAdmin):
    list_display = ["user", "ip", "user_agent", "created_at", "last_seen_at"]
    list_filter = [("created_at", RangeDateFilter)]
    list_filter_submit = True
    list_select_related = ["user"]
    search_fields = ["user__email", "ip"]
    ordering = ["-created_at"]
    fields = ["user", "ip", "user_agent", "created_at", "last_seen_at"]


@admin.register(Authenticator)
class AuthenticatorAdmin(ReadOnlyAdmin):
    """Readers' passkeys. Taking one away is for whoever helps a reader who lost it."""

    list_display = ["user", "type", "created_at", "last_used_at"]
    list_filter = [("created_at", RangeDateFilter)]
    list_filter_submit = True
    list_select_related = ["user"]
    search_fields = ["user__email"]
    ordering = ["-created_at"]
    fields = ["user", "type", "created_at", "last_used_at"]

    def has_delete_permission(self, request: HttpRequest, obj: Authenticator | None = None) -> bool:
        return is_superuser(request)


@admin.register(SocialAccount)
class SocialAccountAdmin(ReadOnlyAdmin):
    list_display = ["user", "provider", "uid", "date_joined", "last_login"]
    list_filter = ["provider"]
    list_select_related = ["user"]
    search_fields = ["user__email", "uid"]
    ordering = ["-date_joined"]
    fields = ["user", "provider", "uid", "date_joined", "last_login"]
