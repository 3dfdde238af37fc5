"""Files of papers in every format and with every kind of dirt that was seen in the wild."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from papers.parsers import BadDocument, Entry, Record, decode
from papers.parsers.bibtex import read_bibtex
from papers.parsers.documents import is_json_lines, read_document
from papers.parsers.mentions import code_link_in, identifiers_in, says_withdrawn
from papers.parsers.ris import read_ris
from papers.parsers.xmltext import read_xml


def records(text: str) -> list[Record]:
    return [entry.record for entry in read_document(text).entries if entry.record]


def refused(text: str) -> list[Entry]:
    return [entry for entry in read_document(text).entries if not entry.record]


# --- BibTeX ----------------------------------------------------------------------------------------------------------

BIBTEX = r"""
% a comment line
@string{jml = "Journal of Machines"}
@comment{ignored}
@article{lovelace1843,
  title = {{Learning} from 10% of labels, 90% accuracy},
  author = {Lovelace, Ada and {The X Collaboration} and van der Berg, J. and others},
  journal = jml # { 7}, year = 1843, month = sep, doi = {10.1234/ABC}, abstract = "It costs $5 to $10 \& more"
}
@misc{turing, title = {On \texttt{computable} numbers}, author = "Turing, Alan M.", eprint = {2401.00001},
  archivePrefix = {arXiv}, primaryClass = {cs.LG}, year = {2024}}
@article{other, title = {Of another archive}, eprint = {2401.00002}, eprinttype = {hal}, date = {2023-05-17}}
@article{journal, title = {In a journal field}, journal = {arXiv preprint arXiv:2401.00003 [cs.LG]}, year = 2024,
  month = 13}
"""


def test_bibtex_is_read_with_strings_braces_and_bare_percent_signs() -> None:
    first, second, third, fourth = records(BIBTEX)
    assert first["title"] == "{Learning} from 10% of labels, 90% accuracy"
    assert first["authors"] == ["Ada Lovelace", "The X Collaboration", "J. van der Berg"]
    assert first["abstract"] == r"It costs $5 to $10 \& more"
    assert (first["published_at"], first["identifiers"]) == ("1843-09", ["10.1234/ABC"])
    assert second["identifiers"] == ["2401.00001"]
    assert second["title"] == r"On \texttt{computable} numbers"
    assert (third["identifiers"], third["published_at"]) == ([], "2023-05-17")
    assert (fourth["identifiers"], fourth["published_at"]) == (["arXiv:2401.00003"], "2024")


@pytest.mark.parametrize(
    "odd",
    [
        '@article{x, title = "never closed, year = 2020}',
        "@article{x, title = {never {closed}, year = 2020}",
        "@article{x, title = , year = 2020}",
        "@article{x",
        "@article{",
        "@article{x, title = {closed}} trailing {",
        "@article x, title",
        "@string{broken = ",
    ],
)
def test_an_odd_bibtex_entry_never_costs_another(odd: str) -> None:
    good = "@article{{{key}, title = {{Good {key}}}, year = 2020}}"
    text = "\n".join([good.format(key="one"), odd, good.format(key="two")])
    titles = [record["title"] for record in records(text)]
    assert [title for title in titles if title.startswith("Good")] == ["Good one", "Good two"]


def test_duplicate_keys_are_two_entries() -> None:
    assert len(records("@misc{a, title={One}}\n@misc{a, title={Two}}")) == 2


# --- RIS -------------------------------------------------------------------------------------------------------------

RIS = """TY  - JOUR
TI  - A long title
that goes on
AU  - Lovelace, Ada
AU  - Turing, Alan M.
PY  - 2020/03/15/Spring
DO  - 10.1234/abc
JO  - arXiv:2401.00001 [cs.LG]
AB  - <p>Abstract</p>
UR  - https://example.org/1
ER  -
"""


@pytest.mark.parametrize(
    "dress",
    [
        lambda text: text,
        lambda text: "\ufeff" + text,
        lambda text: text.replace("  - ", " - "),
        lambda text: text.replace("\n", "\r"),
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("ER  -\n", ""),
        lambda text: text.replace("  -", "  - ").replace("ER  - ", "ER  -"),
    ],
)
def test_ris_is_read_in_whatever_dress(dress: object) -> None:
    text = dress(RIS + RIS)  # type: ignore[operator]
    found = [entry.record for entry in read_document(text.encode()).entries]
    assert len(found) == 2
    assert found[0] == {
        "identifiers": ["10.1234/abc", "arXiv:2401.00001"],
        "title": "A long title that goes on",
        "abstract": "<p>Abstract</p>",
        "authors": ["Ada Lovelace", "Alan M. Turing"],
        "published_at": "2020-03-15",
        "url": "https://example.org/1",
    }


# --- other kinds, told by their content ------------------------------------------------------------------------------

CSL = [{"id": "x", "type": "article-journal", "title": "Engines", "DOI": "10.1234/abc", "abstract": "Text",
        "author": [{"family": "Berg", "given": "J.", "non-dropping-particle": "van der"}, {"literal": "The X Group"}],
        "issued": {"date-parts": [["2020", 3]]}, "URL": "https://example.org/1"}]  # fmt: skip
SCHOLAR = {"data": [{"paperId": "649def", "externalIds": {"ArXiv": "2401.00001", "DOI": "10.1234/ABC", "CorpusId": 1},
                     "title": "Engines", "abstract": None, "year": 2024, "publicationDate": "2024-01-03",
                     "authors": [{"authorId": "1", "name": "Ada Lovelace"}],
                     "url": "https://www.semanticscholar.org/x"}]}  # fmt: skip
ZOTERO = """"Key","Item Type","Publication Year","Author","Title","DOI","Url","Abstract Note","Date","Extra"
"ABCD","journalArticle","2020","Lovelace, Ada; Turing, Alan","Engines, ""and"" more","10.1234/abc","https://example.org","Two
lines","2020-03-15","arXiv:2401.00001 [cs]"
"EFGH","journalArticle","2021","Hopper, Grace","Compilers","","","","2021",""
"""


def test_csl_json_of_reference_managers_is_read() -> None:
    (record,) = records(json.dumps(CSL))
    assert record["authors"] == ["J. van der Berg", "The X Group"]
    assert (record["published_at"], record["identifiers"]) == ("2020-03", ["10.1234/abc"])


def test_what_semantic_scholar_exports_is_read() -> None:
    (record,) = records(json.dumps(SCHOLAR))
    assert record["identifiers"] == ["2401.00001", "10.1234/ABC"]
    assert (record["abstract"], record["published_at"]) == ("", "2024-01-03")


def test_zoteros_table_is_read_with_quotes_and_line_breaks() -> None:
    first, second = records(ZOTERO)
    assert first["title"] == 'Engines, "and" more'
    assert first["authors"] == ["Ada Lovelace", "Alan Turing"]
    assert first["identifiers"] == ["10.1234/abc", "arXiv:2401.00001"]
    assert (first["abstract"], second["title"]) == ("Two\nlines", "Compilers")


def test_a_quote_that_never_closes_costs_its_own_row() -> None:
    text = ZOTERO.replace('"https://example.org"', '"https://example.org')
    assert [record["title"] for record in records(text)] == ["Compilers"]
    assert len(refused(text)) == 1


def test_a_list_of_ids_dois_and_addresses_is_read() -> None:
    text = """# my list
