"""Searches that a reader saved: asked again with a click, and in the digest if they like."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts.views import signed_in_reader
from recommender.forms import SavedSearchForm
from recommender.models import SavedSearch

MOST_SAVED = 50  # by one reader: each is a query more when their digest is made


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def saved_searches(request: HttpRequest) -> HttpResponse:
    user = signed_in_reader(request)
    if request.method == "POST":
        form = SavedSearchForm(request.POST)
        if not form.is_valid():
            messages.error(request, _("There is nothing to look for in that: type a word or two."))
        elif user.saved_searches.count() >= MOST_SAVED:
            messages.error(request, _("%d searches are saved already: let one go first.") % MOST_SAVED)
        else:
            SavedSearch.objects.get_or_create(user=user, **form.cleaned_data)
            messages.success(request, _("Saved. New papers that it finds come in your digest and on your page."))
        return redirect("saved_searches")
    searches = user.saved_searches.select_related("topic")
    return render(request, "recommender/saved_searches.html", {"searches": searches})


@login_required
@require_POST
def saved_search(request: HttpRequest, pk: int) -> HttpResponse:
    """`digest` is on or off; `delete` lets it go."""
    search = get_object_or_404(signed_in_reader(request).saved_searches, pk=pk)
    if "delete" in request.POST:
        search.delete()
    elif request.POST.get("digest") in ("on", "off"):
        search.in_digest = request.POST["digest"] == "on"
        search.save(update_fields=["in_digest"])
    return redirect("saved_searches")
