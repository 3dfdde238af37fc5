"""What became of every digest: sent or not and why, clicks, what came back."""

from __future__ import annotations

from django.contrib import admin, messages
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from newsletter.delivery import send_uncertain_again
from newsletter.models import Bounce, Click, Digest, DigestQuerySet, Vote
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
        count = send_uncertain_again(digests)
        messages.success(request, _("%d digests are sent again by the next sweep.") % count)

    def has_resend_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("newsletter.change_digest")  # type: ignore[union-attr]


@admin.register(Click)
class ClickAdmin(ReadOnlyAdmin):
    list_display = ["at", "reader", "paper", "link", "position", "reason", "scanner"]
    list_filter = ["link", "reason", ("scanner", admin.EmptyFieldListFilter)]
    list_select_related = ["digest__subscription__user", "paper"]
    search_fields = ["digest__subscription__user__email"]
    date_hierarchy = "at"

    @admin.display(description=_("reader"))
    def reader(self, click: Click) -> str:
        return click.digest.subscription.user.email


@admin.register(Vote)
class VoteAdmin(ReadOnlyAdmin):
    list_display = ["at", "reader", "paper", "kind", "position", "reason"]
    list_filter = ["kind", "reason"]
    list_select_related = ["digest__subscription__user", "paper"]
    search_fields = ["digest__subscription__user__email"]
    date_hierarchy = "at"

    @admin.display(description=_("reader"))
    def reader(self, vote: Vote) -> str:
        return vote.digest.subscription.user.email


@admin.register(Bounce)
class BounceAdmin(ReadOnlyAdmin):
    list_display = ["at", "reader", "kind", "said"]
    list_filter = ["kind"]
    list_select_related = ["digest__subscription__user"]
    search_fields = ["digest__subscription__user__email"]
    date_hierarchy = "at"

    @admin.display(description=_("reader"))
    def reader(self, bounce: Bounce) -> str:
        return bounce.digest.subscription.user.email
