"""XML text -> entries, so that a broken entry costs itself and the truncated end of a document costs its last one.

lxml's own recovery is not used: it makes half an entry look whole. A document that is not well-formed is cut at the
start tags of its entries, and each piece is read alone.
"""

from __future__ import annotations

import html.entities
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from lxml import etree

from papers.parsers import BadDocument, Entry, Record, understood

ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#x[0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{0,31});")
BARE_AMPERSAND = re.compile(rf"&(?!{ENTITY.pattern[1:]})")
BARE_LESS_THAN = re.compile(r"<(?![A-Za-z_/!?])")
VERBATIM = re.compile(r"(<!\[CDATA\[.*?\]\]>|<!--.*?-->)", re.DOTALL)
DOCTYPE = re.compile(r"<!DOCTYPE[^>\[]{0,1000}(\[[^\]]{0,10000}\])?\s*>", re.IGNORECASE)
DECLARATION = re.compile(r"^\s*<\?xml[^>]{0,200}\?>")
ROOT = re.compile(r"<[A-Za-z_]")
NAMESPACE = re.compile(r"""\sxmlns(?::[A-Za-z_][\w.-]{0,60})?\s*=\s*(?:"[^"<]{0,300}"|'[^'<]{0,300}')""")
XML_ENTITIES = ("amp", "lt", "gt", "quot", "apos")


@dataclass(frozen=True)
class XmlEntry:
    raw: str
    element: etree._Element | None
    reason: str = ""


@dataclass(frozen=True)
class XmlDocument:
    """`root` is the document without its entries; None where even that cannot be read, `fault` then says why."""

    entries: list[XmlEntry] = field(default_factory=list)
    root: etree._Element | None = None
    fault: str = ""


def read_xml(text: str, entry_tag: str) -> XmlDocument:
    """Every element of a local name. BadDocument for what declares entities, which no paper feed needs and bombs do."""
    root = ROOT.search(text)
    if "<!ENTITY" in text[: root.start() if root else len(text)].upper():
        raise BadDocument("the document declares entities")
    text = DOCTYPE.sub("", DECLARATION.sub("", text), count=1)
    try:
        tree = parse(text)
    except etree.XMLSyntaxError:
        return read_broken_xml(text, entry_tag)
    whole = XmlDocument([XmlEntry(markup_of(item), item) for item in tree.iter(f"{{*}}{entry_tag}")], tree)
    if len(starts_of(text, entry_tag)) == len(whole.entries):
        return whole
    # A CDATA section that never closes takes the next entry in, and the document is well-formed all the same.
    cut = read_broken_xml(text, entry_tag)
    return max((cut, whole), key=lambda document: sum(entry.element is not None for entry in document.entries))


def starts_of(text: str, tag: str) -> list[int]:
    return [found.start() for found in re.finditer(rf"<(?:[A-Za-z_][\w.-]*:)?{tag}(?=[\s>/])", text)]


def markup_of(element: etree._Element) -> str:
    return str(etree.tostring(element, encoding="unicode", with_tail=False))


def understood_xml(item: XmlEntry, read: Callable[..., Record], *values: Any) -> Entry:
    """The entry that `read` makes of an element and further values."""
    if item.element is None:
        return Entry(item.raw, reason=item.reason)
    return understood(item.raw, read, item.element, *values)


def read_broken_xml(text: str, entry_tag: str) -> XmlDocument:
    starts = starts_of(text, entry_tag)
    end_tag = re.compile(rf"</(?:[A-Za-z_][\w.-]*:)?{entry_tag}\s*>")
    head = text[: starts[0]] if starts else text
    namespaces = "".join(NAMESPACE.findall(first_tag(head)))
    entries, rest = [], [head]
    for start, following in zip(starts, [*starts, len(text)][1:], strict=True):
        found = end_tag.search(text, start, following)
        after = found.end() if found else following
        piece = text[start:after]
        rest.append(text[after:following])
        try:
            element = parse(f"<piece{namespaces}>{mended(piece)}</piece>")[0]
            entries.append(XmlEntry(piece, element))
        except (etree.XMLSyntaxError, IndexError) as error:
            entries.append(XmlEntry(piece, None, f"not well-formed: {str(error).partition(', line')[0]}"))
    try:
        return XmlDocument(entries, parse(mended("".join(rest))))
    except etree.XMLSyntaxError as error:
        return XmlDocument(entries, None, f"the document is not well-formed XML: {str(error)[:200]}")


def first_tag(text: str) -> str:
    root = ROOT.search(text)
    return text[root.start() :].partition(">")[0] if root else ""


def parse(text: str) -> etree._Element:
    """One element tree, strictly read; nothing is fetched, nothing expanded."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    root = etree.fromstring(text.encode("utf-8"), parser)
    if root is None:
        raise etree.XMLSyntaxError("empty", 0, 0, 0)
    return root


def mended(text: str) -> str:
    """With what people write by hand made proper: bare & and <, and HTML's entities, which XML does not know."""
    pieces = VERBATIM.split(text)
    pieces[::2] = [_mended(piece) for piece in pieces[::2]]
    return "".join(pieces)


def _mended(text: str) -> str:
    text = BARE_LESS_THAN.sub("&lt;", BARE_AMPERSAND.sub("&amp;", text))
    return ENTITY.sub(_html_entity, text)


def _html_entity(found: re.Match[str]) -> str:
    name = found[0][1:-1]
    if name.startswith("#") or name in XML_ENTITIES:
        return found[0]
    character = html.entities.html5.get(f"{name};")
    return character if character is not None else f"&amp;{name};"


def text_of(parent: etree._Element | None, path: str) -> str:
    """The text of the first element at a path of local names, its markup included as text: "header/identifier"."""
    if parent is None:
        return ""
    found = parent.find("/".join(f"{{*}}{name}" for name in path.split("/")))
    return inner_text(found) if found is not None else ""


def inner_text(element: etree._Element) -> str:
    """What stands inside an element; child elements (MathML, JATS) keep their tags, for `plain_text` to judge."""
    if len(element) == 0:
        return (element.text or "").strip()
    inner = (element.text or "") + "".join(etree.tostring(child, encoding="unicode") for child in element)
    return re.sub(r"\sxmlns(?::\w+)?=\"[^\"]*\"", "", inner).strip()
