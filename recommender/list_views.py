"""Reading lists: one's own and one's groups', and the addresses at which others read them."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import User
from accounts.views import signed_in_reader
from papers.models import Author, Paper
from recommender import lists
from recommender.interactions import kinds_by_paper
from recommender.list_forms import ListForm, PapersForm
from recommender.lists import CannotDo, Sharing
from recommender.models import Membership, ReadingList
from recommender.way_back import way_back

PAPERS_A_PAGE = 30


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def reading_lists(request: HttpRequest) -> HttpResponse:
    """Those there are, and a form for one more."""
    user = signed_in_reader(request)
    form = ListForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            return redirect(lists.create_list(user, form.cleaned_data["name"]))
        except CannotDo as error:
            messages.error(request, str(error))
    theirs = ReadingList.objects.of(user).with_counts().select_related("group")
    context = {"lists": theirs, "form": form, "memberships": user.memberships.select_related("group")}
    return render(request, "recommender/reading_lists.html", context)


@login_required
@never_cache
@require_safe
def reading_list(request: HttpRequest, pk: int) -> HttpResponse:
    user = signed_in_reader(request)
    one = get_object_or_404(ReadingList.objects.of(user).select_related("group"), pk=pk)
    context = page_of(request, one, by_members=True) | {
        "may_change": may_change(user, one),
        "papers_form": PapersForm(),
        "name_form": ListForm(initial={"name": one.name}),
        "sharing": Sharing.choices,
    }
    return render(request, "recommender/reading_list.html", context)


@require_safe
def public_list(request: HttpRequest, pk: int) -> HttpResponse:
    one = get_object_or_404(ReadingList.objects.filter(sharing=Sharing.PUBLIC), pk=pk)
    return render(request, "recommender/shared_list.html", page_of(request, one))


@never_cache
@require_safe
def secret_list(request: HttpRequest, secret: str) -> HttpResponse:
    one = get_object_or_404(ReadingList.objects.filter(sharing=Sharing.SECRET), secret=secret)
    response = render(request, "recommender/shared_list.html", page_of(request, one))
    response["X-Robots-Tag"] = "noindex"
    response["Referrer-Policy"] = "same-origin"  # no other site is told the address
    return response


def page_of(request: HttpRequest, one: ReadingList, *, by_members: bool = False) -> dict[str, Any]:
    papers = lists.papers_on(one, by_members=by_members).for_lists()
    page = Paginator(papers, PAPERS_A_PAGE).get_page(request.GET.get("page"))
    return {
        "list": one,
        "page": page,
        "put_there_by": lists.put_there_by(one, list(page)) if by_members else {},
        "kinds": kinds_by_paper(request.user, list(page)) if isinstance(request.user, User) else None,
    }


def may_change(user: User, one: ReadingList) -> bool:
    """Name, sharing, end: the reader's own list, or their group's if they own the group."""
    return one.owner_id == user.pk or Membership.objects.filter(group=one.group_id, user=user, is_owner=True).exists()


@login_required
@require_POST
def change_list(request: HttpRequest, pk: int) -> HttpResponse:
    """`do` is share (how stands in `sharing`; the same again makes a new secret address), rename or delete."""
    user = signed_in_reader(request)
    one = get_object_or_404(ReadingList.objects.of(user), pk=pk)
    if not may_change(user, one):
        raise Http404
    do, form = request.POST.get("do"), ListForm(request.POST)
    if do == "share" and request.POST.get("sharing") in Sharing.values:
        try:
            lists.share(one, request.POST["sharing"])
            messages.success(request, said_of_sharing(one.sharing, request.POST["sharing"]))
        except CannotDo as error:
            messages.error(request, str(error))
    elif do == "rename" and one.owner_id and form.is_valid():
        ReadingList.objects.filter(pk=pk).update(name=form.cleaned_data["name"])
    elif do == "delete" and one.owner_id:
        one.delete()
        messages.success(request, _("“%(name)s” is gone. Its papers are still in your library.") % {"name": one.name})
        return redirect("reading_lists")
    else:
        messages.error(request, _("Nothing is changed: a list needs a name of 80 letters at most."))
    return redirect(one)


def said_of_sharing(before: str, now: str) -> str:
    said = {
        Sharing.SECRET: _("Whoever has the new address reads the list from now on."),
        Sharing.PUBLIC: _("Everybody may read the list from now on."),
        Sharing.PRIVATE: _("Nobody else reads the list any more."),
    }[Sharing(now)]
    return f"{said} {_('The old address works no longer.')}" if before == Sharing.SECRET else said


@login_required
@require_POST
def list_papers(request: HttpRequest, pk: int) -> HttpResponse:
    """`add` or `remove` one paper by its number, or add those named in `papers`."""
    user = signed_in_reader(request)
    one = get_object_or_404(ReadingList.objects.of(user), pk=pk)
    back = way_back(request, one.get_absolute_url())
    try:
        if number := request.POST.get("remove"):
            lists.take_off(one, paper_or_404(number).pk)
            messages.success(request, _("Taken off “%(name)s”.") % {"name": one.name})
        elif number := request.POST.get("add"):
            lists.put(user, one, [paper_or_404(number)])
            messages.success(request, _("On “%(name)s”, and in your library.") % {"name": one.name})
        else:
            add_named(request, user, one)
    except CannotDo as error:
        messages.error(request, str(error))
    return redirect(back)


def paper_or_404(number: str) -> Paper:
    return get_object_or_404(Paper, pk=int(number) if number.isdecimal() and len(number) < 19 else 0)


def add_named(request: HttpRequest, user: User, one: ReadingList) -> None:
    form = PapersForm(request.POST)
    if not form.is_valid():
        raise CannotDo(_("Name a paper: by its arXiv id, DOI or address."))
    n_new, unknown = lists.put_named(user, one, form.cleaned_data["papers"])
    if n_new:
        messages.success(request, ngettext("%d paper added.", "%d papers added.", n_new) % n_new)
    if unknown:
        named = ", ".join(unknown[:5]) + (" …" if len(unknown) > 5 else "")
        messages.error(request, _("Not in the catalogue: %(named)s. You can submit it.") % {"named": named})
    elif not n_new:
        messages.success(request, _("All of them are on the list already."))


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def follow_authors(request: HttpRequest, pk: int) -> HttpResponse:
    """A lab is the people who write its papers: those of a list are followed in one go."""
    user = signed_in_reader(request)
    one = get_object_or_404(ReadingList.objects.of(user), pk=pk)
    authors = lists.authors_of(one)
    if request.method == "POST":
        chosen = set(request.POST.getlist("author"))
        wanted: list[Author] = [author for author, _n in authors if str(author.pk) in chosen]
        lists.follow(user, wanted)
        n = len(wanted)
        messages.success(
            request,
            ngettext("You follow %d author: what they write comes.", "You follow %d authors: what they write comes.", n)
            % n,
        )
        return redirect(one)
    followed = set(Author.objects.filter(followers__user=user).values_list("pk", flat=True))
    return render(request, "recommender/follow_authors.html", {"list": one, "authors": authors, "followed": followed})
