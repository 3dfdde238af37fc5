"""Whatever a source sends, to plain text: markup, entities, LaTeX, wrong encodings, invisible characters, white space.

What comes out may still look like markup (`x<y and y>z`): it is escaped when shown, not when stored.
"""

from __future__ import annotations

import html
import re
import unicodedata

from papers.latex import holds_mathematics, latex_to_text

# Only what is markup by its name, so that `if a<b then c>d` and `<think>` stay: HTML, JATS, MathML.
BLOCKS = (
    "address article aside blockquote br caption dd disp-formula disp-quote div dl dt fig figcaption figure footer h1 "
    "h2 h3 h4 h5 h6 header hr label li list list-item ol p pre sec section subtitle table table-wrap tbody td tfoot th "
    "thead title tr ul abstract body head html"
)
INLINE = (
    "a abbr alternatives annotation annotation-xml b bdo big bold code cite dfn em email ext-link font i img inf "
    "inline-formula inline-graphic ins it italic kbd link maction math mark menclose merror meta mfenced mfrac mi "
    "mmultiscripts mn mo mover mpadded mphantom mprescripts mroot mrow ms mspace msqrt mstyle msub msubsup msup mtable "
    "mtd mtext mtr munder munderover named-content nobr none q roman s samp sans-serif sc script semantics small span "
    "strike strong style styled-content sub sup tex-math tt u underline uri var xref"
)
IS_BLOCK = frozenset(BLOCKS.split())
NAMES = "|".join(sorted([*BLOCKS.split(), *INLINE.split()], key=len, reverse=True))
TAG = re.compile(
    rf"""
    <!--.*?--> | <!\[CDATA\[(?P<data>.*?)\]\]>
    |
    </?(?:[a-z]+:)?(?P<name>{NAMES})
    (?:\s+[\w:.-]+\s*=\s*(?:"[^"<>]*"|'[^'<>]*'|[^\s"'<>=]+))*
    \s*/?>
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
POWER = re.compile(r"(?<=[\w)])<sup>([-−–+]?[0-9]+)</sup>", re.IGNORECASE)  # 10<sup>5</sup> is not 105
ENTITY = re.compile(r"\\*&(?:\\*#[0-9]{1,7}|\\*#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")  # or as \&\#228;
LATEX = re.compile(r"[\\{}$]|``|[A-Za-z][A-Za-z.,;:)]~[\w(\[]")

# UTF-8 that was read as Latin-1 or Windows-1252: â€œ is “, Ã¼ is ü. Only leads that no word ends with.
CP1252 = {bytes([byte]).decode("cp1252"): byte for byte in range(0x80, 0xA0) if byte not in b"\x81\x8d\x8f\x90\x9d"}
CONTINUATION = "[\x80-\xbf" + "".join(CP1252) + "]"
MISREAD = re.compile(
    f"[\xc2\xc3]{CONTINUATION}|[\xce\xcf][\x80-\x9f\xb1-\xbf]|[\xe2\xef]{CONTINUATION}{{2}}|\xf0{CONTINUATION}{{3}}"
)
LOST_QUOTE = "â€\ufffd"  # ” whose last byte was lost on the way

INVISIBLE = dict.fromkeys(
    [
        *[*range(0x09), *range(0x0E, 0x1C), *range(0x7F, 0xA0), *range(0xD800, 0xE000)],  # controls, surrogates
        *[0xAD, 0x200B, *range(0x2060, 0x2065), 0xFEFF],  # soft hyphen, zero width, byte-order mark
        *[0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x2070)],  # changes of direction
        *[*range(0xFDD0, 0xFDF0), 0xFFFE, 0xFFFF],  # no characters at all
    ]
)
PRINTED = str.maketrans(
    {chr(byte): character for character, byte in CP1252.items()}  # C1 controls are what Windows-1252 printed there
    | {"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"}
)
PRINTABLE = INVISIBLE | PRINTED


def plain_text(text: str) -> str:
    """One line of Unicode (NFC). Never raises, whatever the text."""
    if "<" in text:
        text = without_markup(text)
    if "&" in text:
        text = ENTITY.sub(lambda entity: html.unescape(entity[0].replace("\\", "")), text)
    if LATEX.search(text):
        text = latex_to_text(text)
    if not text.isascii():
        text = MISREAD.sub(read_again, text).replace(LOST_QUOTE, "”")
    if not (text.isascii() and text.isprintable()):
        text = unicodedata.normalize("NFC", text.translate(PRINTABLE))
    return " ".join(text.split())


def raw_beside(raw: str, plain: str) -> str:
    """What to keep of a raw text beside its plain one: itself where it holds mathematics or markup, else nothing."""
    raw = raw.translate(INVISIBLE).strip()
    return raw if raw != plain and (holds_mathematics(raw) or TAG.search(raw)) else ""


def without_markup(text: str) -> str:
    closed = {name.lower() for name in re.findall(r"</(\w)>", text)}

    def plain(tag: re.Match[str]) -> str:
        if not (name := tag["name"]):
            return tag["data"] or ""
        name = name.lower()
        if name in IS_BLOCK:
            return " "
        # `a<b>c` compares; `<b>c</b>` is bold.
        return "" if len(name) > 1 or name in closed else tag[0]

    return TAG.sub(plain, POWER.sub(r"^\1", text))


def read_again(misread: re.Match[str]) -> str:
    """The same bytes as UTF-8, where they are UTF-8."""
    try:
        return bytes(CP1252.get(character, ord(character)) for character in misread[0]).decode("utf-8")
    except (ValueError, UnicodeDecodeError):
        return misread[0]
