"""What a reader would get now and why, by one ranker or by two side by side."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminEmailInputWidget, UnfoldAdminSelectWidget

from newsletter.admin.forms import PreviewForm
from newsletter.models import Digest
from newsletter.schedule import local_date
from recommender.models import RankerVersion

NEEDED = ("newsletter.view_edition", "recommender.view_rankerversion")  # as for a preview, and for a version's page
VERSIONS_OFFERED = 50
LABELS: dict[str, Any] = {
    "reading": _("meaning"),
    "neighbours": _("neighbours' votes by meaning"),
    "lexical": _("neighbours' votes by words"),
    "lent": _("collaborative, lent by like papers"),
    "coreads": _("read together"),
    "collaborative": _("collaborative"),
    "topics": _("topics followed"),
    "authors": _("authors followed"),
    "popularity": _("popularity"),
    "recency": _("recency"),
    "disliked": _("like what they refused"),
}


class WhyForm(PreviewForm):
    email = forms.EmailField(
        label=_("Reader's e-mail address (empty: a new reader)"), required=False, widget=UnfoldAdminEmailInputWidget
    )
    width = scheme = None  # type: ignore[assignment]
    version = forms.ChoiceField(label=_("Ranker"), required=False, widget=UnfoldAdminSelectWidget)
    beside = forms.ChoiceField(label=_("Beside it"), required=False, widget=UnfoldAdminSelectWidget)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offered = RankerVersion.objects.order_by("-created_at")[:VERSIONS_OFFERED]
        named = [(one.name, f"{one.name} ({one.get_state_display()})") for one in offered]
        self.fields["version"].choices = [("", _("the one in use")), *named]  # type: ignore[attr-defined]
        self.fields["beside"].choices = [("", _("none")), *named]  # type: ignore[attr-defined]

    @property
    def versions(self) -> list[str]:
        """By name, so that no experiment mixes two of them."""
        State = RankerVersion.State
        in_use = RankerVersion.objects.filter(state=State.PUBLISHED).values_list("name", flat=True).first() or ""
        chosen = [self.cleaned_data["version"] or in_use]
        return chosen + ([self.cleaned_data["beside"]] if self.cleaned_data["beside"] else [])


def why_view(model_admin: Any, request: HttpRequest) -> HttpResponse:
    if not all(request.user.has_perm(right) for right in NEEDED):  # type: ignore[union-attr]
        raise PermissionDenied
    # These bring the mathematics along, which every process would load otherwise.
    from newsletter.why import side_by_side
    from recommender.engine.errors import ArtifactError

    form = WhyForm(request.GET or {"email": PreviewForm.own_address(request.user.get_username())})
    at = timezone.now()
    lists: list[Any] = []
    had = None
    if form.is_valid():
        subscription = form.subscription
        had = Digest.objects.filter(subscription=subscription.pk, period=local_date(subscription, at)).first()
        try:
            lists = side_by_side(subscription, form.versions, at)
        except ArtifactError as error:
            messages.error(request, str(error))
    context = {
        **model_admin.admin_site.each_context(request),
        "title": _("What a reader would get now, and why"),
        "opts": RankerVersion._meta,
        "form": form,
        "had": had,
        "lists": [(one, [LABELS[name] for name in one.parts]) for one in lists],
        "is_pair": len(lists) == 2,
    }
    return TemplateResponse(request, "admin/newsletter/why.html", context)
