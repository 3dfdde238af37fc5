"""The API: papers, search, and a reader's own recommendations, interactions and library, as JSON."""

from __future__ import annotations

import time
from datetime import date
from typing import Annotated, Any, Literal

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.core.cache import cache
from django.http import Http404, HttpRequest, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from ninja import Field, NinjaAPI, Path, Query, Schema
from ninja.security import HttpBearer
from ninja.throttling import BaseThrottle

from accounts.models import User
from accounts.tokens import reader_with
from papers.identifiers import find_papers
from papers.models import Paper, PaperQuerySet
from recommender import interactions
from recommender.api_reference import Reference
from recommender.feed import feed
from recommender.library import find, shelf
from recommender.library_export import DATES, FORMATS, kept
from recommender.models import Interaction
from recommender.search import search_papers

MINUTE = 60
LARGEST_ID = 2**63 - 1
PaperId = Annotated[int, Path(ge=1, le=LARGEST_ID)]


class Token(HttpBearer):
    """Made on the account page; sent as `Authorization: Bearer broadsheet_...`."""

    def authenticate(self, request: HttpRequest, token: str) -> User | None:
        return reader_with(token)


class Limit(BaseThrottle):
    """So many requests a minute from one reader, or from one network without a token. Counted in the cache, so across
    processes only with Redis. Holds nothing itself, since all requests share it."""

    def allow_request(self, request: HttpRequest) -> bool:
        reader = getattr(request, "auth", None)
        if isinstance(reader, User):
            who, most = f"reader:{reader.pk}", settings.API_REQUESTS_OF_A_READER
        else:
            who, most = f"network:{get_adapter().get_client_ip(request)}", settings.API_REQUESTS_OF_A_NETWORK
        key = f"api:{who}:{int(time.time() // MINUTE)}"
        cache.add(key, 0, timeout=2 * MINUTE)
        try:
            return cache.incr(key) <= most
        except ValueError:  # thrown out of a full cache between the two
            return True

    def wait(self) -> float:
        return MINUTE


api = NinjaAPI(
    title="Broadsheet",
    version="1.0.0",
    description="Papers and search are for everybody; what is a reader's own asks for a token of theirs.",
    docs=Reference(),
    docs_url="/",
    auth=Token(),
    throttle=[Limit()],
)


# --- what it says ----------------------------------------------------------------------------------------------------


class Problem(Schema):
    detail: Any


class TopicOut(Schema):
    slug: str
    name: str


class IdentifierOut(Schema):
    scheme: str
    value: str
    version: int | None


class PaperOut(Schema):
    id: int
    title: str
    abstract: str
    authors: list[str] = Field(alias="author_names")
    topics: list[TopicOut]
    identifiers: list[IdentifierOut]
    published: str = Field(description="The day, month or year, as precisely as it is known.")
    page: str = Field(description="Its page here.")
    url: str
    pdf_url: str
    code_url: str

    @staticmethod
    def resolve_topics(paper: Paper) -> list[Any]:
        return list(paper.topics.all())

    @staticmethod
    def resolve_identifiers(paper: Paper) -> list[Any]:
        return list(paper.identifiers.all())

    @staticmethod
    def resolve_published(paper: Paper) -> str:
        return paper.published_at.strftime(DATES.get(Paper.Precision(paper.published_precision), "%Y-%m-%d"))

    @staticmethod
    def resolve_page(paper: Paper) -> str:
        return f"{settings.BASE_URL}{paper.get_absolute_url()}"


class PapersOut(Schema):
    papers: list[PaperOut]


class PageOut(PapersOut):
    count: int = Field(description="How many there are on all pages.")
    next_page: int | None


class RecommendedOut(Schema):
    paper: PaperOut
    why: str


class RecommendationsOut(Schema):
    recommended: list[RecommendedOut]


class InteractionIn(Schema):
    paper: int | str = Field(description="Its id here, or its arXiv id, DOI or address.")
    kind: Literal["read", "save", "upvote", "more", "less", "dismiss"]


class InteractionOut(Schema):
    paper: int
    kinds: list[str] = Field(description="All that the reader did with this paper, as it is now.")


# --- what it takes ---------------------------------------------------------------------------------------------------


class Filters(Schema):
    topic: str = Field("", pattern=r"^[-a-zA-Z0-9_]{0,80}$", description="A topic's slug.")
    since: date | None = Field(None, description="Announced on this day or later.")
    until: date | None = Field(None, description="Announced on this day or earlier.")

    def apply(self, papers: PaperQuerySet) -> PaperQuerySet:
        if self.topic:
            papers = papers.filter(topics__slug=self.topic)
        if self.since:
            papers = papers.filter(published_at__date__gte=self.since)
        if self.until:
            papers = papers.filter(published_at__date__lte=self.until)
        return papers


class PageFilters(Filters):
    page: int = Field(1, ge=1, le=1_000_000)
    per_page: int = Field(30, ge=1, le=100)


class SearchFilters(Filters):
    q: str = Field("", description="Words, an author, an arXiv id, a DOI: any text at all.")
    k: int = Field(30, ge=1, le=100, description="How many at most.")


