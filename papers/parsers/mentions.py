"""What a text mentions: identifiers of the paper it describes, links to its code, that it was withdrawn."""

from __future__ import annotations

import re
from collections.abc import Iterable

from papers.identifiers import ARXIV, DOI, parse_identifier

ARXIV_MENTION = re.compile(
    r"(?:arxiv\s*[:.]\s*|arxiv\.org/(?:abs|pdf|html|format)/)"
    r"([a-z-]+(?:\.[A-Z]{2})?/\d{7}|\d{4}\.\d{4,5})(v\d+)?(?!\d)",
    re.IGNORECASE,
)
DOI_MENTION = re.compile(r"\b10\.\d{4,9}(?:\.\d+)*/[^\s\"'<>{}|\\^`]+", re.IGNORECASE)
CODE_LINK = re.compile(
    r"https?://(?:www\.)?(?:github\.com|gitlab\.com|bitbucket\.org|codeberg\.org|huggingface\.co)/[\w.-]+/[\w.-]+"
    r"(?:/[\w.-]+)*",
    re.IGNORECASE,
)
# "This paper has been withdrawn", told by arXiv only in the comment or in the abstract's place. A paper *about*
# withdrawal ("Withdrawn drugs in ...") says it otherwise.
WITHDRAWN = re.compile(
    r"^\W*(?:this|the)\s+(?:paper|article|submission|manuscript|preprint|work|version|note)\s+"
    r"(?:has\s+been|have\s+been|is|was|is\s+being)\s+(?:temporarily\s+)?(?:withdrawn|retracted)"
    r"|^\W*(?:paper\s+|article\s+|submission\s+)?(?:has\s+been\s+)?withdrawn\s+(?:by|due|because|at|as|from|on|for|pending)\b"
    r"|^\W*withdrawn\W*$"
    r"|\b(?:we|i|the\s+authors?)\s+(?:have\s+|has\s+|hereby\s+)?(?:withdraw|withdrew|withdrawn)\s+(?:this|the|our)\s+"
    r"(?:paper|article|submission|manuscript|preprint)"
    r"|\bthis\s+(?:paper|article|submission|manuscript|preprint)\s+(?:has\s+been|was|is)\s+withdrawn\b",
    re.IGNORECASE,
)


def identifiers_in(dois: Iterable[str] = (), arxiv: Iterable[str] = (), texts: Iterable[str] = ()) -> list[str]:
    """Every arXiv id and DOI, each once: fields that should hold one, then mentions in texts that may hold anything."""
    named = [name.strip() for name in (*arxiv, *dois) if parse_identifier(name).scheme in (ARXIV, DOI)]
    mentioned = []
    for text in texts:
        mentioned += [f"arXiv:{found[1]}{found[2] or ''}" for found in ARXIV_MENTION.finditer(text)]
        mentioned += [trimmed(found[0]) for found in DOI_MENTION.finditer(text)]
    seen: dict[tuple[str, str], str] = {}
    for name in [*named, *mentioned]:
        parsed = parse_identifier(name)
        if parsed.scheme in (ARXIV, DOI):
            seen.setdefault(parsed.key, name)
    return list(seen.values())


def trimmed(doi: str) -> str:
    """A DOI in running text ends before the sentence does."""
    doi = doi.rstrip(".,;:!?")
    while doi.endswith((")", "]")) and doi.count("(") + doi.count("[") < doi.count(")") + doi.count("]"):
        doi = doi[:-1].rstrip(".,;:!?")
    return doi


def code_link_in(*texts: str) -> str:
    """The first link to a repository. GitHub's own pages (features, sponsors) have no owner of such a name."""
    for text in texts:
        for found in CODE_LINK.finditer(text):
            link = found[0].rstrip(".-")
            owner = link.split("/")[3].lower()
            if owner not in ("features", "sponsors", "topics", "orgs", "datasets", "papers", "spaces", "blog"):
                return re.sub(r"\.git$", "", link)
    return ""


def says_withdrawn(text: str) -> bool:
    return bool(WITHDRAWN.search(" ".join(text.split())[:400]))
