"""LaTeX in titles and abstracts to text that reads, searches and embeds well: pylatexenc, its traps disarmed.

Left alone, pylatexenc 2.11 cuts a text at a bare %, eats &, takes the dollars of `$5 to $10` for mathematics, drops
\\texttt{...} and macros it does not know, raises on malformed ones, and needs time exponential in the depth of unclosed
arguments. So the text is made well-formed first, then converted.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from functools import lru_cache

from pylatexenc.latex2text import LatexNodes2Text, MacroTextSpec
from pylatexenc.latex2text import get_default_latex_context_db as default_text_context
from pylatexenc.latexwalker import LatexMacroNode
from pylatexenc.latexwalker import get_default_latex_context_db as default_walker_context
from pylatexenc.macrospec import MacroSpec

logging.getLogger("pylatexenc").setLevel(logging.CRITICAL)  # it warns about each malformed macro

MAX_LENGTH = 20_000  # pylatexenc is quadratic in it; the longest real abstract we met has 12,000 characters
MAX_DEPTH = 8  # of braces; far beyond it pylatexenc takes minutes

# --- what macros become --------------------------------------------------------------------------------------------

DROPPED = (
    "cite citet citep citealt citealp citeauthor citeyear citeyearpar Citet Citep Citealt Citealp Citeauthor citenum "
    "ref eqref autoref cref Cref label includegraphics bibliography color pagecolor"
)
LAYOUT = (
    "noindent indent centering raggedright large Large LARGE huge Huge small footnotesize scriptsize tiny normalsize "
    "rm tt it sc bf em sl sf cal bfseries itshape scshape ttfamily rmfamily sffamily mdseries upshape normalfont "
    "displaystyle textstyle scriptstyle limits nolimits left right middle big Big bigg Bigg bigl bigr Bigl Bigr biggl "
    "biggr Biggl Biggr protect xspace relax null strut hfill vfill nonumber notag footnotemark begin end"
)
LETTERS = "o O l L i j ae AE oe OE aa ss dh DH th TH ng NG dj DJ"  # S\o ren is Søren
ALPHABETS = "mathbb mathbf mathcal mathfrak mathit mathscr mathsf mathtt"
TEXTS = {
    "LaTeX": "LaTeX", "TeX": "TeX", "BibTeX": "BibTeX", "eps": "ε", "degree": "°", "textdegree": "°", "colon": ":",
    "textless": "<", "textgreater": ">", "textbar": "|", "copyright": "©", "|": "‖", "lVert": "‖", "rVert": "‖",
    "lvert": "|", "rvert": "|", "glqq": "„", "grqq": "“",
}  # fmt: skip


def first_argument(node: LatexMacroNode, l2tobj: LatexNodes2Text) -> str:
    return str(l2tobj.node_arg_to_text(node, 0))


def last_argument(node: LatexMacroNode, l2tobj: LatexNodes2Text) -> str:
    return str(l2tobj.node_arg_to_text(node, -1))


def aside(node: LatexMacroNode, l2tobj: LatexNodes2Text) -> str:
    return f" ({last_argument(node, l2tobj)})"


def quotient(node: LatexMacroNode, l2tobj: LatexNodes2Text) -> str:
    parts = (str(l2tobj.node_arg_to_text(node, position)).strip() for position in range(2))
    return "/".join(part if re.fullmatch(r"\w*", part) else f"({part})" for part in parts)


TEXT_CONTEXT = default_text_context()
TEXT_CONTEXT.add_context_category(
    "ours",
    prepend=True,
    macros=[
        *(MacroTextSpec(name, discard=True) for name in DROPPED.split()),
        *(MacroTextSpec(name, text) for name, text in TEXTS.items()),
        # R, not the mathematical letter that looks like it: readers search for R.
        *(MacroTextSpec(name, first_argument) for name in ALPHABETS.split()),
        *(MacroTextSpec(name, quotient) for name in ("frac", "dfrac", "tfrac", "nicefrac")),
        *(MacroTextSpec(name, last_argument) for name in ("url", "href")),
        *(MacroTextSpec(name, aside) for name in ("footnote", "thanks")),
    ],
)
WALKER_CONTEXT = default_walker_context()
WALKER_CONTEXT.add_context_category(
    "ours",
    prepend=True,
    macros=[*(MacroSpec(name, "{{") for name in ("dfrac", "tfrac", "href")), MacroSpec("thanks", "{")],
)
SIGN = re.compile(r"[\\{}$~]|``|''|--")
TOKEN = re.compile(r"\\[A-Za-z]+\*?\s*|\\.|\$\$?|[{}]|\s+", re.DOTALL)
SWALLOWED = frozenset(LAYOUT.split())
PARTS_OF_WORDS = frozenset(LETTERS.split())
KNOWN = {spec.macroname for context in (TEXT_CONTEXT, WALKER_CONTEXT) for spec in context.iter_macro_specs()}
WITH_OPTION = "|".join(
    spec.macroname for spec in WALKER_CONTEXT.iter_macro_specs() if re.search(r"\[.*\{", spec.args_parser.argspec or "")
)


class Converter(LatexNodes2Text):  # type: ignore[misc]
    """Where pylatexenc drops what it does not know, this one keeps its text."""

    def macro_node_to_text(self, node: LatexMacroNode) -> str:
        name = node.macroname
        arguments = node.nodeargd.argnlist if node.nodeargd and node.nodeargd.argnlist else []
        if name in SWALLOWED:
            return ""
        if self.latex_context.get_macro_spec(name):
            text = str(super().macro_node_to_text(node))
        elif arguments:
            text = "".join(self._groupnodecontents_to_text(argument) for argument in arguments)
        elif followed_by_group(node) or not name.isalpha():
            text = ""
        else:
            text = name
        # TeX swallows the space after a macro, but people write "0.2 \AA for".
        return text + node.macro_post_space if text and not arguments and name not in PARTS_OF_WORDS else text


def followed_by_group(node: LatexMacroNode) -> bool:
    return bool(node.parsing_state.s.startswith("{", node.pos + node.len))


def latex_to_text(text: str) -> str:
    """Whatever the text. A word that cannot be converted loses its braces, backslashes and dollars only."""
    if len(text) > MAX_LENGTH or depth(text := balanced(unescaped_twice(text))) > MAX_DEPTH:
        return without_signs(text)
    text = well_formed(text)
    return " ".join(converted(word) if SIGN.search(word) else word for word in words(text))


def words(text: str) -> Iterator[str]:
    """Cut at white space outside of braces and mathematics: pylatexenc reads letter by letter what few words need."""
    if r"\begin" in text:
        yield text
        return
    start = level = 0
    in_mathematics = False
    for found in TOKEN.finditer(text):
        match found[0]:
            case "{" | "}" as brace:
                level += 1 if brace == "{" else -1
            case "$" | "$$" | r"\(" | r"\[" | r"\)" | r"\]":
                in_mathematics = not in_mathematics
            case token if token.isspace() and level == 0 and not in_mathematics:
                yield text[start : found.start()]
                start = found.end()
    yield text[start:]


@lru_cache(maxsize=4096)
def converted(word: str) -> str:
    try:
        return str(Converter(TEXT_CONTEXT).latex_to_text(word, latex_context=WALKER_CONTEXT))
    except Exception:  # IndexError, KeyError, RecursionError, ...: pylatexenc promises nothing
        return without_signs(word)


def without_signs(text: str) -> str:
    return re.sub(r"[\\{}$]", "", text)


# --- making it well-formed -------------------------------------------------------------------------------------------

BRACE = re.compile(r"(\\(?:[A-Za-z]+\*?\s*|.))|[{}]", re.DOTALL)
DOUBLED_ESCAPE = re.compile(r"(?<!\\)\\{2,}(?=[%&$_#])")
DOUBLED_ACCENT = re.compile(r"(?<=[A-Za-z{])\\{2,}(?=[\"'`^~=.]\s*(?:\{\\?[A-Za-z]\}|[A-Za-z]))")
DOUBLED_MACRO = re.compile(r"(?<!\\)\\{2,}([A-Za-z]+)")
LINE_BREAK = re.compile(r"\\\\(?:\*|\[[^\]]{0,8}\])?")
ESCAPED_GROUP = re.compile(r"\\\{(\\['`^\"~=.uvHcdbkr]\s*\\?[A-Za-z])\\\}")  # Barab\{\'a\}si
BARE = re.compile(r"(?<!\\)([%&])")
TIE = re.compile(r"(?<=[A-Za-z][A-Za-z.,;:)}$\]])~(?=[\w\\$({\[])")
TILDE = re.compile(r"(?<!\\)~")
OPTION = re.compile(rf"(\\(?:{WITH_OPTION})\*?)(?:\s*\[[^\[\]{{}}]*\])+")
UNCLOSED_OPTION = re.compile(rf"(\\(?:{WITH_OPTION})\*?)(?=\s*\[)")
DEGREE = re.compile(r"\^\s*(?:\\circ(?![A-Za-z])|\{\s*\\circ\s*\})")
PRIME = re.compile(r"\^\s*(?:\\prime(?![A-Za-z])|\{\s*\\prime\s*\})")
FUNCTION = re.compile(r"(?<=[A-Za-z0-9)}])\\(?=(?:arg|cos|exp|inf|ln|log|max|min|sin|sup|tan)(?![A-Za-z]))")
SCRIPT = re.compile(r"([\^_])\{([^{}\\$]+[-+*/=, ][^{}\\$]*)\}")  # x_{t-1}, not 10^{-3}
SUBSCRIPT = re.compile(r"(?<=\w)\$_(?:\{(\w+)\}|(\w))\$")  # H$_2$O
SUPERSCRIPT = re.compile(r"(?:(?<![\w)\]}$])\$\^(?:\{(\w+)\}|(\w))|\$\^\{(st|nd|rd|th)\})\$")  # $^{18}$F, 5$^{th}$
DOLLAR = re.compile(r"\\.|\$\$[^$]+\$\$|\$((?:\\.|[^$\\])+)\$|\$", re.DOTALL)


def unescaped_twice(text: str) -> str:
    """What was escaped twice on its way, once; line breaks become spaces."""
    text = DOUBLED_ACCENT.sub(r"\\", DOUBLED_ESCAPE.sub(r"\\", text))
    text = DOUBLED_MACRO.sub(lambda found: f"\\{found[1]}" if found[1] in KNOWN else f" {found[1]}", text)
    return ESCAPED_GROUP.sub(r"\1", LINE_BREAK.sub(" ", text))


def well_formed(text: str) -> str:
    text = SUBSCRIPT.sub(r"\1\2", SUPERSCRIPT.sub(r"\1\2\3", text))
    text = PRIME.sub("′", DEGREE.sub("°", text))
    text = FUNCTION.sub(r" \\", SCRIPT.sub(r"\1{(\2)}", text))
    text = TILDE.sub(r"\\textasciitilde{}", TIE.sub(" ", text))
    text = UNCLOSED_OPTION.sub(r"\1{}", OPTION.sub(r"\1", text))
    return BARE.sub(r"\\\1", with_money_escaped(text))


def balanced(text: str) -> str:
    """Braces without a partner become an empty pair, which is nothing; those around whole words go."""
    opened: list[tuple[int, bool]] = []
    changed: dict[int, str] = {}
    macro_end = -1
    for found in BRACE.finditer(text):
        position = found.start()
        if found[1]:
            macro_end = found.end()
        elif found[0] == "{":
            around_words = position != macro_end and text[position - 1 : position] in ("", " ", "(", "\n", "{")
            opened.append((position, around_words and text[position - 2 : position] != "} "))
        elif opened:
            start, around_words = opened.pop()
            if around_words:
                changed |= {start: "", position: "{}" if position == macro_end else ""}
        else:
            changed[position] = "{}"
    changed |= {position: "{}" for position, _ in opened}
    parts: list[str] = []
    end = 0
    for position, instead in sorted(changed.items()):
        parts += text[end:position], instead
        end = position + 1
    return "".join(parts) + text[end:]


def depth(text: str) -> int:
    level = deepest = 0
    for found in BRACE.finditer(text):
        level += {"{": 1, "}": -1}.get(found[0], 0)
        deepest = max(deepest, level)
    return deepest


def with_money_escaped(text: str) -> str:
    """Dollars that enclose no mathematics become \\$."""
    parts: list[str] = []
    position = 0
    while found := DOLLAR.search(text, position):
        parts.append(text[position : found.start()])
        position = found.end()
        if found[1] and not is_mathematics(found[1], text[position : position + 1]):
            position = found.start() + 1
            parts.append(r"\$")
        else:
            parts.append(r"\$" if found[0] == "$" else found[0])
    return "".join(parts) + text[position:]


def is_mathematics(between: str, following: str) -> bool:
    """Whether what stands between two dollars is mathematics, given the character after the second."""
    if re.search(r"\\[^$%&#_]", between):
        return True
    if between != between.strip() and (re.search(r"[A-Za-z]{3}", between) or not between.strip()):
        return False
    if following.isdigit():
        return "^" in between
    return not re.match(r"[0-9.,]+[^^_=]* [^^_=]*[A-Za-z]{2}", between)


def holds_mathematics(text: str) -> bool:
    if re.search(r"\\[(\[]|\\begin\{", text):
        return True
    return any(
        found[0].startswith("$$") or (found[1] and is_mathematics(found[1], text[found.end() : found.end() + 1]))
        for found in DOLLAR.finditer(text)
    )
