"""What the world calls a paper: arXiv ids without their version, DOIs lower-case without resolver, the rest as is."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import NamedTuple, TypeVar
from urllib.parse import quote, unquote

from papers.models import Identifier, Paper

ARXIV, DOI, OTHER = Identifier.Scheme.ARXIV, Identifier.Scheme.DOI, Identifier.Scheme.OTHER
T = TypeVar("T")
VALUES_A_QUERY = 900  # SQLite takes at least 999 parameters a query

# https://info.arxiv.org/help/arxiv_identifier.html: archive/YYMMNNN from 1991-07 to 2007-03, then YYMM.NNNN, and
# YYMM.NNNNN from 2015-01. Month 13, or five digits in 2014, is something else.
ARCHIVES = (
    "acc-phys|adap-org|alg-geom|ao-sci|astro-ph|atom-ph|bayes-an|chao-dyn|chem-ph|cmp-lg|comp-gas|cond-mat|cs|dg-ga|"
    "funct-an|gr-qc|hep-ex|hep-lat|hep-ph|hep-th|math|math-ph|mtrl-th|nlin|nucl-ex|nucl-th|patt-sol|physics|plasm-ph|"
    "q-alg|q-bio|quant-ph|solv-int|supr-con"
)
MONTH = "(?:0[1-9]|1[0-2])"
ARXIV_ID = re.compile(
    rf"""
    (?:arxiv\s*:\s*|oai:arxiv\.org:|(?:https?://)?(?:[a-z0-9-]+\.)*arxiv\.org/(?:abs|pdf|html|format|ps|src|e-print)/)*
    (?:
        (?P<new>(?:07(?:0[4-9]|1[0-2])|0[89]{MONTH}|1[0-4]{MONTH})\.[0-9]{{4}}|(?:1[5-9]|[2-9][0-9]){MONTH}\.[0-9]{{5}})
        |
        (?P<archive>{ARCHIVES})(?:\.[a-z-]+)?/(?P<number>(?:9[1-9]|0[0-6]){MONTH}[0-9]{{3}}|070[1-3][0-9]{{3}})
    )
    (?:v(?P<version>[1-9][0-9]{{0,2}}))?
    (?:\.pdf)?/?(?:[?\#]\S*)?  # as a URL may go on
    (?:\s*\[[^\]]*\])?         # as arXiv's own citation ends: [cs.LG]
    """,
    re.VERBOSE | re.IGNORECASE,
)
DOI_NAME = re.compile(
    r"""
    (?:doi\s*(?::\s*)?|info:doi/|urn:doi:|(?P<resolver>(?:https?://)?(?:dx\.|www\.)?doi\.org/))*
    (?P<name>10\.[0-9]{4,9}(?:\.[0-9]+)*/\S+)
    """,
    re.VERBOSE | re.IGNORECASE,
)
ARXIV_DOI = "10.48550/arxiv."


class Identified(NamedTuple):
    scheme: Identifier.Scheme
    value: str
    version: int | None = None

    @property
    def key(self) -> tuple[str, str]:
        """What makes it the same paper whatever the version."""
        return self.scheme.value, self.value

    @property
    def url(self) -> str:
        """The page of the paper, "" where the identifier does not lead to one."""
        if self.scheme is ARXIV:
            return f"https://arxiv.org/abs/{self.value}"
        return f"https://doi.org/{quote(self.value, safe='/:;()')}" if self.scheme is DOI else ""

    @property
    def pdf_url(self) -> str:
        return f"https://arxiv.org/pdf/{self.value}" if self.scheme is ARXIV else ""

    @property
    def month(self) -> datetime | None:
        """The first instant of the month in which arXiv gave the id."""
        if self.scheme is not ARXIV:
            return None
        digits = self.value.rpartition("/")[2]
        year, month = int(digits[:2]), int(digits[2:4])
        return datetime(year + (1900 if year > 90 and "/" in self.value else 2000), month, 1, tzinfo=UTC)


def parse_identifier(text: str) -> Identified:
    text = printable(text)
    if found := ARXIV_ID.fullmatch(text):
        return arxiv_id(found)
    if found := DOI_NAME.fullmatch(text):
        name = found["name"]
        if found["resolver"]:
            name = printable(unquote(re.sub(r"[?#].+", "", name)))
        name = name.lower()
        if arxiv := ARXIV_ID.fullmatch(name.removeprefix(ARXIV_DOI)):
            return arxiv_id(arxiv)
        if DOI_NAME.fullmatch(name):
            return Identified(DOI, name)
    return Identified(OTHER, text)


def arxiv_id(found: re.Match[str]) -> Identified:
    value = found["new"] or f"{found['archive']}/{found['number']}".lower()
    return Identified(ARXIV, value, int(found["version"]) if found["version"] else None)


def printable(text: str) -> str:
    """Without the invisible characters that copying brings along (byte-order marks, soft hyphens, NUL)."""
    if not text.isprintable():
        text = "".join(character for character in text if character.isprintable() or character.isspace())
    return " ".join(text.split())


def find_papers(texts: Iterable[str]) -> dict[str, Paper]:
    """The papers that these identifiers name, in one query for each 900 of a scheme; unknown ones are left out."""
    identified = {text: parse_identifier(text) for text in texts}
    papers = find_identified(identified.values())
    return {text: papers[key] for text, parsed in identified.items() if (key := parsed.key) in papers}


def find_identified(identified: Iterable[Identified]) -> dict[tuple[str, str], Paper]:
    rows = find_rows(identified)
    papers = Paper.objects.in_bulk({row.paper_id for row in rows.values()})
    return {key: papers[row.paper_id] for key, row in rows.items()}


def find_rows(identified: Iterable[Identified]) -> dict[tuple[str, str], Identifier]:
    values = defaultdict(set)
    for scheme, value in {parsed.key for parsed in identified}:
        values[scheme].add(value)
    return {
        (scheme, row.value): row
        for scheme, wanted in values.items()
        for chunk in chunks(sorted(wanted), VALUES_A_QUERY)
        for row in Identifier.objects.filter(scheme=scheme, value__in=chunk)
    }


def chunks(items: list[T], size: int) -> Iterator[list[T]]:
    return (items[start : start + size] for start in range(0, len(items), size))
