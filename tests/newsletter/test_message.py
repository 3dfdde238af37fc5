"""One digest row to one MIME message."""

from __future__ import annotations

import email
import email.policy
import re
from datetime import date, timedelta

import pytest
import time_machine

from newsletter import digest, inlining
from newsletter.editions import edition_for
from newsletter.headers import header_text
from newsletter.message import LARGEST, Built, build, load_contents, shorten, subject_for
from newsletter.models import Digest, Edition, Pick
from tests.factories import make_paper
from tests.newsletter.conftest import MORNING, make_due_reader

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _morning():
    with time_machine.travel(MORNING, tick=False):
        yield


def built_for(**fields: object) -> Built:
    subscription = make_due_reader("alice@example.org", **fields)
    digest.compose([subscription.pk])
    row = Digest.objects.select_related("subscription__user", "edition").get()
    return build(row, load_contents([row]), set(row.paper_ids))


def parsed(built: Built) -> email.message.EmailMessage:
    return email.message_from_bytes(built.wire, policy=email.policy.default)


def text_of(built: Built) -> str:
    return parsed(built).get_body(["plain"]).get_content()


def html_of(built: Built) -> str:
    return parsed(built).get_body(["html"]).get_content()


def test_headers_are_those_of_bulk_mail(new_papers, settings):
    settings.BASE_URL, settings.MAIL_DOMAIN = "https://news.example.org", "example.org"
    settings.MAIL_FROM_NAME, settings.MAIL_FROM_ADDRESS = "Papers, daily (beta)", "digest@example.org"
    built = built_for()
    message = parsed(built)
    assert str(message["From"]) == '"Papers, daily (beta)" <digest@example.org>'
    assert message["To"] == "alice@example.org"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message["List-Id"] == "Papers daily beta <digest.example.org>"
    assert re.fullmatch(r"20250505:daily:digest:broadsheet", message["Feedback-ID"])
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Message-ID"] == Digest.objects.get().message_id
    assert message["Message-ID"].endswith("@example.org>")
    assert message.get_content_type() == "multipart/alternative"


def test_list_unsubscribe_is_one_short_unfolded_address(new_papers, settings):
    settings.BASE_URL = "https://news.example.org"
    wire = built_for().wire.decode()
    [line] = [line for line in wire.split("\r\n") if line.startswith("List-Unsubscribe:")]
    address = line.removeprefix("List-Unsubscribe: <").removesuffix(">")
    assert re.fullmatch(r"https://news\.example\.org/u/[\w.-]+", address)
    assert len(address) <= 66


def test_every_line_on_the_wire_is_short_enough_for_smtp(new_papers):
    assert max(len(line) for line in built_for().wire.split(b"\r\n")) <= 998


def test_text_is_verbatim_and_html_escaped(db):
    for number, subject in enumerate(("speech", "robots", "proteins", "markets")):
        make_paper(
            f"AT&T's <b>bold</b> claim {number}: a<b and c>d in {subject}",
            abstract=f"R&D in {subject} <script>alert(1)</script> isn't 5 < 4.",
            authors=["O'Brien & Søn"],
            published_at=MORNING - timedelta(hours=1),
        )
    built = built_for()
    assert "AT&T's <b>bold</b> claim 0: a<b and c>d" in text_of(built)
    assert "R&D in speech <script>alert(1)</script> isn't 5 < 4." in text_of(built)
    html = html_of(built)
    assert "AT&amp;T&#x27;s &lt;b&gt;bold&lt;/b&gt; claim 0: a&lt;b and c&gt;d" in html
    assert "<script" not in html


def test_control_characters_in_a_title_or_name_reach_no_header(db, settings):
    settings.MAIL_FROM_NAME = "Broad\x0bsheet\x1c\nBcc: x@example.org"
    for _ in range(4):
        make_paper("One\x0btwo\x0c three\x1e\nfour\x85five\u2028six", published_at=MORNING - timedelta(hours=1))
    message = parsed(built_for())
    assert message["Subject"] == "One two three four five six"
    assert message["Bcc"] is None
    assert str(message["From"]).startswith('"Broad sheet Bcc: x@example.org"')
    assert {"List-Unsubscribe", "Message-ID", "List-Id", "MIME-Version"} <= set(message.keys())


