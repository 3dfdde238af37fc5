"""Reading lists that readers share, as editors and moderators see them: what is on one, and keeping it private."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import BooleanField, QuerySet, Value
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.timezone import localtime
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextareaWidget

from papers.admin_base import AdminBase
from papers.submission_admin import desk_link
from recommender import lists
from recommender.models import ReadingList

Sharing = ReadingList.Sharing
PAPERS_SHOWN = 100
SECRET = re.compile(r"[\w-]{43}")


class KeepPrivateForm(forms.ModelForm):
    class Meta:
        model = ReadingList
        fields = ("kept_private",)
        widgets = {"kept_private": UnfoldAdminTextareaWidget(attrs={"rows": 3})}

    def clean_kept_private(self) -> str:
        return " ".join(self.cleaned_data["kept_private"].split())


@admin.register(ReadingList)
class ReadingListAdmin(AdminBase):
    """Public lists, and those that the editors keep private. One with a secret address is found by that alone, one that
    nobody shares not at all. Its owner's address is for those who may see readers."""

    form = KeepPrivateForm
    list_display = ["name", "owner_named", "labelled_sharing", "n_papers", "created_at"]
    list_filter = ["sharing"]
    list_select_related = ["owner", "group"]
    search_fields = ["name", "owner__name", "group__name"]
    search_help_text = _("Its name, its owner's, or the address at which others read it.")
    ordering = ["-created_at"]
    view_on_site = False  # the page of a list is its owner's
    readonly_fields = [
        "name",
        "owner_named",
        "sharing",
        "public_address",
        "created_at",
        "papers",
        "who_did_what",
    ]
    fieldsets = [
        (None, {"fields": ["name", "owner_named", "sharing", "public_address", "created_at"]}),
        (_("Who may read it"), {"fields": ["kept_private", "who_did_what"]}),
        (_("Papers"), {"fields": ["papers"]}),
    ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[ReadingList]:
        """The owner is named where the list is drawn, so the request's rights go with each row."""
        shared = super().get_queryset(request).exclude(sharing=Sharing.PRIVATE, kept_private="")
        may_see = self._may_see_readers(request)
        found: QuerySet[ReadingList] = shared.with_counts().annotate(may_be_named=Value(may_see, BooleanField()))
        return found

    def get_search_fields(self, request: HttpRequest) -> list[str]:
        by_address = ["owner__email"] if self._may_see_readers(request) else []
        return [*self.search_fields, *by_address]

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        if secrets := SECRET.findall(search_term):
            return queryset.filter(secret__in=secrets), False
        if number := re.search(r"/lists/([0-9]{1,18})/public/", search_term):
            return queryset.filter(pk=number[1], sharing=Sharing.PUBLIC), False
        found, may_repeat = super().get_search_results(request, queryset.exclude(sharing=Sharing.SECRET), search_term)
        return found, may_repeat

    def save_model(self, request: HttpRequest, obj: ReadingList, form: Any, change: bool) -> None:
        if "kept_private" not in form.changed_data:
            return
        if obj.kept_private:
            lists.keep_private(obj, obj.kept_private)
            self.log_change(request, obj, f"Kept private: {obj.kept_private}")
            self.message_user(request, _("Nobody else reads it any more. Its owner sees why."), messages.SUCCESS)
        else:
            lists.let_share(obj)
            self.log_change(request, obj, "May be shared again")
            self.message_user(request, _("Its owner may share it again."), messages.SUCCESS)

    def log_change(self, request: HttpRequest, obj: ReadingList, message: Any) -> Any:
        """Django's own entry would say that a field was changed; ours says what was done."""
        return super().log_change(request, obj, message) if isinstance(message, str) else None

    def _may_see_readers(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("accounts.view_user"))  # type: ignore[union-attr]

    @display(description=_("owner"))
    def owner_named(self, one: Any) -> str:
        if one.group_id:
            return str(_("the group “%s”") % one.group.name)
        return str(one.owner if one.may_be_named else one.owner.name or _("a reader"))

    @display(
        description=_("who else reads it"),
        ordering="sharing",
        label={Sharing.PUBLIC: "success", Sharing.SECRET: "info", Sharing.PRIVATE: "danger"},
    )
    def labelled_sharing(self, one: ReadingList) -> tuple[str, Any]:
        return one.sharing, one.get_sharing_display()

    @display(description=_("papers"), ordering="n_papers")
    def n_papers(self, one: Any) -> int:
        return int(one.n_papers)

    @display(description=_("address"))
    def public_address(self, one: ReadingList) -> str:
        if one.sharing != Sharing.PUBLIC:
            return "–"
        return format_html('<a class="text-primary-600" href="{0}">{0}</a>', one.shared_path())

    @display(description=_("papers"))
    def papers(self, one: ReadingList) -> str:
        entries = one.entries.select_related("paper")[:PAPERS_SHOWN]
        rows = [[desk_link(entry.paper), date_format(localtime(entry.at), "DATE_FORMAT")] for entry in entries]
        if not rows:
            return "–"
        left_out = one.entries.count() - len(rows)
        rows += [[_("and %d more") % left_out, ""]] if left_out else []
        return render_to_string("admin/recommender/table.html", {"rows": rows, "head": [_("paper"), _("put there")]})

    @display(description=_("who did what"))
    def who_did_what(self, one: ReadingList) -> str:
        kind = ContentType.objects.get_for_model(ReadingList)
        entries = LogEntry.objects.filter(content_type=kind, object_id=str(one.pk))
        return render_to_string("admin/log.html", {"entries": entries.select_related("user", "content_type")[:20]})
