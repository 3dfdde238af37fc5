"""What two spellings of one title have in common, and what tells two titles apart."""

from __future__ import annotations

import hashlib
import re
import unicodedata

from papers.authors import folded, surname

WORD = re.compile(r"c\+\+|c#|f#|[^\W_]+", re.IGNORECASE)
GREEK = re.compile("[\u0370-\u03ff]")
ROMAN = re.compile(r"(?=[ivx])x{0,2}(?:ix|iv|v?i{0,3})")
ORDINALS = {"first": "1", "second": "2", "third": "3", "fourth": "4", "one": "1", "two": "2", "three": "3", "four": "4"}
# "Reply to ..." is another paper than what it replies to, however alike the titles are.
NOTICES = {"erratum", "errata", "corrigendum", "correction", "addendum", "comment", "comments", "reply", "response",
           "retraction", "retracted", "withdrawn", "supplement", "supplementary"}  # fmt: skip

GENERIC = {"editorial", "preface", "introduction", "foreword", "issue", "special", "book", "review", "the", "to",
           "this", "of", "in", "a", "contents", "table", "proceedings"}  # fmt: skip


def words(title: str) -> list[str]:
    """Words in lower case without accents; Greek letters by name, so that α-decay is alpha-decay."""
    named = GREEK.sub(lambda letter: greek(letter[0]), title)
    return WORD.findall(folded(named))


def greek(character: str) -> str:
    found = re.fullmatch(r"GREEK (?:SMALL|CAPITAL) LETTER (?:FINAL )?([A-Z]+)", unicodedata.name(character, ""))
    return f" {found[1].lower()} " if found else character


def title_key(title: str) -> str:
    """32 hexadecimal digits that are the same for every spelling of a title; "" for one without a word."""
    found = words(title)
    return hashlib.blake2b(" ".join(found).encode(), digest_size=16).hexdigest() if found else ""


def name_by_title(title: str, authors: list[str], year: str) -> str:
    """An identifier for a paper that has none: the same for the same title, first author and year."""
    return f"title:{title_key(title)}:{surname(authors[0]) if authors else ''}:{year[:4]}"


def numerals(title: str) -> list[str]:
    """What numbers a title among its like: Part II, 3D, GPT-4, second. Roman ones as digits, a lone I or X too."""
    found = []
    for word in words(title):
        if word in ORDINALS:
            found.append(ORDINALS[word])
        elif ROMAN.fullmatch(word):
            found.append(str(roman(word)))
        else:
            found += re.findall(r"\d+", word)
    return found


def roman(word: str) -> int:
    values = [{"i": 1, "v": 5, "x": 10}[letter] for letter in word]
    return sum(
        -value if value < following else value for value, following in zip(values, [*values[1:], 0], strict=True)
    )


def notices(title: str) -> set[str]:
    return NOTICES & set(words(title))


def says_enough(title: str) -> bool:
    """Whether a title can tell a paper at all; "Editorial" and "Introduction to the special issue" cannot."""
    found = words(title)
    generic = {
        "editorial",
        "preface",
        "introduction",
        "foreword",
        "issue",
        "special",
        "book",
        "review",
        "the",
        "to",
        "this",
    }
    return len(found) >= 3 and len("".join(found)) >= 15 and not set(found) <= generic
