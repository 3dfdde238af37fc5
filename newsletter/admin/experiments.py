"""Experiments: set up, start, look at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db import IntegrityError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action

from newsletter.experiments import judge, start, stop
from newsletter.models import Experiment
from papers.admin_base import AdminBase


@admin.register(Experiment)
class ExperimentAdmin(AdminBase):
    """Set up, start, look at. The rule is fixed once it runs; before it is fulfilled the counts decide nothing."""

    list_display = ["name", "state", "ranker_a", "ranker_b", "started_at", "stopped_at"]
    list_filter = ["state"]
    list_select_related = ["ranker_a", "ranker_b"]
    search_fields = ["name"]
    actions_detail = ["start", "stop"]
    fields = [
        "name",
        "ranker_a",
        "ranker_b",
        "readers_wanted",
        "last_day",
        "state",
        "started_at",
        "stopped_at",
        "result",
    ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        always = ["state", "started_at", "stopped_at", "result"]
        is_draft = obj is None or obj.state == Experiment.State.DRAFT
        return always if is_draft else [*always, "ranker_a", "ranker_b", "readers_wanted", "last_day"]

    @admin.display(description=_("result"))
    def result(self, experiment: Experiment) -> SafeString | str:
        if experiment.started_at is None:
            return "-"
        found = judge(experiment)
        return render_to_string("newsletter/admin_experiment.html", {"experiment": experiment, "found": found})

    @action(description=_("Start"), url_path="start", permissions=["change"])
    def start(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._confirm(request, object_id, Experiment.State.DRAFT, start)

    @action(description=_("Stop"), url_path="stop", permissions=["change"])
    def stop(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._confirm(request, object_id, Experiment.State.RUNNING, stop)

    def _confirm(
        self, request: HttpRequest, object_id: str, state: str, act: Callable[[Experiment], bool]
    ) -> HttpResponse:
        """An action of the detail page is a link, so it asks, and the button posts."""
        experiment = self.get_object(request, object_id)
        if experiment is None:
            raise Http404
        back = redirect("admin:newsletter_experiment_change", experiment.pk)
        if experiment.state == state and request.method == "POST":
            try:
                is_done = act(experiment)
            except IntegrityError:
                messages.error(request, _("Another experiment is running: stop it first."))
                return back
            experiment.refresh_from_db()
            if is_done:
                done = _("It is %s now.") % experiment.get_state_display()
                self.log_change(request, experiment, done)
                messages.success(request, done)
                return back
        if experiment.state != state:
            messages.error(request, _("It is %s already.") % experiment.get_state_display())
            return back
        context = {**self.admin_site.each_context(request), "title": experiment.name, "opts": self.opts}
        return TemplateResponse(request, "newsletter/admin_confirm.html", context | {"experiment": experiment})
