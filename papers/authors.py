"""Author names: one string into several, each in the order it is spoken, and when two name the same person."""

from __future__ import annotations

import re
import unicodedata

INITIALS = re.compile(r"^(?:[A-Z]\.?(?:[\s-]?[A-Z]\.?){0,3})$")
PARTICLES = {"van", "von", "der", "den", "de", "del", "della", "di", "da", "dos", "du", "la", "le", "el", "al", "ter",
             "ten", "zu", "zur", "bin", "ibn", "ben", "st", "st.", "af", "av", "do", "das"}  # fmt: skip
SUFFIXES = {"jr", "jr.", "sr", "sr.", "ii", "iii", "iv"}
CORPORATE = re.compile(
    r"\b(?:collaboration|consortium|team|group|project|network|initiative|committee)\b", re.IGNORECASE
)


def split_authors(text: str) -> list[str]:
    """Authors written as one string, in any of the ways people do."""
    text = " ".join(text.split()).strip(" ,;")
    if not text:
        return []
    if ";" in text:
        names = split_outside_braces(text, r"\s*;\s*(?:and\s+)?")
    elif len(pieces := split_outside_braces(text, r"\s*,?\s+(?:and|AND|&)\s+")) > 1:
        # BibTeX's "Doe, Jane and Roe, Rick" or a sentence's "Jane Doe, Rick Roe and Ann Lee".
        names = [name for piece in pieces for name in (split_commas(piece) if piece.count(",") else [piece])]
    else:
        names = split_commas(text)
    return [name for raw in names if (name := in_order(raw)) and name.lower() not in ("others", "et al", "et al.")]


def split_outside_braces(text: str, separator: str) -> list[str]:
    pieces, start, depth = [], 0, 0
    for found in re.finditer(rf"[{{}}]|{separator}", text):
        if found[0] == "{":
            depth += 1
        elif found[0] == "}":
            depth = max(0, depth - 1)
        elif depth == 0:
            pieces.append(text[start : found.start()])
            start = found.end()
    return [piece for piece in (*pieces, text[start:]) if piece.strip()]


def split_commas(text: str) -> list[str]:
    pieces = [piece.strip() for piece in split_outside_braces(text, r"\s*,\s*")]
    if len(pieces) == 1:
        return pieces
    if pieces[-1].lower() in SUFFIXES or (len(pieces) > 2 and pieces[1].lower() in SUFFIXES):
        return [text] if len(pieces) <= 3 else pieces
    if all(ends_in_initials(piece) for piece in pieces):  # Smith J, Lee K
        return pieces
    if len(pieces) == 2:
        return [text] if is_surname_first(*pieces) else pieces
    if len(pieces) % 2 == 0 and all(INITIALS.match(piece) for piece in pieces[1::2]):  # Smith, J., Lee, K.
        return [f"{surname}, {initials}" for surname, initials in zip(pieces[::2], pieces[1::2], strict=True)]
    return pieces


def ends_in_initials(name: str) -> bool:
    words = name.split()
    return len(words) > 1 and len(words[0]) > 2 and bool(re.fullmatch(r"[A-Z]{1,3}", words[-1]))


def is_surname_first(surname: str, given: str) -> bool:
    """Borland, Alexander; van der Berg, J.; not Jane Doe, Rick Roe."""
    if INITIALS.match(given):
        return True
    words = [word for word in surname.split() if word.lower() not in PARTICLES]
    return len(words) <= 1 or len(given.split()) == 1


def in_order(name: str) -> str:
    """ "Berg, J. van der" and "van der Berg, J." as they are spoken; braces hold a name together and are dropped."""
    name = " ".join(name.split())
    if name.startswith("{") and name.endswith("}") and name.count("{") == 1:
        return name[1:-1].strip()
    name = name.strip(" ,;")
    if CORPORATE.search(name) and "," not in name:
        return name
    parts = [part.strip() for part in split_outside_braces(name, r"\s*,\s*")]
    if len(parts) == 3 and parts[1].lower() in SUFFIXES:  # King, Jr., Martin Luther
        return f"{parts[2]} {parts[0]} {parts[1]}"
    if len(parts) == 3 and parts[2].lower() in SUFFIXES:
        return f"{parts[1]} {parts[0]} {parts[2]}"
    if len(parts) == 2:
        return f"{parts[0]}, {parts[1]}" if parts[1].lower() in SUFFIXES else f"{parts[1]} {parts[0]}"
    return name


def surname(name: str) -> str:
    """What two spellings of one person have in common: the last name without accents, in lower case."""
    words = [word for word in re.split(r"[\s,]+", folded(name)) if word and word.strip(".") not in SUFFIXES]
    if not words:
        return ""
    if len(words) > 1 and re.fullmatch(r"[A-Z]{1,3}", name.split()[-1]):  # Smith JA
        words = words[:-1]
    return re.sub(r"[^\w]", "", words[-1].rpartition("-")[2] or words[-1])


def folded(text: str) -> str:
    text = text.replace("ø", "o").replace("Ø", "O").replace("ł", "l").replace("Ł", "L").replace("ß", "ss")
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(character for character in decomposed if not unicodedata.combining(character)).casefold()


def are_compatible(one: list[str], other: list[str]) -> bool:
    """Whether two lists can be of one paper: half of the shorter one's surnames stand in the other."""
    left, right = {surname(name) for name in one} - {""}, {surname(name) for name in other} - {""}
    if not left or not right:
        return False
    return len(left & right) * 2 >= min(len(left), len(right))
