"""Each service's documents are understood, and what services do wrong is an error that is told, never a quiet day."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from pytest_django import Settings

from papers.fetching import Client, FetchError
from papers.models import Identifier, Paper
from papers.parsers import BadDocument, Entry, Record
from papers.sources import Asking, Page, kinds
from tests.factories import make_paper
from tests.papers.sources import documents
from tests.papers.sources.documents import Fact
from tests.papers.sources.local_server import Answer, LocalServer, Request, serving

pytestmark = pytest.mark.django_db

JUNE_3, JUNE_4, JUNE_5 = (datetime(2024, 6, day, tzinfo=UTC) for day in (3, 4, 5))


@pytest.fixture(autouse=True)
def _quick_and_local(settings: Settings) -> None:
    settings.FETCH_ALLOW_PRIVATE = True
    settings.FETCH_INTERVAL_SECONDS = 0.0


def ask(
    kind: str, answer: Callable[[Request], Answer], query: str = "cs.LG", **values: Any
) -> tuple[list[Page], LocalServer]:
    with serving(answer) as web:
        client = Client(pause=lambda seconds: None)
        asking = Asking(client, web.url, query, **({"since": JUNE_3, "until": JUNE_5} | values))
        return list(kinds()[kind].pages(asking)), web


def answering(*bodies: str, content_type: str = "application/xml") -> Callable[[Request], Answer]:
    remaining = list(bodies)
    return lambda request: Answer(remaining.pop(0) if len(remaining) > 1 else remaining[0], content_type=content_type)


def records(pages: list[Page]) -> list[Record]:
    entries = [entry for page in pages for entry in page.entries]
    assert [entry.reason for entry in entries if not entry.record] == []
    return [entry.record for entry in entries if entry.record]


def refused(pages: list[Page]) -> list[Entry]:
    return [entry for page in pages for entry in page.entries if not entry.record]


# --- arXiv's listing -------------------------------------------------------------------------------------------------


def listing_then_nothing(listing: str) -> Callable[[Request], Answer]:
    nothing = documents.oai_error("noRecordsMatch", "")
    return lambda request: Answer(listing if request.path.startswith("/rss/") else nothing)


@pytest.mark.parametrize("write", [documents.arxiv_rss, documents.arxiv_atom])
def test_what_arxiv_announces_today_is_new_today(write: Callable[..., str]) -> None:
    fact = Fact("2406.00123", "On $x<y$ & more", "Code: https://github.com/lovelace/engine. We win 10% of 90%.")
    pages, web = ask("arxiv", listing_then_nothing(write(date(2024, 6, 4), [fact])), "cs.LG, stat.ML")
    assert records(pages) == [
        {
            "identifiers": ["arXiv:2406.00123v1"],
            "title": "On $x<y$ & more",
            "abstract": "Code: https://github.com/lovelace/engine. We win 10% of 90%.",
            "authors": ["Ada Lovelace", "Alan M. Turing"],
            "topics": ["Machine Learning"],
            "url": "https://arxiv.org/abs/2406.00123",
            "pdf_url": "https://arxiv.org/pdf/2406.00123",
            "code_url": "https://github.com/lovelace/engine",
            "status": "published",
            "published_at": "2024-06-04",
            "announcement": "seen",
        }
    ]
    assert pages[0].newest_at == JUNE_4
    assert web.requests[0].path == "/rss/cs.LG+stat.ML"


def test_a_replacement_of_an_unknown_paper_is_dated_by_its_id_and_is_no_news() -> None:
    old = Fact("2312.04567", version=3, announce_type="replace")
    (record,) = records(ask("arxiv", listing_then_nothing(documents.arxiv_rss(date(2024, 6, 4), [old])))[0])
    assert (record["published_at"], record["announcement"]) == ("2023-12", "unknown")


def test_a_cross_list_is_new_today_only_when_its_id_stands_among_todays() -> None:
    facts = [
        Fact("2406.00110"),
        Fact("2406.00120", announce_type="cross"),
        Fact("2406.00130"),
        Fact("2405.09999", announce_type="cross"),
    ]
    found = records(ask("arxiv", listing_then_nothing(documents.arxiv_rss(date(2024, 6, 4), facts)))[0])
    announced = {record["identifiers"][0][6:16]: (record["published_at"], record["announcement"]) for record in found}
    assert announced["2406.00120"] == ("2024-06-04", "estimated")
    assert announced["2405.09999"] == ("2024-05", "unknown")


def test_a_weekend_listing_is_empty_and_tells_of_nothing_new() -> None:
    pages, _ = ask("arxiv", listing_then_nothing(documents.arxiv_rss(date(2024, 6, 8), [])))
    assert (records(pages), pages[0].newest_at) == ([], None)


def test_an_unchanged_listing_needs_no_harvest() -> None:
    pages, web = ask("arxiv", lambda request: Answer(status=304))
    assert (pages, len(web.requests)) == ([], 1)


@pytest.mark.parametrize("kind", ["arxiv", "arxiv-api", "arxiv-oai"])
def test_an_html_page_with_status_200_is_an_error(kind: str) -> None:
    for content_type in ("text/html", "application/xml"):
        page = Answer("<!DOCTYPE html><html><body>Rate exceeded.</body></html>", content_type=content_type)
        with pytest.raises(FetchError, match="HTML page"):
            ask(kind, lambda request, page=page: page)


@pytest.mark.parametrize("kind", ["arxiv", "arxiv-api", "arxiv-oai"])
def test_an_entity_bomb_is_refused(kind: str) -> None:
    bomb = '<?xml version="1.0"?><!DOCTYPE b [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><rss>&b;</rss>'
    with pytest.raises(BadDocument, match="declares entities"):
        ask(kind, answering(bomb))


def test_a_bad_item_is_kept_aside_and_the_others_are_taken() -> None:
    good, bad = Fact("2406.00001"), Fact("2406.00002", announce_type="surprise")
    pages, _ = ask("arxiv", listing_then_nothing(documents.arxiv_rss(date(2024, 6, 4), [bad, good])))
    (entry,) = refused(pages)
    assert "announced as 'surprise'" in entry.reason
    assert "2406.00002" in entry.raw
    assert len(pages[0].entries) == 2


def test_a_listing_cut_off_keeps_its_whole_items_and_is_a_fault() -> None:
    facts = [Fact(f"2406.{number:05}") for number in range(1, 6)]
    text = documents.arxiv_rss(date(2024, 6, 4), facts)
    cut = text[: text.index("2406.00004</link>")]
    pages, _ = ask("arxiv", listing_then_nothing(cut))
    assert [entry.record["identifiers"][0] for entry in pages[0].entries if entry.record] == [
        "arXiv:2406.00001v1", "arXiv:2406.00002v1", "arXiv:2406.00003v1",
    ]  # fmt: skip
    assert len(refused(pages)) == 1
    assert "not well-formed" in pages[0].fault


def test_a_withdrawn_paper_says_so_and_a_paper_about_withdrawal_does_not() -> None:
    facts = [
        Fact("2406.00001", comment="This paper has been withdrawn by the author due to an error in Lemma 3"),
        Fact(
            "2406.00002", title="Opioid withdrawal", abstract="Withdrawal symptoms were studied; no drug was withdrawn."
        ),
        Fact("2406.00003", abstract="This paper has been withdrawn."),
    ]
    pages, _ = ask("arxiv-oai", answering(documents.oai_records(facts)))
    assert [record["status"] for record in records(pages)] == ["withdrawn", "published", "withdrawn"]


# --- OAI-PMH ---------------------------------------------------------------------------------------------------------


def test_a_harvest_follows_resumption_tokens_set_after_set() -> None:
    def answer(request: Request) -> Answer:
        if token := request.query.get("resumptionToken"):
            return Answer(documents.oai_records([Fact("2406.00002")], token="", total=2) if token == "t1" else "")
        if request.query["set"] == "cs":
            return Answer(documents.oai_records([Fact("2406.00001")], token="t1", total=2))
        return Answer(documents.oai_error("noRecordsMatch", "nothing"))

    pages, web = ask("arxiv-oai", answer, "cs.LG hep-th")
    assert [record["identifiers"][0] for record in records(pages)] == ["arXiv:2406.00001", "arXiv:2406.00002"]
    assert [page.resume for page in pages] == [{"set": "cs", "token": "t1"}, {"set": "physics:hep-th"}, {}]
    assert web.requests[0].query == {
        "verb": "ListRecords", "metadataPrefix": "arXiv", "from": "2024-06-03", "set": "cs",
    }  # fmt: skip
    assert web.requests[1].query == {"verb": "ListRecords", "resumptionToken": "t1"}


def test_a_harvest_resumes_where_it_stopped() -> None:
    pages, web = ask(
        "arxiv-oai", answering(documents.oai_records([Fact("2406.00009")])), resume={"set": "cs", "token": "t7"}
    )
    assert web.requests[0].query["resumptionToken"] == "t7"
    assert len(records(pages)) == 1


def test_an_expired_token_begins_the_set_again() -> None:
    def answer(request: Request) -> Answer:
        if "resumptionToken" in request.query:
            return Answer(documents.oai_error("badResumptionToken", "expired"))
        return Answer(documents.oai_records([Fact("2406.00001")]))

    pages, web = ask("arxiv-oai", answer, resume={"set": "cs", "token": "old"})
    assert len(records(pages)) == 1
    assert len(web.requests) == 2


def test_a_token_given_twice_ends_in_an_error() -> None:
    with pytest.raises(FetchError, match="same resumption token twice"):
        ask("arxiv-oai", answering(documents.oai_records([Fact("2406.00001")], token="t1", total=9)))


def test_an_oai_error_is_told() -> None:
    with pytest.raises(FetchError, match="badArgument: no such set"):
        ask("arxiv-oai", answering(documents.oai_error("badArgument", "no such set")))


def test_a_deleted_record_names_the_paper_to_hide() -> None:
    pages, _ = ask("arxiv-oai", answering(documents.oai_records([Fact("2406.00001", is_deleted=True)])))
    assert records(pages) == [
        {"identifiers": ["oai:arXiv.org:2406.00001"], "status": "hidden", "status_reason": "deleted by arXiv"}
    ]


def test_records_of_other_categories_in_the_set_are_left_out() -> None:
    facts = [Fact("2406.00001", categories=("cs.CR",)), Fact("2406.00002", categories=("math.CO", "cs.LG"))]
    pages, _ = ask("arxiv-oai", answering(documents.oai_records(facts)))
    assert [record["identifiers"] for record in records(pages)] == [["arXiv:2406.00002"]]


# --- when it was announced -------------------------------------------------------------------------------------------


def announced(arxiv_id: str, day: date, announcement: str = "seen") -> Paper:
    paper = make_paper(published_at=datetime(day.year, day.month, day.day, tzinfo=UTC), announcement=announcement)
    Identifier.objects.create(paper=paper, scheme="arxiv", value=arxiv_id)
    return paper


def harvested(fact: Fact, *, is_first: bool = False) -> tuple[str, str]:
    (record,) = records(ask("arxiv-oai", answering(documents.oai_records([fact])), is_first=is_first)[0])
    return record["published_at"], record["announcement"]


def test_a_harvested_paper_was_announced_on_the_first_day_it_can_have_been() -> None:
    friday = Fact("2406.00001", submitted_at=datetime(2024, 6, 7, 12, tzinfo=UTC), changed_on=date(2024, 6, 20))
    assert harvested(friday, is_first=True) == ("2024-06-10", "estimated")


def test_what_a_steady_harvest_meets_for_the_first_time_was_announced_on_that_day() -> None:
    announced("2406.00010", date(2024, 6, 12))
    held = Fact("2406.00011", submitted_at=JUNE_3, changed_on=date(2024, 6, 14))
    assert harvested(held) == ("2024-06-14", "estimated")
    replaced = replace(held, arxiv_id="2406.00012", updated_on=date(2024, 6, 17), changed_on=date(2024, 6, 18))
    assert harvested(replaced) == ("2024-06-12", "estimated")


def test_a_paper_held_in_moderation_was_announced_with_the_ids_around_it() -> None:
    announced("2406.04000", date(2024, 6, 12))
    announced("2406.04002", date(2024, 6, 13))
    announced("2406.04003", date(2024, 6, 13), "unknown")
    assert harvested(Fact("2406.04001", submitted_at=JUNE_3)) == ("2024-06-12", "estimated")


def test_an_old_paper_whose_record_changed_today_is_as_old_as_its_neighbours() -> None:
    announced("2405.00010", date(2024, 5, 2))
    announced("2405.00012", date(2024, 5, 2))
    held = Fact("2405.00011", submitted_at=datetime(2024, 5, 1, 9, tzinfo=UTC), changed_on=date(2024, 6, 4))
    assert harvested(held) == ("2024-05-02", "estimated")


def test_ids_of_another_century_have_no_neighbours() -> None:
    announced("2406.04000", date(2024, 6, 12))
    old = Fact("hep-th/9901001", submitted_at=datetime(1999, 1, 4, tzinfo=UTC), categories=("cs.LG",))
    assert harvested(old)[0] == "1999-01-05"


# --- arXiv's API -----------------------------------------------------------------------------------------------------


def test_the_api_is_read_page_by_page() -> None:
    facts = [Fact(f"2406.{number:05}") for number in range(1, 6)]

    def answer(request: Request) -> Answer:
        start = int(request.query["start"])
        return Answer(documents.arxiv_api(facts[start : start + 2], 5, start))

    pages, web = ask("arxiv-api", answer, "cs.LG, cs.CL")
    assert [record["identifiers"][0] for record in records(pages)] == [f"arXiv:{fact.arxiv_id}v1" for fact in facts]
    assert [page.resume for page in pages] == [{"start": 2}, {"start": 4}, {}]
    assert web.requests[0].query["search_query"] == (
        "(cat:cs.LG OR cat:cs.CL) AND submittedDate:[202405200000 TO 202406050000]"
    )


def test_an_empty_page_where_there_should_be_results_is_asked_for_again() -> None:
    empty, full = documents.arxiv_api([], 1), documents.arxiv_api([Fact("2406.00001")], 1)
    assert len(records(ask("arxiv-api", answering(empty, empty, full))[0])) == 1
    with pytest.raises(FetchError, match="empty page 3 times, though 1 papers match"):
        ask("arxiv-api", answering(empty))


def test_the_same_page_twice_ends_in_an_error() -> None:
    with pytest.raises(FetchError, match="same page twice, at 1 of 9"):
        ask("arxiv-api", answering(documents.arxiv_api([Fact("2406.00001")], 9)))


def test_an_entry_called_error_is_an_error() -> None:
    with pytest.raises(FetchError, match="arXiv says: incorrect id format"):
        ask("arxiv-api", answering(documents.arxiv_api_error("incorrect id format for 1234.1234")))


# --- the JSON services -----------------------------------------------------------------------------------------------


def test_biorxiv_is_read_page_by_page_and_a_later_version_is_no_news() -> None:
    items = [
        documents.biorxiv_item(1, published="10.1038/s41586-024-0001-1"),
        documents.biorxiv_item(2, version="2"),
        documents.biorxiv_item(3, category="zoology"),
        documents.biorxiv_item(4, type="withdrawn", abstract="This manuscript has been withdrawn by the authors."),
    ]

    def answer(request: Request) -> Answer:
        cursor = int(request.path.split("/")[-2])
        return Answer(documents.biorxiv(items[cursor : cursor + 2], 4, cursor), content_type="application/json")

    pages, web = ask("biorxiv", answer, "biorxiv: neuroscience")
    first, second, fourth = records(pages)
    assert web.requests[0].path == "/details/biorxiv/2024-06-03/2024-06-04/0/json"
    assert first["identifiers"] == ["10.1101/2024.06.01.590001", "10.1038/s41586-024-0001-1"]
    assert first["authors"] == ["A. Lovelace", "A. M. Turing"]
    assert (first["published_at"], first["announcement"]) == ("2024-06-03", "seen")
    assert (second["published_at"], second["announcement"]) == ("2024-06-01", "unknown")
    assert fourth["status"] == "withdrawn"
    assert first["topics"] == ["Neuroscience"]


def test_openalex_puts_the_words_of_an_abstract_back_in_their_places() -> None:
    gaps = documents.openalex_work(2, abstract_inverted_index={"Deep": [0], "nets": [7]}, title=None)
    pages, web = ask("openalex", answering(documents.openalex([documents.openalex_work(), gaps])), "weather")
    first, second = records(pages)
    assert first["abstract"] == "We forecast weather and forecast"
    assert first["identifiers"] == ["https://doi.org/10.1234/oa.1", "openalex:W4390000001"]
    assert (first["published_at"], first["announcement"]) == ("2024-06-03", "seen")
    assert (second["title"], second["abstract"]) == ("", "Deep nets")
    assert web.requests[0].query["filter"] == "from_publication_date:2024-06-03,to_publication_date:2024-06-04"
    assert web.requests[0].query["search"] == "weather"


def test_openalex_cursors_are_followed_to_the_end_and_not_in_circles() -> None:
    pages = [
        documents.openalex([documents.openalex_work(1)], "c2"),
        documents.openalex([documents.openalex_work(2)], "c3"),
    ]
    found, _ = ask("openalex", answering(*pages, documents.openalex([])))
    assert [page.resume for page in found] == [{"cursor": "c2"}, {"cursor": "c3"}, {}]
    with pytest.raises(FetchError, match="same cursor twice"):
        ask("openalex", answering(pages[0]))


def test_a_bare_year_and_a_date_ahead_are_not_taken_for_today() -> None:
    works = [
        documents.openalex_work(1, publication_date="2024-01-01"),
        documents.openalex_work(2, publication_date="2025-12-01", created_date="2024-06-04"),
    ]
    year, ahead = records(ask("openalex", answering(documents.openalex(works)))[0])
    assert (year["published_at"], year["announcement"]) == ("2024", "unknown")
    assert (ahead["published_at"], ahead["announcement"]) == ("2024-06-04", "seen")


def test_crossref_works_keep_their_markup_for_the_translator_and_their_first_day() -> None:
    works = [
        documents.crossref_work(1, relation={"has-preprint": [{"id-type": "doi", "id": "10.48550/arXiv.2401.00001"}]}),
        documents.crossref_work(2, created={"date-parts": [[None]]}, published={"date-parts": [[2024]]}),
        documents.crossref_work(3, title=[], author=None, abstract=None),
    ]
    pages, web = ask("crossref", answering(documents.crossref(works), content_type="application/json"), "assays")
    first, second, third = records(pages)
    assert first["identifiers"] == ["10.5555/cr.1", "10.48550/arXiv.2401.00001"]
    assert first["authors"] == ["Ada Lovelace", "The Assay Consortium"]
    assert (first["published_at"], first["announcement"]) == ("2024-06-03", "seen")
    assert (second["published_at"], second["announcement"]) == ("2024", "unknown")
    assert (third["title"], third["authors"]) == ("", [])
    assert web.requests[0].query["filter"] == "from-created-date:2024-06-03,until-created-date:2024-06-04"


def test_daily_papers_are_windowed_on_the_day_of_the_list_and_dated_by_arxiv() -> None:
    fact = Fact("2405.20000", submitted_at=datetime(2024, 5, 30, 12, tzinfo=UTC))

    def answer(request: Request) -> Answer:
        day = date.fromisoformat(request.query["date"])
        items = [documents.daily_paper(fact, day), documents.daily_paper(Fact("2405.1111"), date(2024, 5, 1))]
        return Answer(documents.daily_papers(items if day.day == 3 else []), content_type="application/json")

    pages, _ = ask("daily-papers", answer, "")
    (record,) = records(pages)
    assert (record["published_at"], record["announcement"]) == ("2024-05-31", "estimated")
    assert (record["upvotes"], record["submitter"]) == (7, "Grace Hopper")
    assert record["code_url"] == "https://github.com/lovelace/engine"
    assert [page.newest_at for page in pages] == [JUNE_3, None]


JSON_KINDS = {
    "biorxiv": (
        documents.biorxiv([documents.biorxiv_item(number) for number in (1, 2, 3)], 3),
        "10.1101/2024.06.01.590002",
    ),
    "openalex": (documents.openalex([documents.openalex_work(number) for number in (1, 2, 3)]), "oa.2"),
    "crossref": (documents.crossref([documents.crossref_work(number) for number in (1, 2, 3)]), "cr.2"),
    "daily-papers": (
        documents.daily_papers(
            [documents.daily_paper(Fact(f"2406.0000{number}"), date(2024, 6, 3)) for number in (1, 2, 3)]
        ),
        "2406.00002",
    ),
}


def first_page(kind: str, text: str) -> Page:
    until = JUNE_4 if kind == "daily-papers" else JUNE_5
    pages, _ = ask(kind, answering(text, content_type="application/json"), "biorxiv", until=until)
    return pages[0]


@pytest.mark.parametrize("kind", JSON_KINDS)
def test_one_broken_item_of_a_json_answer_costs_itself(kind: str) -> None:
    text, mark = JSON_KINDS[kind]
    page = first_page(kind, text.replace(mark, f'{mark}"'))
    assert len([entry for entry in page.entries if entry.record]) == 2
    (broken,) = [entry for entry in page.entries if not entry.record]
    assert mark in broken.raw
    assert page.fault.startswith("broken JSON")


@pytest.mark.parametrize("kind", JSON_KINDS)
def test_a_json_answer_cut_off_keeps_its_whole_items(kind: str) -> None:
    text, _ = JSON_KINDS[kind]
    page = first_page(kind, text[: int(len(text) * 0.8)])
    assert len([entry for entry in page.entries if entry.record]) == 2
    assert page.fault


@pytest.mark.parametrize("kind", JSON_KINDS)
@pytest.mark.parametrize("text", ["", "null", "[]", "{}", '{"error": "x"}', "Rate exceeded.", "[" * 5000, '"' * 3])
def test_json_that_is_something_else_is_an_error_or_an_empty_list(kind: str, text: str) -> None:
    try:
        assert first_page(kind, text).entries == []
    except (BadDocument, FetchError):
        return
    assert (kind, text) == ("daily-papers", "[]")


# --- any feed --------------------------------------------------------------------------------------------------------

RSS = """<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:prism="http://prismstandard.org/x">
<channel><title>A Journal</title>
<item><title>Bounds for x&lt;y and y&gt;z</title><link>https://journal.example.org/1</link>
<description>&lt;p&gt;If a&amp;lt;b then c.&lt;/p&gt;</description><dc:creator>Ada Lovelace</dc:creator>
<dc:creator>Turing, Alan</dc:creator><pubDate>Mon, 03 Jun 2024 10:00:00 GMT</pubDate>
<prism:doi>10.1234/j.1</prism:doi></item>
<item><title>Caf&eacute; & tea</title><link>https://journal.example.org/2</link></item>
</channel></rss>"""
RDF = """<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"
 xmlns:dc="http://purl.org/dc/elements/1.1/"><channel rdf:about="x"><title>A Journal</title></channel>