def test_header_text_leaves_other_scripts_alone():
    assert header_text("  Größe \x00 语音\u202eevil ") == "Größe 语音 evil"


@pytest.mark.parametrize(
    ("title", "subject"),
    [
        ("Attention is all you need", "Attention is all you need"),
        (
            "A very long and winding title about speech recognition: in which we do a great many things at once",
            "A very long and winding title about speech recognition…",
        ),
        (
            "An uncommonly long title without any mark that goes on for quite some time and then ends",
            "An uncommonly long title without any mark that goes on for quite some…",
        ),
        ("语" * 100, "语" * 71 + "…"),
    ],
)
def test_the_subject_is_the_leading_title_shortened_well(title, subject):
    assert subject_for(title) == subject
    assert len(subject) <= 72


def test_shortening_never_ends_in_a_comma():
    assert shorten("One, two, three, four", 12) == "One, two…"


def test_each_item_says_why_and_has_its_buttons(new_papers):
    built = built_for()
    for part in (text_of(built), html_of(built)):
        assert "new" in part
        assert part.count("/v/") in (10, 30)  # one address with all buttons in the text
        assert "/c/" in part
        assert "Ada Lovelace, Grace Hopper · 4 May 2025 · Speech" in part
        assert "We recognise speech number" in part
    assert html_of(built).count(">PDF</a>") == 10
    assert ">Code</a>" not in html_of(built)


def test_the_foot_says_why_they_get_this_and_how_to_end_it(new_papers, settings):
    settings.POSTAL_ADDRESS = "1 Paper Lane, Press Town"
    built = built_for()
    for part in (text_of(built), html_of(built)):
        assert "You get this because you subscribed" in part
        assert "alice@example.org" in part
        assert "1 Paper Lane, Press Town" in part
        assert "/u/" in part
        assert "/preferences" in part
        assert "/d/" in part


def test_there_is_no_picture_and_nothing_is_loaded_from_anywhere(new_papers):
    html = html_of(built_for())
    assert not re.search(r"<img|<link|@import|url\(|<script|<iframe", html)


def test_the_editors_note_is_clean_markdown_on_top(new_papers):
    edition = edition_for(date(2025, 5, 5))
    Edition.objects.filter(pk=edition.pk).update(
        note="A *good* day: [read](https://example.org/x). <img src=x onerror=alert(1)> [no](javascript:alert(1))"
    )
    Pick.objects.create(edition=edition, paper=new_papers[5], note="**Do** read this & that.")
    built = built_for()
    html = html_of(built)
    assert "<em>good</em>" in html
    assert '<a href="https://example.org/x"' in html
    assert "<img" not in html
    assert 'href="javascript' not in html
    assert "<strong>Do</strong> read this &amp; that." in html
    assert html.index("From the editors") < html.index("For you")
    assert "**Do** read this & that." in text_of(built)


def test_grouped_by_topic_every_topic_is_a_section(new_papers):
    other = make_paper("Robots", topics=["Robots"], published_at=MORNING - timedelta(hours=2))
    html = html_of(built_for(order="topic", n_papers=30))
    headings = re.findall(r"<h2[^>]*>([^<]*)</h2>", html)
    assert sorted(headings) == ["Robots", "Speech"]
    assert other.title in html


@pytest.mark.parametrize("letter", ["a", "语", "é"])
def test_it_stays_under_100_kb_on_the_wire_with_the_rest_on_the_web(db, letter):
    for number in range(30):
        make_paper(
            f"{number} " + letter * 400,
            abstract=(letter * 60 + " ") * 60,
            authors=[letter * 150 + str(n) for n in range(8)],
            published_at=MORNING - timedelta(hours=1),
            pdf_url="https://papers.example.org/x.pdf",
        )
    built = built_for(n_papers=30)
    assert len(built.wire) <= LARGEST
    assert built.n_papers + built.n_left_out == 30
    assert built.n_left_out
    for part in (text_of(built), html_of(built)):
        assert f"{built.n_left_out} more on the web" in part
        assert "/u/" in part
    assert html_of(built).rstrip().endswith("</html>")


