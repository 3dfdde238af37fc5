"""Any text at all is a query, and what readers may not see is never found."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from papers.models import Author, Identifier, Paper
from recommender.search import fuse, search_papers, tokenize
from recommender.search_index import install
from tests.factories import make_paper

pytestmark = pytest.mark.django_db


def titles(query: str, k: int = 30) -> list[str]:
    return [paper.title for paper in search_papers(query, k)]


def test_a_word_in_the_title_beats_the_same_word_in_the_abstract() -> None:
    make_paper("Robots that cook", abstract="They also listen to speech.")
    make_paper("Speech for everybody", abstract="Small languages and their sounds.")
    assert titles("speech") == ["Speech for everybody", "Robots that cook"]


def test_papers_with_all_the_words_come_before_those_with_some() -> None:
    make_paper("Speech in noise")
    make_paper("Recognition of birds")
    make_paper("Speech recognition")
    assert titles("speech recognition")[0] == "Speech recognition"
    assert len(titles("speech recognition")) == 3


def test_other_forms_of_a_word_are_found() -> None:
    make_paper("Retrieving images")
    assert titles("image retrieval") == ["Retrieving images"]


@pytest.mark.parametrize("query", ["Schrodinger", "Schrödinger", "SCHRO\u0308DINGER", "naive nguyen", "naïve Nguyễn"])
def test_accents_make_no_difference_to_either_database(query: str) -> None:
    make_paper("A naïve cat of Schrödinger's", authors=["Nguyễn Văn"])
    make_paper("Another cat")
    assert titles(query) == ["A naïve cat of Schrödinger's"]


@pytest.mark.parametrize("word", ["йога", "한국어", "ガラス"])
def test_other_scripts_are_found_as_they_are_written(word: str) -> None:
    make_paper(f"On {word} itself")
    assert titles(word) == [f"On {word} itself"]


@pytest.mark.parametrize(
    ("written", "other"),
    [
        ("हिन्दी", "हानद"),  # the same letters with other vowel signs, and without the one that joins two
        ("தமிழ்", "தமழ"),
        ("বাংলা", "বলা"),
        ("ภาษาที่", "ภาษาที"),
        ("עִבְרִית", "עִבָרִית"),
    ],
)
def test_vowel_signs_and_other_marks_make_other_words(written: str, other: str) -> None:
    make_paper(f"On {written} itself", authors=[f"Dr {written}"])
    make_paper(f"On {other} instead", authors=[f"Dr {other}"])
    assert titles(written) == [f"On {written} itself"]
    assert titles(other) == [f"On {other} instead"]
    assert titles(written[0]) == []


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL's index has held them from the start")
def test_an_index_that_took_marks_for_spaces_is_made_anew() -> None:
    make_paper("हिन्दी")
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE recommender_paper_words")
        cursor.execute(
            "CREATE VIRTUAL TABLE recommender_paper_words USING fts5("
            "title, abstract, content='papers_paper', content_rowid='id', tokenize='unicode61')"
        )
        cursor.execute("INSERT INTO recommender_paper_words(recommender_paper_words) VALUES ('rebuild')")
    assert titles("न") == ["हिन्दी"]
    install(connection)
    make_paper("भाषा")
    assert (titles("न"), titles("हिन्दी"), titles("भाषा")) == ([], ["हिन्दी"], ["भाषा"])


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite's index has folded them from the start")
def test_an_index_with_accents_is_made_anew() -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE papers_paper DROP COLUMN words")
        cursor.execute(
            "ALTER TABLE papers_paper ADD COLUMN words tsvector GENERATED ALWAYS AS "
            "(to_tsvector('english', title)) STORED"
        )
    install(connection)
    make_paper("Schrödinger's cat")
    assert titles("schrodinger") == ["Schrödinger's cat"]


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite keeps its index apart")
@pytest.mark.parametrize("is_older", [False, True], ids=["made new", "of an older version"])
def test_words_stay_in_the_paper_s_own_row(is_older: bool) -> None:
    with connection.cursor() as cursor:
        if is_older:
            cursor.execute("ALTER TABLE papers_paper RESET (toast_tuple_target)")
            install(connection)
        beside = "SELECT pg_relation_size(reltoastrelid) FROM pg_class WHERE oid = 'papers_paper'::regclass"
        cursor.execute(beside)
        before = cursor.fetchall()
        random = Random(0)
        make_paper(abstract=" ".join(f"w{random.getrandbits(60)}" for _ in range(120)))
        cursor.execute(beside)
        assert cursor.fetchall() == before


def test_a_long_query_finds_by_its_rarest_words(monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(6):
        make_paper(f"Speech {number}")
    make_paper("Speech of zebras")
    rarest = make_paper("A quagga")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE papers_paper" if connection.vendor == "postgresql" else "ANALYZE")
    monkeypatch.setattr("recommender.search.MOST_RANKED", 2)
    assert set(titles("speech zebras quagga")) == {"Speech of zebras", rarest.title}
    assert len(titles("speech")) == 7  # a word alone is not left out, however common
    assert len(titles("speech nowhere")) == 7


def test_an_author_s_papers_the_newest_first() -> None:
    for day in (1, 3, 2):
        make_paper(f"Paper of day {day}", authors=["Grace Hopper"], published_at=datetime(2025, 5, day, tzinfo=UTC))
    make_paper("Paper of somebody else", authors=["Grace Kelly"])
    expected = ["Paper of day 3", "Paper of day 2", "Paper of day 1"]
    assert titles("Grace Hopper") == expected
    assert titles("hopper grace") == expected


def test_an_author_and_a_subject_together() -> None:
    make_paper("Compilers for small machines", authors=["Grace Hopper"])
    make_paper("Compilers for large machines", authors=["Ada Lovelace"])
    make_paper("A nanosecond of wire", authors=["Grace Hopper"])
    assert titles("hopper compilers")[0] == "Compilers for small machines"


@pytest.mark.parametrize(
    "query",
    ["2301.00001", "arXiv:2301.00001v2", "https://arxiv.org/abs/2301.00001", "10.1000/XYZ.7", "doi:10.1000/xyz.7"],
)
def test_arxiv_ids_and_dois_in_whatever_form(query: str) -> None:
    paper = make_paper("The one")
    Identifier.objects.create(paper=paper, scheme="arxiv", value="2301.00001")
    Identifier.objects.create(paper=paper, scheme="doi", value="10.1000/xyz.7")
    make_paper("Another about 2301 and 00001")
    assert titles(query)[0] == "The one"


def test_what_readers_may_not_see_is_never_found() -> None:
    shown = make_paper("Zebra seen", authors=["Zoe Quagga"])
    for status in (Paper.Status.HIDDEN, Paper.Status.WITHDRAWN, Paper.Status.PENDING):
        make_paper(f"Zebra {status}", status=status, authors=["Zoe Quagga"])
    make_paper("Zebra to come", status="embargoed", embargoed_until=timezone.now() + timedelta(hours=1))
    released = make_paper("Zebra free", status="embargoed", embargoed_until=timezone.now() - timedelta(hours=1))
    hidden = Identifier.objects.filter(paper__status="hidden").get()
    assert set(search_papers("zebra", 10)) == {shown, released}
    assert search_papers("Zoe Quagga", 10) == [shown]
    assert search_papers(hidden.value, 10) == []


def test_the_index_follows_every_way_of_changing_papers() -> None:
    paper = make_paper("Alpha")
    Paper.objects.filter(pk=paper.pk).update(title="Beta")
    Paper.objects.bulk_create([Paper(title="Gamma", published_at=timezone.now())])
    assert (titles("alpha"), titles("beta"), titles("gamma")) == ([], ["Beta"], ["Gamma"])
    Author.objects.create(name="Delta Epsilon")
    paper.authorships.create(author=Author.objects.get(), position=0)
    Author.objects.update(name="Delta Zeta")
    assert (titles("epsilon"), titles("zeta")) == ([], ["Beta"])
    Paper.objects.all().delete()
    assert (titles("beta"), titles("zeta")) == ([], [])


@pytest.mark.skipif(connection.vendor != "sqlite", reason="only SQLite rebuilds tables")
def test_triggers_lost_with_a_rebuilt_table_are_made_again_and_the_gap_is_filled() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER recommender_paper_words_insert")
        make_paper("Written behind the index")
        assert titles("behind") == []
        install(connection)
        assert titles("behind") == ["Written behind the index"]
        make_paper("Written in front of it")
        assert titles("front") == ["Written in front of it"]


@pytest.mark.parametrize(
    "query",
    [
        "",
        " ",
        '"',
        "speech\x00recognition",
        "AND",
        "speech AND",
        "NEAR(speech, 2)",
        "title:speech",
        "-speech",
        "speech*",
        "(speech",
        "^speech",
        "{title abstract}: speech",
        "speech' OR 1=1; --",
        "%",
        "a & | ! <-> b:*",
        "🦓",
        "\ud800",
        "ª_º",
        "C++",
        "話し言葉",
        "x" * 10_000,
        "speech " * 1_400,
        " ".join(f"w{number}" for number in range(2_000)),
    ],
)
def test_odd_queries_are_queries(query: str) -> None:
    make_paper("Speech recognition", authors=["Ada Lovelace"])
    assert isinstance(search_papers(query, 5), list)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(alphabet=st.characters(codec=None, exclude_categories=()), max_size=60))
def test_any_text_is_a_query(query: str) -> None:
    assert isinstance(search_papers(query, 5), list)


def test_words_stay_words_when_operators_stand_between() -> None:
    make_paper("Speech recognition")
    assert titles('"speech" AND NOT (recognition*') == ["Speech recognition"]


def test_tokens_are_letters_and_digits_once_each_and_not_without_end() -> None:
    assert tokenize("Text-to-Speech, text_to SQL\x00🦓 C++") == ["text", "to", "speech", "sql", "c"]
    assert len(tokenize(" ".join(f"w{number}" for number in range(2_000)))) == 32


def test_fusion_is_the_sum_of_reciprocal_ranks() -> None:
    # 7: 1/61 + 1/62; 8: 1/62 + 1/61; 9: 1/63: 7 and 8 tie, the newer id is first.
    assert fuse([[7, 8, 9], [8, 7]]) == [8, 7, 9]
    assert fuse([[1, 2], [2]]) == [2, 1]
    assert fuse([]) == []


def test_the_few_that_a_filter_leaves_are_found_however_far_down_they_stand() -> None:
    for number in range(60):
        make_paper(f"Speech {number}", topics=["Birds" if number in (0, 1, 20) else "Robots"])
    found = search_papers("speech", 2, Paper.objects.filter(topics__slug="birds"))
    assert [paper.title for paper in found] == ["Speech 20", "Speech 1"]  # of equals the newest first: 59 to 0
    assert len(search_papers("speech", 30, Paper.objects.filter(topics__slug="birds"))) == 3


def test_k_is_a_limit() -> None:
    for _ in range(5):
        make_paper("Speech")
    assert len(titles("speech", 3)) == 3


def test_twenty_results_cost_as_many_queries_as_one(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    make_paper("Speech recognition", authors=["Ada Lovelace"], topics=["Speech"])
    counted = len(_queries("speech recognition"))
    for number in range(19):
        make_paper("Speech recognition", authors=[f"Author {number}"], topics=["Speech"])
    with django_assert_num_queries(counted):
        assert len(search_papers("speech recognition", 30)) == 20


def _queries(query: str) -> list[dict[str, str]]:
    with CaptureQueriesContext(connection) as context:
        search_papers(query, 30)
    return context.captured_queries
