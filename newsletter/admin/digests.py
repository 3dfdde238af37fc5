"""What became of every digest: sent or not and why, clicks, what came back."""

from __future__ import annotations

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from newsletter.admin.editions import ask_for_sweep
from newsletter.delivery import MAY_COME_TWICE, send_uncertain_again
from newsletter.edition_desk import DeskError
from newsletter.models import Bounce, Click, Digest, DigestQuerySet, Vote
from newsletter.reader_desk import may_have_a_copy, seen, send_again, why_not_again
from papers.admin_base import ReadOnlyAdmin


@admin.register(Digest)
class DigestAdmin(ReadOnlyAdmin):
    list_display = ["period", "reader", "state", "state_reason", "subject", "attempts", "sent_at"]
    list_filter = ["state", "period"]
    list_select_related = ["subscription__user"]
    search_fields = ["subscription__user__email", "message_id"]
    search_help_text = _("The reader's e-mail address or a Message-ID.")
    date_hierarchy = "period"
    fields = [
        "reader",
        "edition",
        "period",
        "state",
        "state_reason",
        "web_copy",
        "subject",
        "message_id",
        "composed_at",
        "attempts",
        "next_attempt_at",
        "handed_over_at",
        "sent_at",
        "lease_until",
        "items",
    ]
    readonly_fields = ["reader", "web_copy"]
    actions = ["send_again"]

    @admin.display(description=_("reader"), ordering="subscription__user__email")
    def reader(self, digest: Digest) -> str:
        return digest.subscription.user.email

    @admin.display(description=_("web copy"))
    def web_copy(self, digest: Digest) -> SafeString | str:
        return format_html('<a href="{}">{}</a>', digest.get_absolute_url(), digest.subject) if digest.items else "-"

    @admin.action(description=_("Send uncertain ones again, with the same Message-ID"), permissions=["resend"])
    def send_again(self, request: HttpRequest, digests: DigestQuerySet) -> None:
        self.log_each(request, digests.filter(state=Digest.State.UNCERTAIN), str(MAY_COME_TWICE))
        count = send_uncertain_again(digests)
        messages.success(request, _("%d digests are sent again by the next sweep.") % count)

    def get_urls(self) -> list[URLPattern]:
        again = path("<int:pk>/again/", self.admin_site.admin_view(self.again), name="newsletter_digest_again")
        return [again, *super().get_urls()]

    def again(self, request: HttpRequest, pk: int) -> HttpResponse:
        """One digest once more, after saying what that may mean; where a copy may be out, only on saying so twice."""
        if not self.has_resend_permission(request):
            raise PermissionDenied
        digest = get_object_or_404(Digest.objects.select_related("subscription__user", "edition"), pk=pk)
        back = redirect("admin:newsletter_subscription_change", digest.subscription_id)
        if request.method == "POST":
            try:
                send_again(
                    pk, seen_as=request.POST.get("seen_as", ""), even_twice=request.POST.get("even_twice") == "on"
                )
            except DeskError as error:
                messages.error(request, str(error))
            else:
                transaction.on_commit(ask_for_sweep)
                self.log_change(request, digest, str(_("Sent again")))
                messages.success(request, _("It is sent again within a minute."))
                return back
        context = {
            **self.admin_site.each_context(request),
            "title": _("Send again"),
            "opts": self.opts,
            "digest": digest,
            "seen_as": seen(digest),
            "may_have_a_copy": may_have_a_copy(digest),
            "why_not": why_not_again(digest),
        }
        return TemplateResponse(request, "admin/newsletter/digest/again.html", context)

    def has_resend_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("newsletter.change_digest")  # type: ignore[union-attr]


@admin.register(Click)
class ClickAdmin(ReadOnlyAdmin):
    list_display = ["at", "reader", "paper", "link", "position", "reason", "scanner"]
    list_filter = ["link", "reason", ("scanner", admin.EmptyFieldListFilter), "edition__date"]
    list_select_related = ["digest__subscription__user", "paper"]
    search_fields = ["digest__subscription__user__email"]
    date_hierarchy = "at"

    @admin.display(description=_("reader"))
    def reader(self, click: Click) -> str:
        return click.digest.subscription.user.email


@admin.register(Vote)
class VoteAdmin(ReadOnlyAdmin):
    list_display = ["at", "reader", "paper", "kind", "position", "reason"]
    list_filter = ["kind", "reason", "edition__date"]
    list_select_related = ["digest__subscription__user", "paper"]
    search_fields = ["digest__subscription__user__email"]
    date_hierarchy = "at"

    @admin.display(description=_("reader"))
    def reader(self, vote: Vote) -> str:
        return vote.digest.subscription.user.email


@admin.register(Bounce)
class BounceAdmin(ReadOnlyAdmin):
    list_display = ["at", "reader", "kind", "said"]
    list_filter = ["kind", "edition__date"]
    list_select_related = ["digest__subscription__user"]
    search_fields = ["digest__subscription__user__email"]
    date_hierarchy = "at"

    @admin.display(description=_("reader"))
    def reader(self, bounce: Bounce) -> str:
        return bounce.digest.subscription.user.email