def test_thirty_ordinary_papers_fit_uncut(db):
    for number in range(30):
        make_paper(
            f"A title of quite an ordinary length for a paper, number {number}",
            abstract="We do something that is worth a sentence of about a hundred and twenty letters, as most are. "
            * 8,
            authors=["Ada Lovelace", "Grace Hopper", "Emmy Noether"],
            topics=["Speech"],
            published_at=MORNING - timedelta(hours=1),
            pdf_url="https://papers.example.org/x.pdf",
        )
    built = built_for(n_papers=30)
    assert built.n_left_out == 0


def test_a_very_long_note_is_cut_so_that_the_mail_stays_small(new_papers):
    Edition.objects.filter(pk=edition_for(date(2025, 5, 5)).pk).update(note="语言 " * 40_000)
    built = built_for()
    assert len(built.wire) <= LARGEST
    assert built.n_papers >= 1


def test_a_title_without_an_abstract_works(db):
    for _ in range(3):
        make_paper(published_at=MORNING - timedelta(hours=1))
    built = built_for()
    assert built.n_papers == 3
    assert "None" not in text_of(built)


# --- CSS ------------------------------------------------------------------------------------------------------------


def test_css_is_inlined_once_a_template_not_once_a_message(new_papers, monkeypatch):
    runs = []
    original = inlining.inline_css
    monkeypatch.setattr(inlining, "inline_css", lambda source: runs.append(1) or original(source))
    inlining._compiled.cache_clear()
    rows = [make_due_reader().pk for _ in range(5)]
    digest.compose(rows)
    digests = list(Digest.objects.select_related("subscription__user", "edition"))
    contents = load_contents(digests)
    for row in digests:
        build(row, contents, set(row.paper_ids))
    assert len(digests) == 5
    assert runs == [1]


def test_media_queries_and_important_survive_and_styles_are_inline(new_papers):
    html = html_of(built_for())
    assert "prefers-color-scheme: dark" in html
    assert "max-width: 520px" in html
    assert "!important" in html
    assert re.search(r'<td class="outer"[^>]* style="padding:24px 8px"', html)
    assert "{{" not in html
    assert "{%" not in html
    assert "aside" not in html


def test_variables_and_loops_in_tables_and_links_survive_inlining():
    source = (
        "<html><head><style>td { color: red } a { color: blue !important }</style></head><body><table>"
        '{% for x in xs %}<tr><td><a href="{{ x.url }}?a=1&amp;b={{ x.b|default:"<>" }}">{{ x.name }}</a></td></tr>'
        "{% if x.more > 1 %}<tr><td>{{ x.more }}</td></tr>{% endif %}{% endfor %}</table></body></html>"
    )
    inlined = inlining.inline_css(source)
    assert '{% for x in xs %}<tr><td style="color:red">' in inlined
    assert 'href="{{ x.url }}?a=1&amp;b={{ x.b|default:"<>" }}"' in inlined
    assert "{% if x.more > 1 %}<tr>" in inlined
    assert "color:blue !important" in inlined


def test_a_variable_that_inlining_would_double_is_an_error_for_the_template_author():
    with pytest.raises(ValueError, match="template tag"):
        inlining.inline_css(
            "<html><head><style>p { color: {{ x }} }</style></head><body><p>x</p><p>y</p></body></html>"
        )


def test_papers_never_pass_through_premailer(db):
    for number in ("speech", "robots", "proteins", "markets"):
        make_paper(
            f"</html> {{{{ x }}}} {{% now %}} <style>p {{ color: red }}</style> {number}",
            published_at=MORNING - timedelta(hours=1),
        )
    html = html_of(built_for())
    assert "&lt;/html&gt; {{ x }} {% now %} &lt;style&gt;" in html
    assert html.count("</html>") == 1


def test_queries_do_not_grow_with_the_digests(new_papers, django_assert_num_queries):
    digest.compose([make_due_reader().pk for _ in range(20)])
    digests = list(Digest.objects.select_related("subscription__user", "edition"))
    with django_assert_num_queries(4) as for_twenty:
        load_contents(digests)
    with django_assert_num_queries(len(for_twenty)):
        load_contents(digests[:1])
