"""What became of every digest: sent or not and why, clicks, what came back."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Page, Paginator
from django.db import transaction
from django.db.models import Prefetch, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import RangeDateFilter, RangeDateTimeFilter

from newsletter.admin.editions import ask_for_sweep
from newsletter.delivery import MAY_COME_TWICE, send_uncertain_again
from newsletter.edition_desk import DeskError
from newsletter.models import Bounce, Click, Digest, DigestQuerySet, Subscription, Vote
from newsletter.numbers import REASONS
from newsletter.reader_desk import may_have_a_copy, seen, send_again, why_not_again
from papers.admin_base import ReadOnlyAdmin
from papers.models import Paper

MOST_READERS = 500  # that one search finds


class KeysFirst(Paginator):
    """Passes over what comes before a page in the index alone, and reads the rows of the page."""

    def page(self, number: int | str) -> Page[Any]:
        page = super().page(number)
        rows: Any = self.object_list
        page.object_list = rows.filter(pk__in=list(cast(Any, page.object_list).values_list("pk", flat=True)))
        return page


class LongListAdmin(ReadOnlyAdmin):
    """Of millions of rows the list reads those it shows, by one index and in its order; whose they are is asked of
    those only. Nothing on the page goes through the rest: no join, no hierarchy of dates, no list of values."""

    paginator = KeysFirst
    list_select_related = ()
    list_filter_submit = True


def readers_found(words: str) -> list[int]:
    """Subscriptions by what is typed of an address: a short table, so that the long one is asked by its own index."""
    found = Subscription.objects.filter(user__email__icontains=words).order_by("pk")
    return list(found.values_list("pk", flat=True)[:MOST_READERS])


@admin.register(Digest)
class DigestAdmin(LongListAdmin):
    list_display = ["period", "reader", "state", "state_reason", "subject", "attempts", "sent_at"]
    list_filter = ["state", ("period", RangeDateFilter)]
    sortable_by = ["period"]
    search_fields = ["subscription__user__email", "message_id"]
    search_help_text = _("The reader's e-mail address or a whole Message-ID.")
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

    def get_queryset(self, request: HttpRequest) -> QuerySet[Digest]:
        digests: QuerySet[Digest] = super().get_queryset(request)
        return digests.prefetch_related("subscription__user")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Digest], search_term: str
    ) -> tuple[QuerySet[Digest], bool]:
        words = search_term.strip()
        if not words:
            return queryset, False
        named = (words, f"<{words.strip('<>')}>")
        return queryset.filter(Q(subscription__in=readers_found(words)) | Q(message_id__in=named)), False

    @admin.display(description=_("reader"))
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


class ReasonFilter(admin.SimpleListFilter):
    """The reasons that are known, instead of going through all rows for those that occur."""

    title = _("reason")
    parameter_name = "reason__exact"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(REASONS.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset if self.value() is None else queryset.filter(reason=self.value())


class AnswerAdmin(LongListAdmin):
    """What came of digests, each row with the reader whose it was."""

    sortable_by = ["at"]
    search_fields = ["digest__subscription__user__email"]
    search_help_text = _("The reader's e-mail address.")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        digests = Digest.objects.only("subscription").select_related("subscription__user")
        rows: QuerySet[Any] = super().get_queryset(request)
        return rows.prefetch_related(Prefetch("digest", digests))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        words = search_term.strip()
        return (queryset.filter(digest__subscription__in=readers_found(words)) if words else queryset), False

    @admin.display(description=_("reader"))
    def reader(self, row: Any) -> str:
        return str(row.digest.subscription.user.email)


@admin.register(Click)
class ClickAdmin(AnswerAdmin):
    list_display = ["at", "reader", "paper", "link", "position", "reason", "scanner"]
    list_filter = [
        "link",
        ReasonFilter,
        ("scanner", admin.EmptyFieldListFilter),
        ("at", RangeDateTimeFilter),
        "edition__date",
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).prefetch_related(titles())


@admin.register(Vote)
class VoteAdmin(AnswerAdmin):
    list_display = ["at", "reader", "paper", "kind", "position", "reason"]
    list_filter = ["kind", ReasonFilter, ("at", RangeDateTimeFilter), "edition__date"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).prefetch_related(titles())


@admin.register(Bounce)
class BounceAdmin(AnswerAdmin):
    list_display = ["at", "reader", "kind", "said"]
    list_filter = ["kind", ("at", RangeDateTimeFilter), "edition__date"]


def titles() -> Prefetch[Any]:
    return Prefetch("paper", Paper.objects.only("title"))