class ExportFilters(Schema):
    shelf: Literal["saved", "read", "upvoted", "imported", "all"] = "all"
    format: Literal["json", "bib", "ris", "csv"] = "json"
    q: str = Field("", description="Only what has all these words.")
    tag: str = Field("", description="Only what has this tag of yours.")


# --- for everybody ---------------------------------------------------------------------------------------------------


@api.get("/papers", auth=None, response={200: PageOut, 429: Problem}, summary="Papers, the newest first")
def papers(request: HttpRequest, filters: Query[PageFilters]) -> dict[str, Any]:
    found = filters.apply(Paper.objects.published())
    count = found.count()
    end = filters.page * filters.per_page
    page = with_all(found.newest_first())[end - filters.per_page : end]
    return {"papers": list(page), "count": count, "next_page": filters.page + 1 if end < count else None}


@api.get("/papers/{paper_id}", auth=None, response={200: PaperOut, 404: Problem, 429: Problem}, summary="One paper")
def paper(request: HttpRequest, paper_id: PaperId) -> Paper:
    return get_object_or_404(with_all(Paper.objects.published()), pk=paper_id)


@api.get("/search", auth=None, response={200: PapersOut, 429: Problem}, summary="Search, the best match first")
def search(request: HttpRequest, filters: Query[SearchFilters]) -> dict[str, Any]:
    query = filters.q.replace("\x00", " ").strip()
    found = search_papers(query, filters.k, filters.apply(Paper.objects.all())) if query else []
    return {"papers": in_order(found)}


# --- a reader's own --------------------------------------------------------------------------------------------------


@api.get(
    "/recommendations", response={200: RecommendationsOut, 401: Problem, 429: Problem}, summary="My recommendations"
)
def recommendations(
    request: HttpRequest, k: Annotated[int, Query(ge=1, le=100, description="How many at most.")] = 30
) -> dict[str, Any]:
    """What "For you" shows: new papers, the best first, each with why."""
    found = feed(reader_of(request), k).recommended
    papers = in_order([item.paper for item in found])
    return {"recommended": [{"paper": paper, "why": item.why} for paper, item in zip(papers, found, strict=True)]}


@api.post(
    "/interactions",
    response={200: InteractionOut, 401: Problem, 404: Problem, 429: Problem},
    summary="Record an interaction",
)
def record(request: HttpRequest, said: InteractionIn) -> dict[str, Any]:
    """Said twice it counts once. What contradicts it is taken back: saving a paper ends "less like this"."""
    reader, paper = reader_of(request), named(said.paper)
    interactions.record(reader, paper, said.kind, Interaction.Source.API)
    return state_of(reader, paper)


@api.delete(
    "/interactions/{paper_id}/{kind}",
    response={200: InteractionOut, 401: Problem, 404: Problem, 429: Problem},
    summary="Take an interaction back",
)
def undo(request: HttpRequest, paper_id: PaperId, kind: Literal["save", "upvote", "more", "less", "dismiss"]) -> Any:
    reader = reader_of(request)
    paper = get_object_or_404(Paper.objects.filter(interactions__user=reader).distinct(), pk=paper_id)
    interactions.undo(reader, paper, kind)
    return state_of(reader, paper)


@api.get(
    "/export",
    response={200: None, 401: Problem, 429: Problem},
    summary="Export my library",
    openapi_extra={
        "responses": {200: {"description": "A file", "content": {kind: {} for _write, kind in FORMATS.values()}}}
    },
)
def export(request: HttpRequest, filters: Query[ExportFilters]) -> StreamingHttpResponse:
    """As JSON, BibTeX, RIS or CSV, with my tags and notes."""
    reader = reader_of(request)
    write, content_type = FORMATS[filters.format]
    query, tag = filters.q.replace("\x00", " "), filters.tag.replace("\x00", " ")
    papers = find(reader, shelf(reader, filters.shelf), query, tag)
    return StreamingHttpResponse(write(kept(reader, papers)), content_type=f"{content_type}; charset=utf-8")


# --- parts -----------------------------------------------------------------------------------------------------------


def reader_of(request: HttpRequest) -> User:
    """For what asks for a token."""
    reader = request.auth  # type: ignore[attr-defined]
    assert isinstance(reader, User)
    return reader


def with_all(papers: PaperQuerySet) -> PaperQuerySet:
    return papers.for_lists().prefetch_related("identifiers")


def in_order(papers: list[Paper]) -> list[Paper]:
    rows = with_all(Paper.objects.all()).in_bulk([paper.pk for paper in papers])
    return [rows[paper.pk] for paper in papers]


def named(name: int | str) -> Paper:
    """A paper that readers may see, by its id here or by what the world calls it."""
    if isinstance(name, int):
        return get_object_or_404(Paper.objects.published(), pk=name)
    paper = find_papers([name[:300]]).get(name[:300])
    if paper is None or not paper.is_visible():
        raise Http404
    return paper


def state_of(reader: User, paper: Paper) -> dict[str, Any]:
    return {"paper": paper.pk, "kinds": sorted(interactions.kinds_by_paper(reader, [paper]).get(paper.pk, ()))}
