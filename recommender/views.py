"""The reading pages."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import redirect_to_login
from django.core.paginator import Page, Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

from accounts.models import User
from papers.citing import bibtex, citation_key, ris
from papers.mathematics import Piece, pieces
from papers.models import Author, Paper, PaperQuerySet, Topic
from recommender import interactions
from recommender.following_views import followed_authors, follows_topic
from recommender.forms import LibraryForm, SearchForm, TopicForm
from recommender.library_import import apply
from recommender.lists import lists_to_put_on
from recommender.models import Interaction
from recommender.periods import SPANS, Period, Span, month_of, newest_day, topics_of
from recommender.picked import picked
from recommender.search import search_papers
from recommender.similar import similar_papers
from recommender.trending import trending
from recommender.way_back import way_back

Kind = Interaction.Kind

PAPERS_A_PAGE = 30
TRENDING_PAPERS = 60
SEARCH_RESULTS = 50
SIMILAR_PAPERS = 6
LINKS = {"abstract": "url", "pdf": "pdf_url", "code": "code_url"}
CITATIONS: dict[str, tuple[Callable[[Paper], str], str]] = {
    "bib": (bibtex, "application/x-bibtex"),
    "ris": (ris, "application/x-research-info-systems"),
}
REACTIONS = (Kind.SAVE, Kind.UPVOTE, Kind.MORE, Kind.LESS, Kind.DISMISS)

# What a button that steers the reader's page answers; the others show it by their own look.
ANSWERS: dict[str, Promise] = {
    Kind.MORE: gettext_lazy("Your next page has more like it"),
    Kind.LESS: gettext_lazy("Your next page has less like it"),
    Kind.DISMISS: gettext_lazy("Left out, and counted against its like"),
}


class HtmxRequest(HttpRequest):
    htmx: HtmxDetails


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """The newest day that has papers."""
    day = newest_day(Paper.objects.published())
    if day is None:
        return render(request, "recommender/no_papers.html")
    return _trending_page(request, Period("day", day))


@require_safe
def period(request: HttpRequest, span: Span, day: date) -> HttpResponse:
    return _trending_page(request, Period.around(span, day))


def _trending_page(request: HttpRequest, period: Period) -> HttpResponse:
    visible = Paper.objects.published()
    form = TopicForm(request.GET)
    if not form.is_valid():
        raise Http404
    topic = form.cleaned_data["topic"]
    in_topic = visible.filter(topics=topic) if topic else visible
    papers = trending(period.start, period.end, topic, TRENDING_PAPERS)
    context = {
        "period": period,
        "spans": [Period.around(span, period.first) for span in SPANS],
        "previous": period.previous(in_topic),
        "next": period.next(in_topic),
        "calendar": month_of(period.first, in_topic),
        "topic": topic,
        "topics": topics_of(papers).most_common(),
        "papers": papers,
        "picked": picked([paper.pk for paper in papers]),
        "kinds": _kinds(request, papers),
    }
    return render(request, "recommender/trending.html", context)


@require_safe
def topic(request: HttpRequest, slug: str) -> HttpResponse:
    topic = get_object_or_404(Topic, slug=slug)
    page = _page(request, Paper.objects.published().filter(topics=topic).newest_first())
    context = {
        "topic": topic,
        "page": page,
        "kinds": _kinds(request, page),
        "picked": picked([paper.pk for paper in page]),
        "is_followed": follows_topic(request, topic),
    }
    return render(request, "recommender/topic.html", context)


@require_safe
def author(request: HttpRequest, pk: int) -> HttpResponse:
    author = get_object_or_404(Author, pk=pk)
    page = _page(request, Paper.objects.published().filter(authors=author).distinct().newest_first())
    if not page.paginator.count:
        raise Http404  # of an author with hidden papers only, not even the name
    followed = followed_authors(request, [pk])
    context = {
        "author": author,
        "page": page,
        "kinds": _kinds(request, page),
        "is_followed": None if followed is None else pk in followed,
    }
    return render(request, "recommender/author.html", context)


@require_safe
def paper(request: HttpRequest, pk: int) -> HttpResponse:
    paper = get_object_or_404(Paper.objects.for_lists().prefetch_related("identifiers"), pk=pk)
    if paper.merged_into:
        return redirect(paper.merged_into)
    is_visible = paper.is_visible()
    if not is_visible and paper.status != Paper.Status.WITHDRAWN and not _brought_along(request, paper):
        raise Http404
    similar = similar_papers(paper, SIMILAR_PAPERS) if is_visible else []
    # A raw text is kept where it holds mathematics or markup; elsewhere the plain one is all there is.
    title = pieces(paper.raw_title) if paper.raw_title else [Piece(paper.title)]
    abstract = pieces(paper.raw_abstract) if paper.raw_abstract else [Piece(paper.abstract)]
    context = {
        "paper": paper,
        "title": title,
        "abstract": abstract,
        "has_mathematics": any(piece.tex for piece in title + abstract),
        "is_visible": is_visible,
        "similar": similar,
        "kinds": _kinds(request, [paper]),
        "picked": picked([paper.pk]),
        "followed": followed_authors(request, [authorship.author_id for authorship in paper.authorships.all()]),
        "lists": lists_to_put_on(request.user, paper) if is_visible and isinstance(request.user, User) else [],
    }
    if is_visible:
        _record_read(request, paper)
    return render(request, "recommender/paper.html", context)


def _brought_along(request: HttpRequest, paper: Paper) -> bool:
    """Whether a paper that nobody else sees came with this reader's library."""
    if not request.user.is_authenticated:
        return False
    return paper.interactions.filter(user=request.user, kind=Interaction.Kind.IMPORT).exists()


