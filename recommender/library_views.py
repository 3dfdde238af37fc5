"""The reader's library: shelves, looking through them, tags and notes, taking it along."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.views import signed_in_reader
from papers.models import Paper
from recommender.library import SHELVES, annotate, find, marks_by_paper, shelf, tags_of
from recommender.library_export import FORMATS, kept
from recommender.library_forms import AnnotationForm, LibrarySearchForm

PAPERS_A_PAGE = 30


@login_required
@never_cache
@require_safe
def library(request: HttpRequest) -> HttpResponse:
    user = signed_in_reader(request)
    form = searched(request)
    name, query, tag = (form.cleaned_data[key] for key in ("shelf", "q", "tag"))
    page = Paginator(find(user, shelf(user, name), query, tag).for_lists(), PAPERS_A_PAGE).get_page(
        request.GET.get("page")
    )
    marks = marks_by_paper(user, list(page))
    context = {
        "shelves": [(key, label) for key, (label, _kinds_of_it) in SHELVES.items()],
        "shelf": name,
        "form": form,
        "is_searched": bool(query or tag),
        "tags": tags_of(user),
        "tag": tag,
        "formats": list(FORMATS),
        "page": page,
        "marks": marks,
        "kinds": {pk: mark.kinds for pk, mark in marks.items()},
    }
    return render(request, "recommender/library.html", context)


@login_required
@never_cache
@require_safe
def library_export(request: HttpRequest, form: str) -> StreamingHttpResponse:
    """The shelf as it is shown, all pages of it."""
    user = signed_in_reader(request)
    chosen = searched(request).cleaned_data
    write, content_type = FORMATS[form]
    papers = find(user, shelf(user, chosen["shelf"]), chosen["q"], chosen["tag"])
    response = StreamingHttpResponse(write(kept(user, papers)), content_type=f"{content_type}; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="library-{chosen["shelf"]}.{form}"'
    return response


@login_required
@require_POST
def library_annotate(request: HttpRequest, pk: int) -> HttpResponse:
    """Tags and a note, on a paper in the reader's library only."""
    user = signed_in_reader(request)
    paper = get_object_or_404(Paper.objects.filter(pk__in=shelf(user, "all").values("pk")), pk=pk)
    form = AnnotationForm(request.POST)
    if form.is_valid():
        annotate(user, paper, form.cleaned_data["tags"], form.cleaned_data["note"])
        messages.success(request, _("Saved."))
    else:
        messages.error(request, " ".join(str(error) for errors in form.errors.values() for error in errors))
    back = request.POST.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure())
    return redirect(back if is_ours else reverse("library"))


def searched(request: HttpRequest) -> LibrarySearchForm:
    form = LibrarySearchForm(request.GET)
    if not form.is_valid():
        raise Http404
    return form
