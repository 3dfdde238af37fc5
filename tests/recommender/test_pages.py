"""The reading pages, as a browser without JavaScript asks for them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from newsletter.models import Edition, Pick
from papers.models import Author, Paper
from recommender.interactions import record
from recommender.models import Interaction
from tests.factories import make_paper, make_topic

pytestmark = pytest.mark.django_db

MAY_DAY = datetime(2025, 5, 1, tzinfo=UTC)


@pytest.fixture
def signed_in(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


def page(client: Client, url: str, status: int = 200) -> str:
    response = client.get(url)
    assert response.status_code == status
    return response.content.decode()


# --- home -----------------------------------------------------------------------------------------------------------


def test_an_empty_site_says_how_to_fill_it(client: Client) -> None:
    assert "import_papers" in page(client, "/")


def test_home_is_the_newest_day_that_has_papers(client: Client) -> None:
    make_paper("Newest", published_at=MAY_DAY)
    make_paper("Older", published_at=MAY_DAY - timedelta(days=3))
    make_paper("To come", published_at=MAY_DAY + timedelta(days=9), status="hidden")
    html = page(client, "/")
    assert "Thursday, 1 May 2025" in html
    assert "Newest" in html
    assert "Older" not in html


def test_previous_and_next_skip_days_without_papers(client: Client) -> None:
    for days in (0, 3, 9):
        make_paper(published_at=MAY_DAY + timedelta(days=days))
    html = page(client, "/day/2025-05-04/")
    assert '<a rel="prev" href="/day/2025-05-01/">' in html
    assert '<a rel="next" href="/day/2025-05-10/">' in html


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("/day/2025-05-01/", {"Thursday"}),
        ("/week/2025-05-01/", {"Monday", "Thursday", "Sunday"}),
        ("/month/2025-05-17/", {"Thursday", "Sunday", "End of May"}),
    ],
)
def test_day_week_and_month_show_their_papers(client: Client, url: str, shown: set[str]) -> None:
    days = {"Sunday before": -4, "Monday": -3, "Thursday": 0, "Sunday": 3, "End of May": 30, "June": 31}
    for title, day in days.items():
        make_paper(f"Paper: {title}.", published_at=MAY_DAY + timedelta(days=day))
    html = page(client, url)
    assert {title for title in days if f"Paper: {title}." in html} == shown


def test_home_filters_by_topic_and_its_links_keep_the_topic(client: Client) -> None:
    make_paper("On speech", topics=["Speech"], published_at=MAY_DAY)
    make_paper("On robots", topics=["Robots"], published_at=MAY_DAY)
    make_paper("Earlier on speech", topics=["Speech"], published_at=MAY_DAY - timedelta(days=2))
    make_paper("Earlier on robots", topics=["Robots"], published_at=MAY_DAY - timedelta(days=1))
    html = page(client, "/day/2025-05-01/?topic=speech")
    assert "On speech" in html
    assert "On robots" not in html
    assert 'href="/day/2025-04-29/?topic=speech"' in html


@pytest.mark.parametrize(
    "url",
    [
        "/day/2025-02-30/",
        "/day/0000-00-00/",
        "/day/9999-12-31/",
        "/day/tomorrow/",
        "/topic/none/",
        "/author/1/",
        "/author/99999999999999999999/",
        "/paper/99999/",
        "/paper/99999999999999999999/",
        "/paper/99999/go/pdf/",
        "/?topic=none",
        "/?topic=%00",
        "/library/none/",
    ],
)
def test_what_does_not_exist_is_not_found(client: Client, url: str) -> None:
    make_paper()
    assert "There is no such page" in page(client, url, 404)


def test_newcomers_get_a_box_that_takes_just_an_address(client: Client, alice: User) -> None:
    make_paper()
    assert 'name="email"' in page(client, "/")
    client.force_login(alice)
    assert 'name="email"' not in page(client, "/")


# --- a paper --------------------------------------------------------------------------------------------------------


def test_a_paper_s_page_has_what_the_catalogue_knows_of_it(client: Client) -> None:
    paper = make_paper(
        "Speech <b>and</b> noise",
        abstract="We find x<y & y>z.",
        topics=["Speech"],
        authors=["Ada Lovelace", "Grace Hopper"],
        pdf_url="https://papers.example.org/1.pdf",
    )
    paper.identifiers.create(scheme="arxiv", value="2505.00001", version=2)
    html = page(client, paper.get_absolute_url())
    assert "Speech &lt;b&gt;and&lt;/b&gt; noise" in html
    assert "We find x&lt;y &amp; y&gt;z." in html
    assert html.index("Ada Lovelace") < html.index("Grace Hopper")
    for part in ("2505.00001 (v2)", "1 May 2025", '"/topic/speech/"', f'"/paper/{paper.pk}/go/pdf/"'):
        assert part in html
    assert f"/paper/{paper.pk}/go/code/" not in html


def test_mathematics_comes_as_tex_with_its_plain_text_until_it_is_drawn(client: Client) -> None:
    raw = r"It takes $O(n^2) < 2^n$ time, \'Etienne says, for $5 to $10."
    plain = "It takes O(n^2) < 2^n time, Étienne says, for $5 to $10."
    html = page(client, make_paper("A title", abstract=plain, raw_abstract=raw).get_absolute_url())
    assert 'It takes <span data-tex="O(n^2) &lt; 2^n">O(n^2) &lt; 2^n</span> time, Étienne says, for $5 to $10.' in html
    assert "katex.min.js" in html
    assert "katex" not in page(client, make_paper("For $5 to $10", abstract="$x$ as it stands").get_absolute_url())


@pytest.mark.parametrize(
    "raw", [r"$\text{<script>alert(1)</script>}$", '$" onmouseover="alert(1)$', "<script>x</script>$y$"]
)
def test_no_text_becomes_markup(client: Client, raw: str) -> None:
    html = page(client, make_paper(raw, raw_title=raw, abstract=raw, raw_abstract=raw).get_absolute_url())
    assert "<script>" not in html
    assert 'onmouseover="alert' not in html


def test_a_title_without_an_abstract_is_enough(client: Client) -> None:
    assert "no abstract" in page(client, make_paper("Only a title").get_absolute_url())


def test_a_date_is_as_precise_as_the_catalogue_knows_it(client: Client) -> None:
    html = page(client, make_paper(published_precision="year").get_absolute_url())
    assert '<time datetime="2025">2025</time>' in html
    assert "1 May" not in html


@pytest.mark.parametrize("status", ["hidden", "pending", "embargoed"])
def test_what_readers_may_not_see_is_not_found(client: Client, status: str) -> None:
    paper = make_paper("A secret", status=status, embargoed_until=timezone.now() + timedelta(hours=1))
    assert "A secret" not in page(client, paper.get_absolute_url(), 404)
    page(client, reverse("paper_go", args=[paper.pk, "abstract"]), 404)


def test_an_author_of_hidden_papers_only_is_not_named(client: Client) -> None:
    make_paper(authors=["Nobody Known"], status="hidden")
    assert "Nobody Known" not in page(client, reverse("author", args=[Author.objects.get().pk]), 404)


def test_a_withdrawn_paper_says_so_and_offers_nothing_more(signed_in: Client) -> None:
    paper = make_paper("Taken back", status="withdrawn", status_reason="An error in lemma 2.")
    html = page(signed_in, paper.get_absolute_url())
    assert "This paper has been withdrawn." in html
    assert "An error in lemma 2." in html
    assert "/go/" not in html
    assert not Interaction.objects.exists()


def test_opening_a_paper_records_a_read_for_the_signed_in_only(client: Client, alice: User) -> None:
    paper = make_paper()
    page(client, paper.get_absolute_url())
    assert not Interaction.objects.exists()
    client.force_login(alice)
    page(client, paper.get_absolute_url())
    assert list(Interaction.objects.values_list("user", "paper", "kind", "source")) == [
        (alice.pk, paper.pk, "read", "web")
    ]


def test_asking_for_the_header_or_fetching_ahead_is_not_reading(signed_in: Client) -> None:
    url = make_paper().get_absolute_url()
    signed_in.head(url)
    signed_in.get(url, headers={"Sec-Purpose": "prefetch;prerender"})
    assert not Interaction.objects.exists()


@pytest.mark.parametrize(("link", "field"), [("abstract", "url"), ("pdf", "pdf_url"), ("code", "code_url")])
def test_a_link_leads_to_the_paper_s_own_and_counts_as_a_read(signed_in: Client, link: str, field: str) -> None:
    paper = make_paper(**{field: "https://elsewhere.example.org/x"})
    response = signed_in.get(reverse("paper_go", args=[paper.pk, link]), {"next": "https://evil.example.org/"})
    assert (response.status_code, response["Location"]) == (302, "https://elsewhere.example.org/x")
    assert Interaction.objects.get().kind == "read"


@pytest.mark.parametrize("url", ["", "javascript:alert(1)", "//evil.example.org", "data:text/html,x"])
def test_a_link_that_is_no_web_address_leads_nowhere(signed_in: Client, url: str) -> None:
    paper = make_paper(pdf_url=url)
    page(signed_in, reverse("paper_go", args=[paper.pk, "pdf"]), 404)
    assert not Interaction.objects.exists()


@pytest.mark.parametrize(("form", "start"), [("bib", "@misc{lovelace2025speech,"), ("ris", "TY  - GEN")])
def test_a_paper_can_be_taken_along_to_a_reference_manager(client: Client, form: str, start: str) -> None:
    paper = make_paper("Speech", authors=["Ada Lovelace"])
    url = reverse("paper_cite", args=[paper.pk, form])
    assert url in page(client, paper.get_absolute_url())
    response = client.get(url)
    assert response.content.decode().startswith(start)
    assert response["Content-Disposition"] == f'attachment; filename="lovelace2025speech.{form}"'
    Paper.objects.update(status="hidden")
    page(client, url, 404)


# --- saying something of a paper ------------------------------------------------------------------------------------


def test_a_button_does_and_undoes_and_goes_back_to_where_it_was(signed_in: Client, alice: User) -> None:
    url = reverse("react", args=[make_paper().pk])
    for _twice in range(2):
        response = signed_in.post(url, {"do": "save", "next": "/topic/speech/?page=2"})
        assert (response.status_code, response["Location"]) == (302, "/topic/speech/?page=2")
        assert Interaction.objects.get().kind == "save"
    signed_in.post(url, {"undo": "save"})
    assert not Interaction.objects.exists()


def test_htmx_gets_the_row_of_buttons_as_it_now_is(signed_in: Client) -> None:
    paper = make_paper()
    response = signed_in.post(reverse("react", args=[paper.pk]), {"do": "upvote"}, headers={"HX-Request": "true"})
    html = response.content.decode()
    assert html.lstrip().startswith('<form class="reactions"')
    assert '<button name="undo" value="upvote" aria-pressed="true">' in html
    assert '<button name="do" value="save" aria-pressed="false">' in html


@pytest.mark.parametrize("back", ["https://evil.example.org/", "//evil.example.org", "javascript:alert(1)", ""])
def test_nobody_is_sent_elsewhere_after_a_button(signed_in: Client, back: str) -> None:
    paper = make_paper()
    response = signed_in.post(reverse("react", args=[paper.pk]), {"do": "save", "next": back})
    assert response["Location"] == paper.get_absolute_url()


@pytest.mark.parametrize("data", [{}, {"do": "read"}, {"do": "stars"}, {"undo": "import"}, {"do": "\x00"}])
def test_only_what_a_button_can_say_is_taken(signed_in: Client, data: dict[str, str]) -> None:
    assert signed_in.post(reverse("react", args=[make_paper().pk]), data).status_code == 400
    assert not Interaction.objects.exists()


def test_a_get_says_nothing(signed_in: Client) -> None:
    assert signed_in.get(reverse("react", args=[make_paper().pk]), {"do": "save"}).status_code == 405


def test_nobody_reacts_without_signing_in_or_from_another_site(client: Client, alice: User) -> None:
    url = reverse("react", args=[make_paper().pk])
    assert client.post(url, {"do": "save"})["Location"].startswith("/accounts/login/?next=/paper/")
    response = client.post(url, {"do": "save"}, headers={"HX-Request": "true"})
    assert response["HX-Redirect"].startswith("/accounts/login/?next=/paper/")
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(alice)
    response = strict.post(url, {"do": "save"})
    assert response.status_code == 403
    assert "That form was too old" in response.content.decode()
    assert not Interaction.objects.exists()


def test_a_hidden_paper_can_be_let_go_but_not_taken(signed_in: Client, alice: User) -> None:
    paper = make_paper()
    record(alice, paper, "save")
    Paper.objects.update(status="hidden")
    url = reverse("react", args=[paper.pk])
    assert signed_in.post(url, {"do": "upvote"}).status_code == 404
    assert signed_in.post(url, {"undo": "save", "next": "/library/"}).status_code == 302
    assert not Interaction.objects.exists()


# --- search and library ---------------------------------------------------------------------------------------------


def test_search_shows_what_it_found_and_keeps_what_was_asked(client: Client) -> None:
    make_paper("Speech in noise")
    make_paper("Robots")
    html = page(client, "/search/?q=%22speech%22")
    assert "1 paper found" in html
    assert "Speech in noise" in html
    assert 'value="&quot;speech&quot;"' in html


def test_search_filters_by_topic_and_dates(client: Client) -> None:
    for day, topic in ((1, "Speech"), (2, "Speech"), (3, "Speech"), (2, "Robots")):
        make_paper(f"Listening {topic} {day}", topics=[topic], published_at=datetime(2025, 5, day, 13, tzinfo=UTC))
    html = page(client, "/search/?q=listening&topic=speech&since=2025-05-02&until=2025-05-02")
    assert "1 paper found" in html
    assert "Listening Speech 2" in html


@pytest.mark.parametrize("query", ["topic=none", "topic=%00", "since=yesterday", "until=2025-99-99", "page=x"])
def test_a_filter_that_makes_no_sense_is_said_and_left_out(client: Client, query: str) -> None:
    make_paper("Speech in noise")
    html = page(client, f"/search/?q=speech&{query}")
    assert "1 paper found" in html
    assert ("errorlist" in html) is (not query.startswith("page"))


@pytest.mark.parametrize("query", ["%00", "%F0%9F%A6%93", "%FF%FE", "%22", "a" * 5_000, "%3Cscript%3E"])
def test_any_text_is_searched_without_a_complaint(client: Client, query: str) -> None:
    html = page(client, f"/search/?q={query}")
    assert "errorlist" not in html
    assert "<script>" not in html


def test_the_library_has_a_shelf_for_each_way_of_keeping(signed_in: Client, alice: User, bob: User) -> None:
    for title, kind in {
        "Was saved": "save",
        "Was read": "read",
        "Was upvoted": "upvote",
        "Brought along": "import",
    }.items():
        record(alice, make_paper(title), kind)
    record(bob, make_paper("Of somebody else"), "save")
    for shelf, title in {
        "saved": "Was saved",
        "read": "Was read",
        "upvoted": "Was upvoted",
        "imported": "Brought along",
    }.items():
        html = page(signed_in, f"/library/?shelf={shelf}")
        assert html.count('<article class="paper">') == 1
        assert title in html


def test_a_library_keeps_what_the_catalogue_has_dropped(signed_in: Client, alice: User) -> None:
    for status in ("hidden", "withdrawn"):
        record(alice, make_paper(f"Now {status}", status=status), "save")
    html = page(signed_in, "/library/")
    assert "Now hidden" in html
    assert "No longer in the catalogue" in html
    assert "Now withdrawn" in html


def test_the_library_has_what_was_last_put_there_on_top_and_goes_on_over_pages(signed_in: Client, alice: User) -> None:
    for number in range(31):
        record(alice, make_paper(f"Number {number}."), "save", at=MAY_DAY + timedelta(minutes=number))
    first, second = page(signed_in, "/library/"), page(signed_in, "/library/?page=2")
    assert first.index("Number 30.") < first.index("Number 29.")
    assert "Number 0." not in first
    assert "Number 0." in second


# --- for everybody --------------------------------------------------------------------------------------------------


def test_personal_pages_ask_to_sign_in_and_are_kept_by_nobody_else(client: Client, alice: User) -> None:
    for url in ("/for-you/", "/library/"):
        assert client.get(url)["Location"] == f"/accounts/login/?next={url}"
        client.force_login(alice)
        assert "private" in client.get(url)["Cache-Control"]
        client.logout()


def test_every_page_has_landmarks_a_way_past_the_menu_and_a_strict_policy(client: Client) -> None:
    make_paper(topics=["Speech"])
    for url in ("/", "/search/", "/topic/speech/", "/accounts/login/"):
        response = client.get(url)
        html = response.content.decode()
        for part in ('<a class="skip" href="#content">', "<header", "<nav", '<main id="content"', "<footer", "<h1"):
            assert part in html
        assert "<style" not in html
        assert " style=" not in html
        policy = response["Content-Security-Policy"]
        assert re.search(r"script-src 'self'(;|$)", policy)  # a policy's parts come in any order
        assert "unsafe" not in policy


def test_only_the_desk_has_a_looser_policy(client: Client) -> None:
    assert "'unsafe-eval'" in client.get("/admin/")["Content-Security-Policy"]


def test_the_site_answers_health_checks_and_crawlers(client: Client) -> None:
    assert page(client, "/healthz") == "ok\n"
    assert "Disallow: /admin/" in page(client, "/robots.txt")


@pytest.mark.parametrize(
    "url",
    [
        "/day/2025-05-01/",
        "/month/2025-05-01/?topic=speech",
        "/topic/speech/",
        "/search/?q=paper",
        "/library/",
        "/for-you/",
    ],
)
@time_machine.travel(MAY_DAY + timedelta(days=1))
def test_twenty_papers_cost_as_many_queries_as_one(signed_in: Client, alice: User, url: str) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as context:
            page(signed_in, url)
        return len(context)

    def add(number: int) -> None:
        paper = make_paper(topics=["Speech", f"Topic {number}"], authors=[f"A {number}", f"B {number}"])
        if "library" in url:
            record(alice, paper, "save")

    make_topic("Speech")
    add(0)
    queries()  # the first request also fetches what is kept for the next ones
    one = queries()
    for number in range(1, 20):
        add(number)
    assert page(signed_in, url).count('<article class="paper">') == 20
    assert queries() == one
    assert one <= 25


# --- what editors picked ----------------------------------------------------------------------------------------------


def test_editors_picks_are_marked_once_their_edition_is_out(client: Client) -> None:
    paper, other = make_paper("Picked", published_at=MAY_DAY), make_paper("Passed over", published_at=MAY_DAY)
    for day, one in ((MAY_DAY, paper), (timezone.now() + timedelta(days=2), other)):
        edition = Edition.objects.create(date=day.date(), window_start=MAY_DAY, window_end=MAY_DAY)
        Pick.objects.create(edition=edition, paper=one)
    for url in ("/", paper.get_absolute_url()):
        assert page(client, url).count("Editors’ pick") == (2 if url == "/" else 1)  # in the list and in the sample
    assert "Editors’ pick" not in page(client, other.get_absolute_url())


def test_the_subscribe_box_has_a_sample_of_the_day_beside_it(client: Client, alice: User) -> None:
    for number in range(5):
        make_paper(f"Paper of today {number}", published_at=MAY_DAY, upvotes=number)
    sample = re.search(r'<figure class="sample">.*</figure>', page(client, "/"), re.DOTALL)
    assert sample
    assert re.findall(r"Paper of today \d", sample[0]) == [f"Paper of today {n}" for n in (4, 3, 2)]
    client.force_login(alice)
    assert "sample" not in page(client, "/")