@require_safe
def paper_go(request: HttpRequest, pk: int, link: str) -> HttpResponse:
    """To the paper's own abstract, PDF or code, and nowhere else."""
    paper = get_object_or_404(Paper.objects.published(), pk=pk)
    url = getattr(paper, LINKS[link])
    if not url.startswith(("https://", "http://")):
        raise Http404
    _record_read(request, paper)
    return redirect(url)


@require_safe
def paper_cite(request: HttpRequest, pk: int, form: str) -> HttpResponse:
    paper = get_object_or_404(Paper.objects.published().for_lists().prefetch_related("identifiers"), pk=pk)
    write, content_type = CITATIONS[form]
    response = HttpResponse(write(paper), content_type=f"{content_type}; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{citation_key(paper)}.{form}"'
    return response


def _record_read(request: HttpRequest, paper: Paper) -> None:
    """A browser that fetches pages ahead, or only asks for the header, has not read."""
    is_ahead = "prefetch" in request.headers.get("Sec-Purpose", "")
    if isinstance(request.user, User) and request.method == "GET" and not is_ahead:
        interactions.record(request.user, paper, Kind.READ)


@require_POST
def react(request: HtmxRequest, pk: int) -> HttpResponse:
    """`do` or `undo` one kind. htmx gets the row of buttons as it now is, a plain form goes back to where it was."""
    paper = get_object_or_404(Paper, pk=pk)
    back = way_back(request, paper.get_absolute_url())
    if not isinstance(request.user, User):
        if request.htmx:
            return HttpResponseClientRedirect(redirect_to_login(back).url)
        return redirect_to_login(back)
    kind = request.POST.get("do") or request.POST.get("undo")
    if kind not in REACTIONS:
        return HttpResponseBadRequest("Neither do nor undo names one of: " + ", ".join(REACTIONS))
    is_done = "do" in request.POST
    if not is_done:
        interactions.undo(request.user, paper, kind)
    elif paper.is_visible():
        interactions.record(request.user, paper, kind)
    else:
        raise Http404
    just_said = ANSWERS.get(kind, "") if is_done else ""
    if not request.htmx:
        if just_said:
            messages.success(request, str(just_said))
        return redirect(back)
    context = {
        "paper": paper,
        "kinds": _kinds(request, [paper]),
        "next": back,
        "just_said": just_said,
        "can_dismiss": back.partition("?")[0] == reverse("for_you"),
    }
    is_dismissed = is_done and kind == Kind.DISMISS
    return render(request, "recommender/_dismissed.html" if is_dismissed else "recommender/_reactions.html", context)


@require_safe
def search(request: HttpRequest) -> HttpResponse:
    query = request.GET.get("q", "").replace("\x00", " ").strip()
    form = SearchForm(request.GET.dict() | {"q": query})
    form.is_valid()  # what is wrong with a filter stands beside it; the rest is searched all the same
    papers = search_papers(query, SEARCH_RESULTS, form.papers()) if query else []
    context = {
        "form": form,
        "query": query,
        "papers": papers,
        "picked": picked([paper.pk for paper in papers]),
        "kinds": _kinds(request, papers),
    }
    return render(request, "recommender/search.html", context)


@login_required
def library_import(request: HttpRequest) -> HttpResponse:
    """A library is shown as it was understood before anything is kept of it."""
    form = LibraryForm(request.POST, request.FILES) if request.method == "POST" else LibraryForm()
    context: dict[str, Any] = {"form": form}
    if request.method == "POST" and form.is_valid():
        if "apply" in request.POST:
            n_new = apply(_reader(request), form.found)
            messages.success(request, ngettext("%d paper came along.", "%d papers came along.", n_new) % n_new)
            return redirect(f"{reverse('library')}?shelf=imported")
        context |= {"found": form.found, "text": form.content}
    return render(request, "recommender/library_import.html", context)


def _reader(request: HttpRequest) -> User:
    """For views behind `login_required`."""
    assert isinstance(request.user, User)
    return request.user


def _page(request: HttpRequest, papers: PaperQuerySet) -> Page:
    return Paginator(papers.for_lists(), PAPERS_A_PAGE).get_page(request.GET.get("page"))


def _kinds(request: HttpRequest, papers: Any) -> dict[int, set[str]] | None:
    """What the reader did with these papers; None for somebody not signed in, who gets no buttons."""
    return interactions.kinds_by_paper(request.user, papers) if isinstance(request.user, User) else None
