"""Interests that a reader keeps apart."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.views import signed_in_reader
from recommender.interest_forms import InterestApartForm
from recommender.models import Interest

MOST_APART = 12  # of one reader: each takes its turn in a list of ten or thirty


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def interests(request: HttpRequest) -> HttpResponse:
    """Those there are, and a form for one more."""
    user = signed_in_reader(request)
    apart = user.interests.exclude(name="").prefetch_related("topics", "authors")
    has_room = len(apart) < MOST_APART
    form = InterestApartForm(Interest(user=user), request.POST or None)
    if request.method == "POST" and has_room and form.is_valid():
        form.save()
        messages.success(request, _("“%(name)s” takes its turn from now on.") % {"name": form.cleaned_data["name"]})
        return redirect("interests")
    context = {"apart": apart, "form": form, "has_room": has_room}
    return render(request, "recommender/interests.html", context)


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def interest(request: HttpRequest, pk: int) -> HttpResponse:
    kept = get_object_or_404(signed_in_reader(request).interests.exclude(name=""), pk=pk)
    if "delete" in request.POST:
        kept.delete()
        messages.success(request, _("“%(name)s” is no longer kept apart.") % {"name": kept.name})
        return redirect("interests")
    form = InterestApartForm(kept, request.POST or None)
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, _("Saved."))
        return redirect("interests")
    return render(request, "recommender/interest.html", {"interest": kept, "form": form})