2401.00001, arXiv:2401.00002v3
https://doi.org/10.1234/abc
10.1002/(SICI)1097;2-#
arxiv.org/abs/hep-th/9901001 ; 10.1234/x;10.1234/y
doi: 10.1234/z
nothing of the kind"""
    names = [record["identifiers"][0] for record in records(text)]
    assert names == ["2401.00001", "arXiv:2401.00002v3", "https://doi.org/10.1234/abc", "10.1002/(SICI)1097;2-#",
                     "arxiv.org/abs/hep-th/9901001", "10.1234/x", "10.1234/y", "10.1234/z"]  # fmt: skip
    assert [entry.raw for entry in refused(text)] == ["nothing of the kind"]


@pytest.mark.parametrize(
    "text", ["", "  \n", "Dear reader,\nplease find attached", "<html></html>", "\x00\x01", "[1, 2"]
)
def test_what_is_no_list_of_papers_is_refused_or_has_no_entries(text: str) -> None:
    with suppress(BadDocument):
        assert [entry for entry in read_document(text).entries if entry.record] == []


def test_json_lines_are_told_from_a_json_document() -> None:
    assert is_json_lines(b'\xef\xbb\xbf{"id": "1", "title": "x"}\n{"id"')
    assert not is_json_lines(json.dumps(CSL, indent=1).encode())
    assert not is_json_lines(json.dumps(CSL).encode())
    assert not is_json_lines(b"{\n")


# --- encodings -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        "Schrödinger – “café”".encode(),
        b"\xef\xbb\xbf" + "Schrödinger – “café”".encode(),
        "\ufeffSchrödinger – “café”".encode("utf-16-le"),
        "\ufeffSchrödinger – “café”".encode("utf-16-be"),
        "Schrödinger – “café”".encode("cp1252"),
        "Schrödinger ".encode() + "– “café”".encode("cp1252"),
    ],
)
def test_text_is_read_whatever_its_encoding(body: bytes) -> None:
    assert decode(body) == "Schrödinger – “café”"


def test_a_declared_encoding_is_believed_only_where_utf8_fails() -> None:
    assert decode('<?xml version="1.0" encoding="koi8-r"?><a>тест</a>'.encode("koi8-r")).endswith("<a>тест</a>")
    assert decode('<?xml version="1.0" encoding="latin-1"?><a>тест</a>'.encode()).endswith("<a>тест</a>")
    assert decode("naïve".encode("latin-1"), "no-such-charset") == "naïve"


# --- what a text mentions --------------------------------------------------------------------------------------------


def test_identifiers_are_found_where_people_put_them() -> None:
    assert identifiers_in(texts=["arXiv:2401.00001 [cs.LG]", "see (doi:10.1234/a.b(c))."]) == [
        "arXiv:2401.00001", "10.1234/a.b(c)",
    ]  # fmt: skip
    assert identifiers_in(dois=["https://doi.org/10.48550/arXiv.2401.00001"], texts=["arxiv.org/abs/2401.00001v2"]) == [
        "https://doi.org/10.48550/arXiv.2401.00001"
    ]
    assert identifiers_in(texts=["arXiv:2313.00001", "version 2401.00001 of the code"]) == []


def test_code_links_are_found_without_what_follows_them() -> None:
    assert code_link_in("Code (https://github.com/a/b.git).") == "https://github.com/a/b"
    assert code_link_in("", "at https://gitlab.com/group/sub/project, soon") == "https://gitlab.com/group/sub/project"
    assert code_link_in("see https://github.com/features/copilot") == ""
    assert code_link_in("see https://huggingface.co/papers/2401.00001") == ""


@pytest.mark.parametrize(
    "text",
    [
        "This paper has been withdrawn",
        "This paper has been withdrawn by the author(s), due to a crucial error in Eq. 3",
        "Withdrawn",
        "withdrawn due to an error in the proof",
        "Paper withdrawn by the authors.",
        "arXiv admin note: this submission has been withdrawn by arXiv administrators",
        "12 pages. We withdraw this paper because Lemma 2 is wrong",
        "The authors have withdrawn this manuscript owing to an error",
    ],
)
def test_withdrawals_are_understood(text: str) -> None:
    assert says_withdrawn(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Withdrawn drugs and their replacements",
        "We study the withdrawal of troops.",
        "Opioid withdrawal in mice",
        "The drug was withdrawn from the market",
        "A dataset of retracted and withdrawn papers on arXiv",
        "12 pages, 3 figures",
        "This paper studies why papers are withdrawn",
    ],
)
def test_a_paper_about_withdrawal_is_not_withdrawn(text: str) -> None:
    assert not says_withdrawn(text)


# --- anything at all -------------------------------------------------------------------------------------------------


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_text(body: bytes) -> None:
    assert "\x00" not in decode(body)


@settings(max_examples=200, deadline=None)
@given(
    st.text(max_size=300),
    st.sampled_from(["@article{a, ", "TY  - JOUR\n", "[{", '{"title": ', "title,doi\n", "<rss>", ""]),
)
def test_any_text_is_read_or_refused_without_a_crash(text: str, start: str) -> None:
    with suppress(BadDocument):
        assert all(entry.record or entry.reason for entry in read_document(start + text).entries)


XML_PIECES = ["<item>", "</item>", "<title>", "</title>", "x", "&", "<", ">", "&lt;", "<![CDATA[", "]]>", "<!--", "-->",
              "<a b='", "&eacute;", "<?x?>", "<!DOCTYPE x>"]  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(XML_PIECES), max_size=30))
def test_any_heap_of_xml_pieces_is_read_or_refused_without_a_crash(pieces: list[str]) -> None:
    document = read_xml("<rss>" + "".join(pieces) + "</rss>", "item")
    assert all(entry.element is not None or entry.reason for entry in document.entries)
    assert document.root is not None or document.fault


@settings(max_examples=100, deadline=None)
@given(
    st.text(
        alphabet=st.characters(blacklist_categories=["Cs", "Cc"], blacklist_characters='{}"\\@'),
        min_size=1,
        max_size=80,
    )
)
def test_a_title_survives_bibtex_and_ris(title: str) -> None:
    title = " ".join(title.split())
    (entry,) = read_bibtex(f"@article{{key, title = {{{title}}}, year = 2020}}")
    assert entry.record is not None
    assert entry.record["title"] == title
    (entry,) = read_ris(f"TY  - JOUR\nTI  - {title}\nER  - ")
    assert entry.record is not None
    assert entry.record["title"] == title