<item rdf:about="https://journal.example.org/3"><title>Old style</title><link>https://journal.example.org/3</link>
<dc:creator>A. Lovelace, A. Turing</dc:creator><dc:date>2024-06-03</dc:date></item></rdf:RDF>"""
ATOM = """<feed xmlns="http://www.w3.org/2005/Atom"><title>A Lab</title><entry><id>tag:lab,2024:1</id>
<title type="html">&lt;b&gt;Bold&lt;/b&gt; claims</title><link rel="replies" href="https://lab.example.org/1/comments"/>
<link href="https://lab.example.org/1"/><author><name>Ada Lovelace</name></author>
<published>2024-06-03T23:30:00-05:00</published><updated>2024-06-09T00:00:00Z</updated>
<content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>Long text</p></div></content></entry></feed>"""


def test_feeds_of_every_make_are_read() -> None:
    first, second = records(ask("feed", answering(RSS), is_first=True)[0])
    assert first["identifiers"] == ["10.1234/j.1"]
    assert first["title"] == "Bounds for x<y and y>z"
    assert first["abstract"] == "<p>If a&lt;b then c.</p>"
    assert first["authors"] == ["Ada Lovelace", "Alan Turing"]
    assert first["published_at"] == "2024-06-03T10:00:00+00:00"
    assert second["title"] == "Café & tea"
    assert second["identifiers"] == ["https://journal.example.org/2"]
    (rdf,) = records(ask("feed", answering(RDF))[0])
    assert (rdf["authors"], rdf["published_at"]) == (["A. Lovelace", "A. Turing"], "2024-06-03T00:00:00+00:00")
    (atom,) = records(ask("feed", answering(ATOM))[0])
    assert (atom["title"], atom["url"]) == ("<b>Bold</b> claims", "https://lab.example.org/1")
    assert atom["published_at"] == "2024-06-04T04:30:00+00:00"


def test_an_undated_entry_is_news_only_in_a_feed_that_was_read_before(time_machine: Any) -> None:
    time_machine.move_to(JUNE_4 + timedelta(hours=9))
    assert records(ask("feed", answering(RSS), is_first=True)[0])[1]["announcement"] == "unknown"
    again = records(ask("feed", answering(RSS), is_first=False)[0])[1]
    assert (again["published_at"], again["announcement"]) == ("2024-06-04", "estimated")


@pytest.mark.parametrize("text", ["", "garbage", "<opml/>", json.dumps({"items": []})])
def test_what_is_no_feed_is_an_error(text: str) -> None:
    with pytest.raises(BadDocument):
        ask("feed", answering(text))
