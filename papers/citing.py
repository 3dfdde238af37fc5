"""A paper as an entry for reference managers: BibTeX and RIS. The way back is papers/parsers/."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from papers.authors import CORPORATE, PARTICLES, SUFFIXES, folded, surname
from papers.identifiers import ARXIV, DOI
from papers.models import Paper

# Characters that mean something to TeX. The rest stays as it is: BibTeX files are UTF-8.
TEX = {"\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"} | {
    character: f"\\{character}" for character in "&%$#_"
}
DATE_PARTS = {Paper.Precision.YEAR: "%Y", Paper.Precision.MONTH: "%Y/%m"}


def bibtex(paper: Paper, key: str = "", more: Mapping[str, str] | None = None) -> str:
    """Under its own citation key unless another is given, with more fields of plain text."""
    fields = {
        "title": f"{{{_tex(paper.title)}}}",  # twice in braces: capitals are kept
        "author": " and ".join(_bibtex_name(name) for name in paper.author_names),
        "year": f"{paper.published_at:%Y}",
        "month": "" if paper.published_precision == Paper.Precision.YEAR else f"{paper.published_at.month}",
        "url": paper.url,
        "abstract": _tex(paper.abstract),
    }
    for identifier in paper.identifiers.all():
        if identifier.scheme == ARXIV:
            fields |= {"eprint": identifier.value, "archiveprefix": "arXiv"}
        elif identifier.scheme == DOI:
            fields["doi"] = _tex(identifier.value)
    fields |= {name: _tex(value) for name, value in (more or {}).items()}
    lines = [f"  {name} = {{{value}}}," for name, value in fields.items() if value]
    return "\n".join([f"@misc{{{key or citation_key(paper)},", *lines, "}", ""])


def ris(paper: Paper, more: Iterable[tuple[str, str]] = ()) -> str:
    """Lines end as the format's own description has it, in CR and LF."""
    lines = [("TY", "GEN"), ("TI", paper.title)]
    for name in paper.author_names:
        family, given = family_and_given(name)
        lines.append(("AU", f"{family}, {given}" if given else family))
    lines += [
        ("PY", f"{paper.published_at:%Y}"),
        ("DA", paper.published_at.strftime(DATE_PARTS.get(Paper.Precision(paper.published_precision), "%Y/%m/%d"))),
        ("AB", paper.abstract),
        *(("DO", identifier.value) for identifier in paper.identifiers.all() if identifier.scheme == DOI),
        *(("AN", f"arXiv:{identifier.value}") for identifier in paper.identifiers.all() if identifier.scheme == ARXIV),
        *(("KW", topic.name) for topic in paper.topics.all()),
        ("UR", paper.url),
        ("L1", paper.pdf_url),
        *more,
    ]
    text = "".join(f"{tag}  - {' '.join(value.split())}\r\n" for tag, value in lines if value)
    return f"{text}ER  - \r\n"


def citation_key(paper: Paper) -> str:
    """lovelace2025speech: first surname, year, first long word, all in ASCII."""
    names = paper.author_names
    words = [word for word in re.findall(r"[a-z0-9]+", folded(paper.title)) if len(word) > 3]
    parts = [surname(names[0]) if names else "", f"{paper.published_at:%Y}", words[0] if words else str(paper.pk)]
    return re.sub(r"[^a-z0-9]", "", "".join(parts))


def family_and_given(name: str) -> tuple[str, str]:
    """Ludwig van Beethoven: van Beethoven, Ludwig. A group and a single name have no given part."""
    words = name.split()
    if len(words) < 2 or CORPORATE.search(name):
        return " ".join(words), ""
    if re.fullmatch(r"[A-Z]{1,3}", words[-1]):  # Smith JA
        return " ".join(words[:-1]), words[-1]
    first = len(words) - (2 if words[-1].lower() in SUFFIXES and len(words) > 2 else 1)
    while first > 1 and words[first - 1].lower() in PARTICLES:
        first -= 1
    return " ".join(words[first:]), " ".join(words[:first])


def _bibtex_name(name: str) -> str:
    family, given = family_and_given(name)
    if not given:
        return f"{{{_tex(family)}}}"
    return f"{_tex(family)}, {_tex(given)}"


def _tex(text: str) -> str:
    return "".join(TEX.get(character, character) for character in " ".join(text.split()))
