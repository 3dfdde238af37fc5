"""An edition on the desk: its candidates, picks and note, its preview, and the run that sends it."""

from __future__ import annotations

import contextlib
from typing import Any
from urllib.parse import urlencode

from celery.exceptions import CeleryError
from csp.decorators import csp_update
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from kombu.exceptions import OperationalError as BrokerError
from unfold.decorators import action
from unfold.views import ChangeList

from newsletter import edition_desk
from newsletter.admin.forms import PreviewForm, VisibilityForm
from newsletter.answers import Verdict
from newsletter.edition_desk import DeskError
from newsletter.editions import edition_for
from newsletter.models import Digest, Edition, Pick
from newsletter.numbers import WAITING, counted, pairs
from papers.admin_base import AdminBase, StackedInline
from papers.models import Paper, Topic
from papers.visibility import VisibilityError, set_visibility

SEND = "newsletter.send_edition"


class PickInline(StackedInline):
    model = Pick
    fields = ["paper", "note", "topic", "position"]
    autocomplete_fields = ["paper", "topic"]
    ordering_field = "position"
    extra = 0

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return not is_frozen(obj) and super().has_add_permission(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return not is_frozen(obj) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return not is_frozen(obj) and super().has_delete_permission(request, obj)


def is_frozen(edition: Edition | None) -> bool:
    return edition is not None and edition.frozen_at is not None


class EditionList(ChangeList):
    """Counts the digests and picks of the editions that are shown, and of no others."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list: list[Any] = list(self.result_list)
        ids = [edition.pk for edition in self.result_list]
        states = pairs(Digest.objects.filter(edition__in=ids), "state")
        picks = dict(counted(Pick.objects.filter(edition__in=ids), "edition"))
        for edition in self.result_list:
            edition.states, edition.picks_count = states[edition.pk], picks.get(edition.pk, 0)


@admin.register(Edition)
class EditionAdmin(AdminBase):
    inlines = [PickInline]
    list_per_page = 28
    list_display = ["date", "condition", "n_picks", "n_sent", "n_waiting", "n_skipped", "n_failed", "ranker"]
    list_filter = ["date"]
    list_select_related = ["ranker"]
    search_fields = ["note"]
    date_hierarchy = "date"
    fields = ["date", "note", "window_start", "window_end", "ranker"]
    autocomplete_fields: list[str] = []
    actions_list = ["today"]
    actions_detail = ["preview_as_reader"]
    change_form_outer_before_template = "admin/newsletter/edition/run.html"
    change_form_outer_after_template = "admin/newsletter/edition/candidates.html"

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        if is_frozen(obj):
            return list(self.fields)
        return ["ranker"] if obj is None else ["date", "ranker"]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[EditionList]:
        return EditionList

    @admin.display(description=_("state"))
    def condition(self, edition: Edition) -> str:
        return " ".join(str(word) for word in conditions(edition))

    @admin.display(description=_("picks"))
    def n_picks(self, edition: Any) -> int:
        return int(edition.picks_count)

    @admin.display(description=_("sent"))
    def n_sent(self, edition: Any) -> int:
        return int(edition.states[Digest.State.SENT])

    @admin.display(description=_("waiting"))
    def n_waiting(self, edition: Any) -> int:
        return sum(edition.states[state] for state in WAITING)

    @admin.display(description=_("skipped"))
    def n_skipped(self, edition: Any) -> int:
        return int(edition.states[Digest.State.SKIPPED])

    @admin.display(description=_("failed"))
    def n_failed(self, edition: Any) -> int:
        return int(edition.states[Digest.State.FAILED])

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        for pick_form in formset.forms:
            if formset.model is Pick and pick_form.instance.editor_id is None:
                pick_form.instance.editor = request.user
        super().save_formset(request, form, formset, change)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        edition = self.get_object(request, object_id)
        if edition is not None:
            extra_context = (extra_context or {}) | self.desk(request, edition)
        response: HttpResponse = super().change_view(request, object_id, form_url, extra_context)
        return response

    def desk(self, request: HttpRequest, edition: Edition) -> dict[str, Any]:
        """What stands around the form: how the run is, and the candidates."""
        asked = {name: request.GET.get(name, "") for name in ("sort", "topic", "words")}
        states = dict(edition.digests.order_by().values_list("state").annotate(n=Count("pk")))
        digests = reverse("admin:newsletter_digest_changelist")
        return {
            "edition": edition,
            "conditions": conditions(edition),
            "states": [
                (state.label, states[state], f"{digests}?edition__id__exact={edition.pk}&state__exact={state}")
                for state in Digest.State
                if state in states
            ],
            "may_send": request.user.has_perm(SEND),  # type: ignore[union-attr]
            "may_pick": self.has_change_permission(request, edition) and not is_frozen(edition),
            "may_see_digests": request.user.has_perm("newsletter.view_digest"),  # type: ignore[union-attr]
            "may_hide": request.user.has_perm("papers.change_paper"),  # type: ignore[union-attr]
            "candidates": edition_desk.candidates_of(edition, page=request.GET.get("page", 1), **asked),
            "sorts": edition_desk.SORTS,
            "asked": asked,
            "asked_url": urlencode({name: value for name, value in asked.items() if value}),
        }

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        own = [
            path("<int:pk>/do/<str:what>/", wrap(self.do), name="newsletter_edition_do"),
            path("<int:pk>/send/", wrap(self.send), name="newsletter_edition_send"),
            path("<int:pk>/test/", wrap(self.send_test), name="newsletter_edition_test"),
            path("<int:pk>/paper/<int:paper_pk>/", wrap(self.visibility), name="newsletter_edition_paper"),
        ]
        return [*own, *super().get_urls()]

    @action(description=_("Today's edition"), url_path="today", permissions=["change"])
    def today(self, request: HttpRequest) -> HttpResponse:
        """Made if need be, as the first reader's turn would make it."""
        return redirect("admin:newsletter_edition_change", edition_for(timezone.now().date()).pk)

    def do(self, request: HttpRequest, pk: int, what: str) -> HttpResponse:
        """A button of the desk: freeze, thaw, stop, resume or pick."""
        edition = get_object_or_404(Edition, pk=pk)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        changes = {"freeze": edition_desk.freeze, "thaw": edition_desk.thaw}
        changes |= {"stop": edition_desk.stop, "resume": edition_desk.resume}
        back = redirect(self.back_to(edition, request.POST.get("asked", "")))
        try:
            if what in changes:
                may_send(request)
                changes[what](edition)
                if what == "resume":
                    transaction.on_commit(ask_for_sweep)
                self.log_change(request, edition, DONE[what])
                messages.success(request, DONE[what])
            elif what == "pick":
                self.pick(request, edition)
            else:
                raise Http404
        except DeskError as error:
            messages.error(request, str(error))
        return back

    def pick(self, request: HttpRequest, edition: Edition) -> None:
        if not self.has_change_permission(request, edition):
            raise PermissionDenied
        paper = get_object_or_404(Paper, pk=request.POST.get("paper") or 0)
        topic = Topic.objects.filter(pk=request.POST.get("topic") or 0).first()
        edition_desk.pick(edition, paper, request.user, topic)  # type: ignore[arg-type]
        self.log_change(request, edition, f"Picked: {paper}")
        messages.success(request, _("Picked. Give it a note and its place above, and save."))

    def back_to(self, edition: Edition, asked: str = "") -> str:
        url = reverse("admin:newsletter_edition_change", args=[edition.pk])
        return f"{url}?{asked}#candidates" if asked else url

    def send(self, request: HttpRequest, pk: int) -> HttpResponse:
        edition = get_object_or_404(Edition, pk=pk)
        may_send(request)
        if request.method == "POST":
            try:
                n_turns = edition_desk.send_now(edition)
            except DeskError as error:
                messages.error(request, str(error))
            else:
                transaction.on_commit(ask_for_dispatch)
                self.log_change(request, edition, f"Sent now to {n_turns} readers")
                told = ngettext("%d reader's turn is now.", "%d readers' turns are now.", n_turns) % n_turns
                messages.success(request, told)
            return redirect(self.back_to(edition))
        context = {
            **self.admin_site.each_context(request),
            "title": _("Send now"),
            "opts": self.opts,
            "edition": edition,
            "n_turns": edition_desk.turns_to_come(edition),
        }
        return TemplateResponse(request, "admin/newsletter/edition/send.html", context)

    @action(description=_("Preview as reader"), url_path="preview", permissions=["view"])
    @method_decorator(csp_update({"style-src": ["'unsafe-inline'"]}))
    def preview_as_reader(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The digest of a reader the editor chooses, or of a new one, as it would be sent now."""
        from newsletter.preview import preview_for  # brings the ranker along, which no command but a few needs

        edition = self.get_object(request, object_id)
        if edition is None:
            raise Http404
        form = PreviewForm(request.GET or {"email": PreviewForm.own_address(request.user.get_username())})
        context = {
            **self.admin_site.each_context(request),
            "title": _("Preview as reader"),
            "opts": self.opts,
            "edition": edition,
            "form": form,
            "preview": preview_for(form.subscription, edition.date) if form.is_valid() else None,
            "may_send": request.user.has_perm(SEND),  # type: ignore[union-attr]
        }
        return TemplateResponse(request, "newsletter/admin_preview.html", context)

    def send_test(self, request: HttpRequest, pk: int) -> HttpResponse:
        """To the editor's own address and no other."""
        from newsletter.preview import send_test

        edition = get_object_or_404(Edition, pk=pk)
        may_send(request)
        form = PreviewForm(request.POST)
        back = reverse("admin:newsletter_edition_preview_as_reader", args=[edition.pk])
        if request.method != "POST" or not form.is_valid():
            return redirect(back)
        address = request.user.get_username()
        answer = send_test(form.subscription, edition.date, address)
        if answer.verdict == Verdict.SENT:
            messages.success(request, _("A test is on its way to %s.") % address)
        else:
            messages.error(request, _("No test was sent: %s") % answer.said)
        chosen = {name: request.POST.get(name, "") for name in form.fields}
        return redirect(f"{back}?{urlencode(chosen)}")

    def visibility(self, request: HttpRequest, pk: int, paper_pk: int) -> HttpResponse:
        edition = get_object_or_404(Edition, pk=pk)
        paper = get_object_or_404(Paper, pk=paper_pk)
        if not request.user.has_perm("papers.change_paper"):  # type: ignore[union-attr]
            raise PermissionDenied
        form = VisibilityForm(request.POST or None, initial={"seen_as": paper.status})
        if request.method == "POST" and form.is_valid():
            try:
                set_visibility(paper, editor_id=int(request.user.pk or 0), **form.cleaned_data)
            except VisibilityError as error:
                messages.error(request, str(error))
            else:
                paper.refresh_from_db()
                messages.success(request, _("The paper is %s from now on.") % paper.get_status_display())
                return redirect(self.back_to(edition))
        context = {
            **self.admin_site.each_context(request),
            "title": _("Hide, withdraw or embargo"),
            "opts": self.opts,
            "edition": edition,
            "paper": paper,
            "form": form,
            "n_waiting": edition.digests.filter(state=Digest.State.COMPOSED).count(),
        }
        return TemplateResponse(request, "admin/newsletter/edition/visibility.html", context)


DONE = {
    "freeze": _("Frozen: note, picks and window stay as they are."),
    "thaw": _("No longer frozen."),
    "stop": _("Stopped: no more of its digests are sent until it is resumed."),
    "resume": _("Resumed: what waits is sent within a minute."),
}


def conditions(edition: Edition) -> list[Any]:
    frozen = [_("frozen")] if edition.frozen_at else []
    stopped = [_("stopped")] if edition.stopped_at else []
    return [*frozen, *stopped] or [_("open")]


def may_send(request: HttpRequest) -> None:
    if not request.user.has_perm(SEND):  # type: ignore[union-attr]
        raise PermissionDenied


def ask_for_dispatch() -> None:
    """Without a broker nothing is lost: beat asks who is due every five minutes."""
    from newsletter.tasks import dispatch_due

    with contextlib.suppress(BrokerError, CeleryError):
        dispatch_due.delay()


def ask_for_sweep() -> None:
    """Nor here: beat asks every minute."""
    from newsletter.tasks import sweep

    with contextlib.suppress(BrokerError, CeleryError):
        sweep.delay()
